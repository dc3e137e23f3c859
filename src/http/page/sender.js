// One connection that sends frames as fovea.v1, each when the one before was taken. The README describes the protocol.

const QUALITY = 0.8;
const HEADER_BYTES = 40;
const JPEG = 1;
const UNANSWERED_MS = 2000; // then another frame is sent
const POLICY = 1008; // the close code for those who may not go on

const microseconds = (ms) => Math.round(ms * 1000);

function header(seq, capturedMs) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  [..."FVEA"].forEach((letter, at) => view.setUint8(at, letter.charCodeAt(0)));
  view.setUint8(4, 1);
  view.setUint8(5, JPEG);
  view.setUint16(6, HEADER_BYTES, true);
  view.setBigUint64(24, BigInt(seq), true);
  view.setBigUint64(32, BigInt(microseconds(capturedMs)), true);
  return view.buffer;
}

/**
 * Sends what a video shows, at most `width` pixels wide, until `signal` or the connection ends it. Calls `hear[type]` with
 * what the board says, and `hear.sent(seq)`. Resolves to why the connection ended, in words that may be empty, and whether
 * another sender has the camera now.
 */
export function send(url, video, width, hear, signal) {
  const socket = new WebSocket(url, "fovea.v1");
  const pace = new Pace(video, width, (seq, capturedMs, jpeg) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(new Blob([header(seq, capturedMs), jpeg]));
    hear.sent(seq);
  });
  socket.onopen = () => pace.next();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "clock") {
      const { server_us } = message;
      socket.send(JSON.stringify({ type: "clock", server_us, sender_us: microseconds(performance.now()) }));
    }
    if (message.type === "taken" || message.type === "refused") pace.answered(message.seq);
    hear[message.type]?.(message);
  };
  const leave = () => socket.close(1000);
  signal.addEventListener("abort", leave);
  return new Promise((done) => {
    socket.onclose = ({ code, reason }) => {
      pace.end();
      signal.removeEventListener("abort", leave); // the signal lives on, through all connections
      done({ reason, isReplaced: code === POLICY && reason.startsWith("another client") });
    };
  });
}

/** When the next frame is made: when the newest was answered, or was not in a long time; never two at once. */
class Pace {
  #canvas = document.createElement("canvas");
  #seq = 0;
  #isMaking = false;
  #isOver = false;
  #timer;

  constructor(video, width, made) {
    Object.assign(this, { video, width, made });
  }

  answered(seq) {
    if (seq === this.#seq) this.next();
  }

  /** Makes a frame as soon as the camera has one. */
  next() {
    clearTimeout(this.#timer);
    if (this.#isMaking || this.#isOver) return;
    this.#isMaking = true;
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback((_, about) => this.#make(about.captureTime));
    else requestAnimationFrame(() => this.#make());
  }

  end() {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #make(capturedMs = performance.now()) {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, this.width / videoWidth);
    [this.#canvas.width, this.#canvas.height] = [videoWidth, videoHeight].map((side) => Math.round(side * scale));
    this.#canvas.getContext("2d").drawImage(this.video, 0, 0, this.#canvas.width, this.#canvas.height);
    const jpeg = await new Promise((done) => this.#canvas.toBlob(done, "image/jpeg", QUALITY));
    this.#isMaking = false;
    if (this.#isOver) return;
    if (jpeg) this.made(++this.#seq, capturedMs, jpeg); // none is made of a video that has just ended
    this.#timer = setTimeout(() => this.next(), UNANSWERED_MS);
  }
}

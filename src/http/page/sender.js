// One connection that sends frames as fovea.v1, each when the one before was taken. docs/protocol.md describes it.

const QUALITY = 0.8;
const HEADER_BYTES = 40;
const JPEG = 1;
const ACK_TIMEOUT_MS = 2000; // then another frame is sent
const POLICY_VIOLATION = 1008; // WebSocket close code

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
 * Sends the pictures of a video, at most `width` pixels wide, until `signal` or the connection ends it. Calls
 * `handlers[type](message)` for each message of the board, and `handlers.sent(seq)`. Resolves to `{ reason, isReplaced }`:
 * why the connection ended (may be empty), and whether another sender has the camera now.
 */
export function send(url, video, width, handlers, signal) {
  const socket = new WebSocket(url, "fovea.v1");
  const pacer = new Pacer(video, width, (seq, capturedMs, jpeg) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(new Blob([header(seq, capturedMs), jpeg]));
    handlers.sent(seq);
  });
  socket.onopen = () => pacer.next();
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "clock") {
      const { server_us } = message;
      socket.send(JSON.stringify({ type: "clock", server_us, sender_us: microseconds(performance.now()) }));
    }
    if (message.type === "taken" || message.type === "refused") pacer.acknowledge(message.seq);
    handlers[message.type]?.(message);
  };
  const close = () => socket.close(1000);
  signal.addEventListener("abort", close);
  return new Promise((done) => {
    socket.onclose = ({ code, reason }) => {
      pacer.end();
      signal.removeEventListener("abort", close); // the signal outlives the connection
      done({ reason, isReplaced: code === POLICY_VIOLATION && reason.startsWith("another client") });
    };
  });
}

/** Decides when to make the next frame: when the newest was acknowledged, or after a timeout; never two at once. */
class Pacer {
  #canvas = document.createElement("canvas");
  #seq = 0;
  #isMaking = false;
  #isOver = false;
  #timer;

  constructor(video, width, onFrame) {
    Object.assign(this, { video, width, onFrame });
  }

  acknowledge(seq) {
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
    if (jpeg) this.onFrame(++this.#seq, capturedMs, jpeg); // there is none of a video that has just ended
    this.#timer = setTimeout(() => this.next(), ACK_TIMEOUT_MS);
  }
}

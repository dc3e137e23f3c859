// This device as a camera: frames as fovea.v1 to the WebSocket port, each when the one before was taken.

import { drawBoxes } from "/draw.js";
import { get } from "/stream.js";

const QUALITY = 0.8;
const HEADER_BYTES = 40;
const JPEG = 1;
const UNANSWERED_MS = 2000; // then another frame is sent
const RATE_OVER_MS = 3000;

const element = (id) => document.getElementById(id);
const video = document.querySelector("video");
const svg = document.querySelector("svg");
const say = (id, text) => (element(id).textContent = text);
const nowUs = () => Math.round(performance.now() * 1000);

let port = 8999;
let session;

/** The header of `fovea.v1`, field by field as the README has it. */
function header(seq, capturedUs) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  [..."FVEA"].forEach((letter, at) => view.setUint8(at, letter.charCodeAt(0)));
  view.setUint8(4, 1);
  view.setUint8(5, JPEG);
  view.setUint16(6, HEADER_BYTES, true);
  view.setBigUint64(24, BigInt(seq), true);
  view.setBigUint64(32, BigInt(capturedUs), true);
  return view.buffer;
}

/** One camera and one connection, from Start to Stop. */
class Session {
  #canvas = document.createElement("canvas");
  #seq = 0;
  #taken = 0;
  #takenAt = [];
  #timer;
  #over = false;

  constructor(stream, name, width) {
    this.stream = stream;
    this.width = width;
    const base = location.protocol === "https:" ? `wss://${location.host}` : `ws://${location.hostname}:${port}`;
    this.socket = new WebSocket(`${base}/frames/${name}?results`, "fovea.v1");
    this.socket.onopen = () => this.#next();
    this.socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    this.socket.onclose = ({ code, reason }) => {
      stop(reason || (this.#seq === 0 ? `No connection to ${base}.` : `The connection ended (${code}).`));
    };
  }

  end() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.socket.onclose = null;
    this.socket.close(1000);
    for (const track of this.stream.getTracks()) track.stop();
    svg.replaceChildren();
  }

  /** Sends the next frame as soon as the camera has one. */
  #next() {
    clearTimeout(this.#timer);
    const send = () => !this.#over && this.#send();
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(send);
    else requestAnimationFrame(send);
  }

  async #send() {
    const capturedUs = nowUs();
    const { videoWidth, videoHeight } = video;
    const scale = Math.min(1, this.width / videoWidth);
    [this.#canvas.width, this.#canvas.height] = [videoWidth, videoHeight].map((side) => Math.round(side * scale));
    this.#canvas.getContext("2d").drawImage(video, 0, 0, this.#canvas.width, this.#canvas.height);
    const jpeg = await new Promise((done) => this.#canvas.toBlob(done, "image/jpeg", QUALITY));
    if (this.#over || this.socket.readyState !== WebSocket.OPEN) return;
    this.#seq += 1;
    this.socket.send(new Blob([header(this.#seq, capturedUs), jpeg]));
    say("sent", this.#seq);
    this.#timer = setTimeout(() => this.#next(), UNANSWERED_MS);
  }

  #hear(message) {
    switch (message.type) {
      case "hello":
        say("state", `Sends to ${message.camera}`);
        break;
      case "clock":
        this.socket.send(JSON.stringify({ type: "clock", server_us: message.server_us, sender_us: nowUs() }));
        break;
      case "taken":
        if (message.seq !== this.#seq) break;
        this.#taken += 1;
        this.#takenAt.push(performance.now());
        this.#takenAt = this.#takenAt.filter((at) => at > performance.now() - RATE_OVER_MS);
        say("taken", this.#taken);
        say("rate", `${((this.#takenAt.length * 1000) / RATE_OVER_MS).toFixed(1)} /s`);
        this.#next();
        break;
      case "refused":
        say("state", `Frame ${message.seq} refused: ${message.cause}`);
        if (message.seq === this.#seq) this.#next();
        break;
      case "result":
        say("age", `${Math.round(message.age_ms.result)} ms`);
        drawBoxes(svg, message.size_px, message.motion?.boxes ?? []);
        svg.dataset.seq = message.seq;
        break;
    }
  }
}

async function start() {
  element("toggle").disabled = true;
  const [width, facingMode] = [Number(element("width").value), element("facing").value];
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: width }, facingMode }, audio: false });
    video.srcObject = stream;
    await video.play();
    session = new Session(stream, element("name").value, width);
    say("toggle", "Stop");
    say("state", "Connecting");
    navigator.wakeLock?.request("screen").catch(() => {}); // a dark screen ends the camera; if not allowed, so be it
  } catch (error) {
    say("state", `The camera cannot be used: ${error.message}`);
  }
  element("toggle").disabled = false;
}

function stop(why) {
  session?.end();
  session = undefined;
  video.srcObject = null;
  say("toggle", "Start");
  say("state", why);
}

element("toggle").addEventListener("click", () => (session ? stop("Off") : start()));

const [cameras, status] = await Promise.all([get("/api/cameras"), get("/api/status")]);
port = status.websocket_port;
say("port", port);
// Whoever sends as a camera that is live takes its place; so the first that is not is proposed.
const isLive = new Map(status.cameras.map(({ camera, state }) => [camera, state === "live"]));
const options = cameras.map(({ name }) => new Option(isLive.get(name) ? `${name} (replaces who sends now)` : name, name));
element("name").replaceChildren(...options);
element("name").value = (cameras.find(({ name }) => !isLive.get(name)) ?? cameras[0]).name;
element("insecure").hidden = Boolean(navigator.mediaDevices);
element("toggle").disabled = !navigator.mediaDevices;

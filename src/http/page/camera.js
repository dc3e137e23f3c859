// This device as a camera: Start opens it and sends its pictures until Stop; the page shows what fovea detects in them.

import { drawDetections } from "/draw.js";
import { setText } from "/format.js";
import { send } from "/sender.js";
import { RETRY_MS, getJson } from "/stream.js";

const RATE_WINDOW_MS = 3000;

// Why the browser does not open the camera, by the name of its error, and what to do.
const CAMERA_ERRORS = {
  NotAllowedError: "The browser blocks the camera. Allow it for this page, usually beside the address, and press Start.",
  NotFoundError: "This device has no camera, or none is plugged in.",
  NotReadableError: "Another program uses the camera. Close that program and press Start.",
};

const element = (id) => document.getElementById(id);
const video = document.querySelector("video");
const svg = document.querySelector("svg");
const show = (id, text) => setText(element(id), String(text));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

let port, isTls;
let session; // while the camera is on

/** Shows the messages of the board; its counts go on over connections. */
class SendStatus {
  #counts = { sent: 0, taken: 0 };
  #takenAt = [];

  sent = () => show("sent", ++this.#counts.sent);
  hello = ({ camera }) => show("state", `Sends to ${camera}`);
  refused = ({ cause }) => show("state", `A frame was refused: ${cause}`);

  taken = () => {
    const now = performance.now();
    this.#takenAt = [...this.#takenAt.filter((at) => at > now - RATE_WINDOW_MS), now];
    show("taken", ++this.#counts.taken);
    show("rate", `${((this.#takenAt.length * 1000) / RATE_WINDOW_MS).toFixed(1)} /s`);
  };

  result = (result) => {
    show("age", `${Math.round(result.age_ms.result)} ms`);
    drawDetections(svg, result.size_px, result.detections);
    svg.dataset.seq = result.seq;
  };
}

/** Sends until `signal` ends it or another sender takes over; connects again when the connection is lost. */
async function keepSending(name, width, signal) {
  // A proxy with a certificate takes frames at its own port.
  const isProxied = location.protocol === "https:" && !isTls;
  const base = isProxied ? `wss://${location.host}` : `${isTls ? "wss" : "ws"}://${location.hostname}:${port}`;
  const status = new SendStatus();
  for (;;) {
    const { reason, isReplaced } = await send(`${base}/frames/${name}?results`, video, width, status, signal);
    if (signal.aborted) return;
    svg.replaceChildren();
    // Two devices would replace each other for ever.
    if (isReplaced) return stop(`Off: ${reason}. Press Start to take the camera back.`);
    const why = reason || (await likelyCause(name));
    if (signal.aborted) return;
    show("state", `No connection to ${base}${why && ` (${why})`}. Trying again.`);
    await sleep(RETRY_MS);
    if (signal.aborted) return;
  }
}

/** A guess why frames are refused although pages are served: browsers do not tell a page how a handshake failed. */
async function likelyCause(name) {
  try {
    const cameras = await getJson("/api/cameras");
    if (!cameras.some((camera) => camera.name === name && !camera.plugged_in)) return `devices cannot send as ${name} now`;
  } catch {
    return ""; // no response at all
  }
  return location.protocol === "https:" ? `is ${location.origin} in server.allowed_origins?` : "is server.listen an address that this device can reach?";
}

/** Keeps the screen on if the browser allows it: the camera ends when the screen goes dark. */
async function keepAwake() {
  const current = session;
  try {
    current.wakeLock = await navigator.wakeLock.request("screen");
    if (session !== current) current.wakeLock.release();
  } catch {
    // The browser has no wake lock, or gives none now.
  }
}

/** Opens this device's camera and shows it on the page. */
async function openCamera(width) {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: width }, facingMode: element("facing").value }, audio: false,
  });
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    closeCamera(stream);
    throw error;
  }
  return stream;
}

function closeCamera(stream) {
  for (const track of stream.getTracks()) track.stop();
  video.srcObject = null;
}

async function start() {
  element("toggle").disabled = true;
  show("state", "Asking for the camera");
  const width = Number(element("width").value);
  try {
    const stream = await openCamera(width);
    session = { stream, controller: new AbortController() };
    stream.getVideoTracks()[0].addEventListener("ended", () => stop("Off: the camera was unplugged, or the browser took it from this page."));
    setRunning(true);
    show("state", "Connecting");
    keepSending(element("name").value, width, session.controller.signal);
    keepAwake();
  } catch (error) {
    show("state", CAMERA_ERRORS[error.name] ?? `The camera cannot be used: ${error.message}`);
  }
  element("toggle").disabled = false;
}

function stop(reason) {
  if (!session) return;
  session.controller.abort();
  session.wakeLock?.release();
  closeCamera(session.stream);
  session = undefined;
  svg.replaceChildren();
  setRunning(false);
  show("state", reason);
}

/** Locks the choices until Stop. */
function setRunning(isRunning) {
  show("toggle", isRunning ? "Stop" : "Start");
  for (const id of ["name", "width", "facing"]) element(id).disabled = isRunning;
}

/** Lists the cameras that this device can send as. */
async function listCameras() {
  const [cameras, status] = [await getJson("/api/cameras"), await getJson("/api/status")];
  port = status.websocket_port;
  isTls = status.tls?.is_used ?? false;
  show("port", port);
  // A sender replaces the one before, so the first camera that is not live is preselected.
  const isLive = new Map(status.cameras.map(({ camera, state }) => [camera, state === "live"]));
  const names = cameras.filter(({ plugged_in }) => !plugged_in).map(({ name }) => name);
  const options = names.map((name) => new Option(isLive.get(name) ? `${name} (replaces the current sender)` : name, name));
  element("name").replaceChildren(...options);
  element("name").value = names.find((name) => !isLive.get(name)) ?? names[0];
  const isSecure = Boolean(navigator.mediaDevices);
  element("insecure").hidden = isSecure;
  element("toggle").disabled = !isSecure || names.length === 0;
  show("state", names.length > 0 ? "Off" : "All cameras are plugged into the board, so this device cannot send as one.");
}

// A hidden page loses its wake lock.
document.addEventListener("visibilitychange", () => session && !document.hidden && keepAwake());
element("toggle").addEventListener("click", () => (session ? stop("Off") : start()));
for (;;) {
  try {
    await listCameras();
    break;
  } catch {
    show("state", "The board does not answer. Trying again.");
    await sleep(RETRY_MS);
  }
}

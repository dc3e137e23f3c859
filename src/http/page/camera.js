// This device as a camera: Start asks for it, sends what it sees until Stop, and shows what fovea sees in it.

import { drawBoxes } from "/draw.js";
import { send } from "/sender.js";
import { RETRY_MS, get } from "/stream.js";
import { say as sayIn } from "/words.js";

const RATE_OVER_MS = 3000;

// Why a camera cannot be had, by the browser's names, and what to do.
const DENIED = {
  NotAllowedError: "The browser may not use the camera. Allow it for this page, mostly beside its address, and press Start.",
  NotFoundError: "This device has no camera, or none is plugged in.",
  NotReadableError: "Another program has the camera. Close that, and press Start.",
};

const element = (id) => document.getElementById(id);
const video = document.querySelector("video");
const svg = document.querySelector("svg");
const say = (id, text) => sayIn(element(id), String(text));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

let port;
let running;

/** Shows what the board says; counts go on over connections. */
class Shown {
  #counts = { sent: 0, taken: 0 };
  #takenAt = [];

  sent = () => say("sent", ++this.#counts.sent);
  hello = ({ camera }) => say("state", `Sends to ${camera}`);
  refused = ({ cause }) => say("state", `A frame was refused: ${cause}`);

  taken = () => {
    const now = performance.now();
    this.#takenAt = [...this.#takenAt.filter((at) => at > now - RATE_OVER_MS), now];
    say("taken", ++this.#counts.taken);
    say("rate", `${((this.#takenAt.length * 1000) / RATE_OVER_MS).toFixed(1)} /s`);
  };

  result = ({ seq, size_px, age_ms, motion }) => {
    say("age", `${Math.round(age_ms.result)} ms`);
    drawBoxes(svg, size_px, motion?.boxes ?? []);
    svg.dataset.seq = seq;
  };
}

/** Sends until `signal` ends it or another sender takes over; connects again when the connection is lost. */
async function keepSending(name, width, signal) {
  const base = location.protocol === "https:" ? `wss://${location.host}` : `ws://${location.hostname}:${port}`;
  const shown = new Shown();
  for (;;) {
    const { reason, isReplaced } = await send(`${base}/frames/${name}?results`, video, width, shown, signal);
    if (signal.aborted) return;
    svg.replaceChildren();
    // Two that replace each other would go on for ever.
    if (isReplaced) return stop(`Off: ${reason}. Start takes the camera back.`);
    const why = reason || (await likelyCause(name));
    if (signal.aborted) return;
    say("state", `No connection to ${base}${why && ` (${why})`}. Trying again.`);
    await pause(RETRY_MS);
    if (signal.aborted) return;
  }
}

/** Why frames may not be taken while pages are given out: no browser tells a page what a handshake was refused with. */
async function likelyCause(name) {
  try {
    const cameras = await get("/api/cameras");
    if (!cameras.some((camera) => camera.name === name && !camera.plugged_in)) return `${name} is no camera that a device can be now`;
  } catch {
    return ""; // nobody is there at all
  }
  return location.protocol === "https:" ? `is ${location.origin} in server.allowed_origins?` : "is server.listen an address that this device reaches?";
}

/** Keeps the screen on while it sends: a dark one ends the camera. If the browser does not let it, so be it. */
async function keepAwake() {
  const mine = running;
  try {
    mine.awake = await navigator.wakeLock.request("screen");
    if (running !== mine) mine.awake.release();
  } catch {
    // It has none, or not now.
  }
}

/** This device's camera, shown on the page. */
async function open(width) {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: width }, facingMode: element("facing").value }, audio: false,
  });
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    close(stream);
    throw error;
  }
  return stream;
}

function close(stream) {
  for (const track of stream.getTracks()) track.stop();
  video.srcObject = null;
}

async function start() {
  element("toggle").disabled = true;
  say("state", "Asking for the camera");
  const width = Number(element("width").value);
  try {
    const stream = await open(width);
    running = { stream, ends: new AbortController() };
    stream.getVideoTracks()[0].addEventListener("ended", () => stop("Off: the camera was unplugged, or taken from this page."));
    setRunning(true);
    say("state", "Connecting");
    keepSending(element("name").value, width, running.ends.signal);
    keepAwake();
  } catch (error) {
    say("state", DENIED[error.name] ?? `The camera cannot be used: ${error.message}`);
  }
  element("toggle").disabled = false;
}

function stop(why) {
  if (!running) return;
  running.ends.abort();
  running.awake?.release();
  close(running.stream);
  running = undefined;
  svg.replaceChildren();
  setRunning(false);
  say("state", why);
}

/** What is chosen holds until Stop. */
function setRunning(is) {
  say("toggle", is ? "Stop" : "Start");
  for (const id of ["name", "width", "facing"]) element(id).disabled = is;
}

/** Offers the cameras that this device can be. */
async function offer() {
  const [cameras, status] = [await get("/api/cameras"), await get("/api/status")];
  port = status.websocket_port;
  say("port", port);
  // Whoever sends as a camera that is live takes its place; so the first that is not is proposed.
  const isLive = new Map(status.cameras.map(({ camera, state }) => [camera, state === "live"]));
  const names = cameras.filter(({ plugged_in }) => !plugged_in).map(({ name }) => name);
  const options = names.map((name) => new Option(isLive.get(name) ? `${name} (replaces who sends now)` : name, name));
  element("name").replaceChildren(...options);
  element("name").value = names.find((name) => !isLive.get(name)) ?? names[0];
  const isSecure = Boolean(navigator.mediaDevices);
  element("insecure").hidden = isSecure;
  element("toggle").disabled = !isSecure || names.length === 0;
  say("state", names.length > 0 ? "Off" : "All cameras are plugged into the board: there is none that this device could be.");
}

// A page that is out of sight loses what keeps the screen on.
document.addEventListener("visibilitychange", () => running && !document.hidden && keepAwake());
element("toggle").addEventListener("click", () => (running ? stop("Off") : start()));
for (;;) {
  try {
    await offer();
    break;
  } catch {
    say("state", "The board does not answer. Trying again.");
    await pause(RETRY_MS);
  }
}

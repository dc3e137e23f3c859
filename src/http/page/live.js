// The live page: every camera's picture with what was seen in it, how the cameras are doing, and recent events.

import { drawBoxes, drawPicture } from "/draw.js";
import { get, listen, parts } from "/stream.js";
import { edit } from "/zones.js";

const RETRY_MS = 2000;
const STATUS_MS = 2000;
const KEPT_RESULTS = 30; // results of frames that may still be on their way
const LISTED_EVENTS = 40;

const element = (id) => document.getElementById(id);
const clock = (text) => new Date(text).toLocaleTimeString();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** One camera on the page. */
class Card {
  #results = new Map();
  #seq;
  #size = [640, 360];

  constructor({ name, live, snapshot, motion }) {
    this.name = name;
    this.root = element("camera").content.cloneNode(true).firstElementChild;
    this.root.id = `camera-${name}`;
    const find = (selector) => this.root.querySelector(selector);
    [this.canvas, this.svg, this.picture, this.nothing] = ["canvas", "svg", ".picture", ".nothing"].map(find);
    this.canvas.setAttribute("aria-label", `Live picture of ${name}`);
    find("h2").textContent = name;
    find(".snapshot").href = snapshot;
    find(".stream").href = live;
    find(".edit").hidden = !motion;
    find(".edit").addEventListener("click", () => edit(name, this.canvas));
  }

  #say(selector, text) {
    const place = this.root.querySelector(selector);
    if (place.textContent !== text) place.textContent = text;
  }

  /** A part of the stream: a frame, or that there is none. */
  async show({ headers, bytes }) {
    if (!headers.has("fovea-seq")) return this.#state(headers.get("fovea-state"), headers.get("fovea-since"));
    await drawPicture(this.canvas, bytes);
    this.#seq = Number(headers.get("fovea-seq"));
    this.#size = [this.canvas.width, this.canvas.height];
    this.#draw();
    this.#state(headers.get("fovea-state"), headers.get("fovea-since"));
    this.#say(".age", `${Math.round(Number(headers.get("fovea-age-ms")))} ms`);
    this.root.dataset.seq = this.#seq;
  }

  /** What was seen in a frame; the frame may come before or after it. */
  result({ seq, motion }) {
    this.#results.delete(seq); // numbers begin again when a sender comes back
    this.#results.set(seq, motion);
    if (this.#results.size > KEPT_RESULTS) this.#results.delete(this.#results.keys().next().value);
    if (seq === this.#seq) this.#draw();
  }

  #draw() {
    drawBoxes(this.svg, this.#size, this.#results.get(this.#seq)?.boxes ?? []);
  }

  #state(state, since) {
    const at = clock(since);
    const words = { live: "live", never: "waits for its first frame", silent: `no results since ${at}`, lost: `lost since ${at}` };
    this.#say(".state", words[state] ?? state);
    this.root.querySelector(".state").dataset.state = state;
    this.picture.dataset.state = state;
    this.#say(".nothing", state === "live" ? "" : words[state]);
    if (state !== "live") {
      this.svg.replaceChildren();
      this.#say(".age", "–");
    }
  }

  status({ state, since, fps, superseded, refused, last_error: error }) {
    this.#state(state, since);
    this.#say(".fps", `${fps.toFixed(1)} /s`);
    this.#say(".superseded", String(superseded));
    this.#say(".refused", String(Object.values(refused).reduce((sum, count) => sum + count, 0)));
    const line = this.root.querySelector(".error");
    line.hidden = !error;
    this.#say(".error", error ? `${clock(error.at)}: ${error.what}` : "");
  }
}

const cards = new Map();
const startedEvents = new Map();
let stop;

function tellEvent({ id, camera, kind, state, at, zone }) {
  if (state === "start") {
    const item = document.createElement("li");
    const link = document.createElement("a");
    const image = new Image();
    const text = document.createElement("div");
    const length = document.createElement("small");
    link.href = `/events/${id}/snapshot.jpg`;
    // The picture is made a moment after the event is told; an old one may be gone.
    image.addEventListener("error", () => {
      if (image.dataset.again) return void (link.style.visibility = "hidden");
      image.dataset.again = "yes";
      setTimeout(() => (image.src = `${link.href}?again`), 500);
    });
    image.alt = `${camera} when it began`;
    image.src = link.href;
    link.append(image);
    text.append(`${kind === "scene" ? "scene changed" : kind}: ${camera}${zone ? `, ${zone}` : ""}`, length);
    length.textContent = `${clock(at)}, goes on`;
    item.append(link, text);
    startedEvents.set(id, { at, length, item });
    element("events").prepend(item);
    element("no-events").hidden = true;
    if (startedEvents.size > LISTED_EVENTS) {
      const [oldest, { item: last }] = startedEvents.entries().next().value;
      startedEvents.delete(oldest);
      last.remove();
    }
  } else if (state === "end" && startedEvents.has(id)) {
    const started = startedEvents.get(id);
    const seconds = (new Date(at) - new Date(started.at)) / 1000;
    started.length.textContent = `${clock(started.at)}, ${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  }
}

/** Shows pictures until told to stop; comes back when the connection fails. */
async function watch(signal) {
  while (!signal.aborted) {
    try {
      for await (const part of parts("/live", signal)) {
        await cards.get(part.headers.get("fovea-camera"))?.show(part);
      }
    } catch (error) {
      if (!signal.aborted) element("summary").textContent = "The board does not answer. Trying again.";
    }
    await pause(RETRY_MS);
  }
}

async function keepStatus(signal) {
  while (!signal.aborted) {
    try {
      const { cameras, viewers } = await get("/api/status");
      const live = cameras.filter(({ state }) => state === "live").length;
      element("summary").textContent = `${live} of ${cameras.length} cameras live`;
      element("summary").title = `${viewers} streams open`;
      for (const camera of cameras) cards.get(camera.camera)?.status(camera);
    } catch {
      element("summary").textContent = "The board does not answer. Trying again.";
    }
    await pause(STATUS_MS);
  }
}

/** Begins to watch; a page that nobody sees watches nothing. */
function start() {
  const ends = new AbortController();
  const deaf = listen({ result: (result) => cards.get(result.camera)?.result(result), event: tellEvent });
  watch(ends.signal);
  keepStatus(ends.signal);
  stop = () => {
    ends.abort();
    deaf();
    stop = undefined;
  };
}

async function main() {
  for (;;) {
    try {
      for (const camera of await get("/api/cameras")) {
        const card = new Card(camera);
        cards.set(camera.name, card);
        element("cameras").append(card.root);
      }
      (await get("/api/events/recent")).forEach(tellEvent);
      break;
    } catch {
      cards.clear();
      element("cameras").replaceChildren();
      element("summary").textContent = "The board does not answer. Trying again.";
      await pause(RETRY_MS);
    }
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? stop?.() : stop || start()));
  if (!document.hidden) start();
}

main();

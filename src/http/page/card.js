// One camera on the live page: its picture with what was seen in it, and how it is doing.

import { drawBoxes, drawPicture } from "/draw.js";
import { clock, happening, say } from "/words.js";
import { edit } from "/zones.js";

const KEPT_RESULTS = 30; // results of frames that may still be on their way

const STATES = {
  live: () => "live",
  never: () => "waits for its first frame",
  silent: (since) => `no results since ${clock(since)}`,
  lost: (since) => `lost since ${clock(since)}`,
  unknown: (since) => `no answer from the board since ${clock(since)}`,
};

export class Card {
  #results = new Map();
  #going = new Map(); // events that go on, by id
  #learns = false;
  #seq;
  #size = [640, 360];
  #zones = [];

  constructor(name) {
    this.name = name;
    this.root = document.getElementById("camera").content.cloneNode(true).firstElementChild;
    this.root.id = `camera-${name}`;
    this.canvas = this.#find("canvas");
    this.svg = this.#find("svg");
    const title = this.#find("h2");
    title.textContent = name;
    title.id = `title-${name}`;
    this.root.setAttribute("aria-labelledby", title.id);
    this.canvas.setAttribute("aria-label", `Live picture of ${name}`);
    for (const [way, label] of [["snapshot", "snapshot"], ["stream", "stream"], ["edit", "Zones"]]) {
      this.#find(`.${way}`).setAttribute("aria-label", `${label} of ${name}`);
    }
    this.#find(".edit").addEventListener("click", () => edit(name, this.canvas, this.#zones));
  }

  /** What the camera is told to do. */
  configure({ live, snapshot, motion, zones }) {
    this.#zones = zones;
    this.#find(".snapshot").href = snapshot;
    this.#find(".stream").href = live;
    this.#find(".edit").hidden = !motion;
  }

  /** A part of the stream: a frame, or that there is none. */
  async show({ headers, bytes }) {
    const [state, since] = [headers.get("fovea-state"), headers.get("fovea-since")];
    if (!headers.has("fovea-seq")) return this.state(state, since);
    try {
      await drawPicture(this.canvas, bytes);
    } catch {
      // What the board does not look at it does not check either.
      this.state(state, since);
      return this.#say(".nothing", "This frame is no picture that the browser can show.");
    }
    this.#seq = Number(headers.get("fovea-seq"));
    this.#size = [this.canvas.width, this.canvas.height];
    this.#draw();
    this.state(state, since);
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

  /** Tags the picture with what goes on. */
  event(event) {
    if (event.state === "end") this.#going.delete(event.id);
    else this.#going.set(event.id, happening(event));
    this.#tag();
  }

  /** Nothing is known of what goes on any more. */
  forget() {
    this.#going.clear();
    this.#tag();
  }

  /** How the camera is doing. Its state comes with its pictures: one that stands still must not say that it is live. */
  status({ fps, superseded, refused, last_error: error }) {
    this.#say(".fps", `${fps.toFixed(1)} /s`);
    this.#say(".superseded", String(superseded));
    this.#say(".refused", String(Object.values(refused).reduce((sum, count) => sum + count, 0)));
    this.#find(".error").hidden = !error;
    this.#say(".error", error ? `${clock(error.at)}: ${error.what}` : "");
  }

  /** Whether there is a picture, and if not, since when. */
  state(state, since) {
    const words = STATES[state]?.(since) ?? state; // a page may be older than the board's program
    this.#say(".state span", words);
    this.#find(".state").dataset.state = state;
    this.#find(".picture").dataset.state = state;
    this.#say(".nothing", state === "live" ? "" : words);
    if (state !== "live") {
      this.svg.replaceChildren();
      this.#say(".age", "–");
    }
  }

  #find(selector) {
    return this.root.querySelector(selector);
  }

  #say(selector, text) {
    say(this.#find(selector), text);
  }

  #draw() {
    const motion = this.#results.get(this.#seq);
    drawBoxes(this.svg, this.#size, motion?.boxes ?? []);
    const learns = motion?.relearning ?? false;
    if (learns === this.#learns) return;
    this.#learns = learns;
    this.#tag();
  }

  #tag() {
    const texts = new Set(this.#going.values());
    if (this.#learns) texts.add("learns the picture");
    const tags = [...texts].map((text) => Object.assign(document.createElement("li"), { textContent: text }));
    this.#find(".tags").replaceChildren(...tags);
  }
}

// One camera on the live page: its picture with what was detected in it, and how it is doing.

import { drawDetections, drawPicture } from "/draw.js";
import { showCounts } from "/counts.js";
import { describeRunning, formatTime, setText, shorten } from "/format.js";
import { mayControl } from "/session.js";
import { openEditor } from "/editor.js";

const MAX_RESULTS = 30; // of frames whose pictures may still arrive
const FURTHER_MS = 3000; // how long what a further processor found is shown, unless it has a newer result

const STATES = {
  live: () => "live",
  never: () => "waits for its first frame",
  silent: (since) => `no results since ${formatTime(since)}`,
  lost: (since) => `lost since ${formatTime(since)}`,
  unknown: (since) => `no answer from the board since ${formatTime(since)}`,
};

export class Card {
  #results = new Map();
  #further = new Map(); // the newest result of each processor beyond the camera's first one
  #events = new Map(); // those that have not ended, by id
  #errors = new Map(); // of the newest result of each processor, by stage
  #detection = true; // whether the stages look at the frames
  #seq;
  #size = [640, 360];
  #stages = [];
  #zones = [];
  #lines = [];

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
    for (const [way, label] of [["snapshot", "snapshot"], ["stream", "stream"], ["edit", "Zones and lines"]]) {
      this.#find(`.${way}`).setAttribute("aria-label", `${label} of ${name}`);
    }
    this.#find(".switch").addEventListener("click", () => this.#switchDetection());
    this.#find(".edit").addEventListener("click", () => openEditor(name, this.canvas, this.#stages, this.#zones, this.#lines));
  }

  /** Applies the configuration of the camera. */
  configure({ live, snapshot, stages: all, zone_stages: stages, zones, lines }) {
    this.#find(".switch").hidden = !mayControl || all.length === 0;
    [this.#stages, this.#zones, this.#lines] = [stages, zones, lines];
    this.#find(".snapshot").href = snapshot;
    this.#find(".stream").href = live;
    this.#find(".edit").hidden = stages.length === 0;
  }

  /** Shows a part of the stream: a frame, or that there is none. */
  async showPart({ headers, bytes }) {
    const [state, since] = [headers.get("fovea-state"), headers.get("fovea-since")];
    if (!headers.has("fovea-seq")) return this.showState(state, since);
    try {
      await drawPicture(this.canvas, bytes);
    } catch {
      // The board passes a JPEG on unchecked if no stage decodes it.
      this.showState(state, since);
      return this.#setText(".nothing", "The browser cannot show this frame.");
    }
    this.#seq = Number(headers.get("fovea-seq"));
    this.#size = [this.canvas.width, this.canvas.height];
    this.#draw();
    this.showState(state, since);
    this.#setText(".age", `${Math.round(Number(headers.get("fovea-age-ms")))} ms`);
    this.root.dataset.seq = this.#seq;
  }

  /** Stores the result of a frame; it may come before or after the picture. */
  addResult(result) {
    const { seq, errors = {}, counts, processor } = result;
    if (counts) showCounts(this.#find(".counts"), counts);
    if (processor) return this.#addFurther(processor, result);
    this.#results.delete(seq); // a sender that reconnects counts from 1 again
    this.#results.set(seq, result.detections);
    if (this.#results.size > MAX_RESULTS) this.#results.delete(this.#results.keys().next().value);
    if (seq === this.#seq) this.#draw();
    this.#showErrors("", errors);
  }

  /** Stores the result of a processor that looks at fewer frames: it is shown with the frames that come meanwhile. */
  #addFurther(processor, { detections, errors = {} }) {
    this.#further.set(processor, { detections, until: Date.now() + FURTHER_MS });
    this.#draw();
    this.#showErrors(processor, errors);
  }

  /** Shows which stages of a processor failed. */
  #showErrors(processor, errors) {
    const isSame = JSON.stringify(errors) === JSON.stringify(this.#errors.get(processor) ?? {});
    this.#errors.set(processor, errors);
    if (!isSame) this.#showTags();
  }

  /** Shows a running event as a tag on the picture, until it ends. */
  addEvent(event) {
    if (event.state === "end") this.#events.delete(event.id);
    else this.#events.set(event.id, event);
    this.#showTags();
  }

  /** Removes all running events. */
  clearEvents() {
    this.#events.clear();
    this.#showTags();
  }

  /** Shows the numbers of the camera. Its state comes with its pictures: a frozen picture must not be shown as live. */
  showStatus({ fps, superseded, refused, detection, counts, last_error: error }) {
    this.#showDetection(detection);
    showCounts(this.#find(".counts"), counts);
    this.#setText(".fps", `${fps.toFixed(1)} /s`);
    this.#setText(".superseded", String(superseded));
    this.#setText(".refused", String(Object.values(refused).reduce((sum, count) => sum + count, 0)));
    const isShown = error && !error.over;
    this.#find(".error").hidden = !isShown;
    this.#setText(".error", isShown ? `${formatTime(error.at)}: ${error.what}` : "");
  }

  /** Shows whether there is a picture, and if not, since when. */
  showState(state, since) {
    const text = STATES[state]?.(since) ?? state; // the page may be older than the program on the board
    this.#setText(".state span", text);
    this.#find(".state").dataset.state = state;
    this.#find(".picture").dataset.state = state;
    this.#setText(".nothing", state === "live" ? "" : text);
    if (state !== "live") {
      this.#further.clear();
      this.svg.replaceChildren();
      this.#setText(".age", "–");
    }
  }

  #showDetection(isOn) {
    this.#detection = isOn;
    this.#setText(".switch", `Switch detection ${isOn ? "off" : "on"}`);
    this.#find(".switch").setAttribute("aria-label", `Switch detection of ${this.name} ${isOn ? "off" : "on"}`);
    this.#showTags();
  }

  async #switchDetection() {
    const body = JSON.stringify({ on: !this.#detection });
    const response = await fetch(`/api/cameras/${this.name}/detection`, { method: "POST", body }).catch(() => undefined);
    if (response?.ok) this.#showDetection((await response.json()).on);
  }

  #find(selector) {
    return this.root.querySelector(selector);
  }

  #setText(selector, text) {
    setText(this.#find(selector), text);
  }

  #draw() {
    const further = [...this.#further.values()].filter(({ until }) => Date.now() < until);
    const detections = [this.#results.get(this.#seq) ?? [], ...further.map(({ detections }) => detections)];
    drawDetections(this.svg, this.#size, detections.flat());
  }

  /** Shows the running events, and which stages fail. */
  #showTags() {
    const tag = (textContent, className = "") => Object.assign(document.createElement("li"), { textContent, className });
    const events = describeRunning([...this.#events.values()]).map((text) => tag(text));
    const failed = [...this.#errors.values()].flatMap(Object.entries);
    const errors = failed.map(([stage, error]) => tag(`${stage} failed: ${shorten(error)}`, "failed"));
    const off = this.#detection ? [] : [tag("detection is off", "off")];
    const tags = [...off, ...events, ...errors];
    const list = this.#find(".tags");
    const isSame = tags.length === list.children.length && tags.every((one, at) => one.isEqualNode(list.children[at]));
    if (!isSame) list.replaceChildren(...tags);
  }
}

// The list of recent events, newest first, each with the snapshot of its start.

import { describeEvent, formatTime, setText } from "/format.js";

const MAX_ITEMS = 40;
const RETRY_SNAPSHOT_MS = 500; // the board encodes the snapshot a moment after it sends the event

const list = document.getElementById("events");
const items = new Map(); // by id of the event

/** One event in the list. */
class Item {
  constructor({ id, camera, at, ...event }) {
    this.at = at;
    this.root = document.createElement("li");
    this.duration = document.createElement("small");
    this.what = document.createElement("span");
    const text = document.createElement("div");
    text.append(this.what, this.duration);
    this.describe({ camera, ...event });
    this.root.append(snapshotLink(`/events/${id}/snapshot.jpg`, `${camera} at ${formatTime(at)}`), text);
    this.isOver = Boolean(event.line); // who crosses a line has crossed it
    this.duration.textContent = this.isOver ? formatTime(at) : `${formatTime(at)}, goes on`;
  }

  /** Says what is known of the event by now: what it is about may show later than that it happens. */
  describe({ camera, ...event }) {
    setText(this.what, `${camera}: ${describeEvent(event)}`);
  }

  end({ at, line, dwell_s: dwell }) {
    if (line) return;
    const seconds = dwell ?? (new Date(at) - new Date(this.at)) / 1000;
    this.duration.textContent = `${formatTime(this.at)}, ${seconds.toFixed(seconds < 10 ? 1 : 0)} s${dwell === undefined ? "" : " in the zone"}`;
    this.isOver = true;
  }

  /** Its end is unknown: the board restarted. */
  endUnknown() {
    this.duration.textContent = formatTime(this.at);
    this.isOver = true;
  }
}

/** A link to a snapshot with the snapshot as its image; loaded again once, and hidden if it is gone. */
function snapshotLink(url, alt) {
  const [link, image] = [document.createElement("a"), new Image()];
  link.href = url;
  image.alt = alt;
  image.loading = "lazy";
  image.addEventListener("error", () => (link.style.visibility = "hidden"));
  const retry = () => setTimeout(() => (image.src = `${url}?again`), RETRY_SNAPSHOT_MS);
  image.addEventListener("error", retry, { once: true });
  image.addEventListener("load", () => (link.style.visibility = "visible"));
  image.src = url;
  link.append(image);
  return link;
}

/** Adds an event message to the list. A start that is already in it changes nothing. */
export function addEvent(event) {
  const known = items.get(event.id);
  if (event.state !== "start" && event.label) known?.describe(event);
  if (event.state === "end") return known?.end(event);
  if (event.state !== "start" || known) return;
  const item = new Item(event);
  items.set(event.id, item);
  const times = [...items.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
  list.insertBefore(item.root, times[times.indexOf(item) + 1]?.root ?? null);
  document.getElementById("no-events").hidden = true;
  if (items.size > MAX_ITEMS) {
    const oldest = times.at(-1);
    oldest.root.remove();
    for (const [id, one] of items) if (one === oldest) items.delete(id);
  }
}

/** Adds the events that the board has kept. Of those that it has not, the end is unknown. */
export function syncEvents(recent) {
  recent.forEach(addEvent);
  const known = new Set(recent.map(({ id }) => id));
  for (const [id, item] of items) if (!item.isOver && !known.has(id)) item.endUnknown();
}

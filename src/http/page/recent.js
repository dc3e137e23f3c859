// The list of recent events, the newest first, each with the picture that it began with.

import { clock, happening } from "/words.js";

const LISTED = 40;
const PICTURE_MS = 500; // the picture is made a moment after its event is told

const list = document.getElementById("events");
const listed = new Map();

/** One event of the list. */
class Item {
  constructor({ id, camera, at, ...event }) {
    this.at = at;
    this.root = document.createElement("li");
    this.length = document.createElement("small");
    const text = document.createElement("div");
    text.append(`${camera}: ${happening(event)}`, this.length);
    this.root.append(picture(`/events/${id}/snapshot.jpg`, `${camera} at ${clock(at)}`), text);
    this.length.textContent = `${clock(at)}, goes on`;
  }

  end(at) {
    const seconds = (new Date(at) - new Date(this.at)) / 1000;
    this.length.textContent = `${clock(this.at)}, ${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
    this.isOver = true;
  }

  /** The board that knew its end was started anew. */
  forget() {
    this.length.textContent = clock(this.at);
    this.isOver = true;
  }
}

/** A link to the picture, which shows it; tried again once, and hidden when it is gone. */
function picture(url, words) {
  const [link, image] = [document.createElement("a"), new Image()];
  link.href = url;
  image.alt = words;
  image.loading = "lazy";
  image.addEventListener("error", () => (link.style.visibility = "hidden"));
  const again = () => setTimeout(() => (image.src = `${url}?again`), PICTURE_MS);
  image.addEventListener("error", again, { once: true });
  image.addEventListener("load", () => (link.style.visibility = "visible"));
  image.src = url;
  link.append(image);
  return link;
}

/** Takes an event message into the list; one that is there already changes nothing. */
export function tell(event) {
  const known = listed.get(event.id);
  if (event.state === "end") return known?.end(event.at);
  if (event.state !== "start" || known) return;
  const item = new Item(event);
  listed.set(event.id, item);
  const times = [...listed.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
  list.insertBefore(item.root, times[times.indexOf(item) + 1]?.root ?? null);
  document.getElementById("no-events").hidden = true;
  if (listed.size > LISTED) {
    const oldest = times.at(-1);
    oldest.root.remove();
    for (const [id, one] of listed) if (one === oldest) listed.delete(id);
  }
}

/** Takes up what the board still knows, and leaves open when those ended that it knows no more. */
export function refresh(recent) {
  recent.forEach(tell);
  const known = new Set(recent.map(({ id }) => id));
  for (const [id, item] of listed) if (!item.isOver && !known.has(id)) item.forget();
}

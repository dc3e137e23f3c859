// The live page: every camera's picture, how the cameras are doing, and recent events. A page that nobody sees watches
// nothing.

import { Card } from "/card.js";
import { refresh, tell } from "/recent.js";
import { RETRY_MS, get, listen, parts } from "/stream.js";
import { say } from "/words.js";

const STATUS_MS = 2000;

const element = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const cards = new Map();
let heard; // events since the list of recent ones was asked for, until it is there
let stop;

/** The camera's card; made and put behind the others if there is none: its picture may come before it is told of. */
function cardOf(name) {
  if (!cards.has(name)) {
    cards.set(name, new Card(name));
    element("cameras").append(cards.get(name).root);
  }
  return cards.get(name);
}

/** Makes the cards be those of these cameras, in their order. */
function arrange(cameras) {
  const names = new Set(cameras.map(({ name }) => name));
  for (const [name, { root }] of cards) {
    if (names.has(name)) continue;
    root.remove();
    cards.delete(name);
  }
  cameras.forEach((camera, at) => {
    const card = cardOf(camera.name);
    card.configure(camera);
    const here = element("cameras").children[at];
    if (here !== card.root) element("cameras").insertBefore(card.root, here ?? null);
  });
}

function summary(cameras) {
  const missing = cameras.filter(({ state }) => state !== "live").map(({ camera }) => camera);
  const live = cameras.length - missing.length;
  const words = `${live} of ${cameras.length} ${cameras.length === 1 ? "camera" : "cameras"} live`;
  return live > 0 && missing.length > 0 ? `${words}; not ${missing.join(", ")}` : words;
}

/** Shows pictures, and says when there are none to be had; comes back by itself. Gives what breaks a stuck connection. */
function keepWatching(signal) {
  let once;
  signal.addEventListener("abort", () => once.abort());
  const run = async () => {
    let brokenSince;
    while (!signal.aborted) {
      once = new AbortController();
      try {
        for await (const part of parts("/live", once.signal)) {
          brokenSince = undefined;
          await cardOf(part.headers.get("fovea-camera")).show(part);
        }
      } catch {
        // Whatever it was, there are no pictures now.
      }
      if (signal.aborted) return;
      brokenSince ??= new Date().toISOString();
      for (const card of cards.values()) card.state("unknown", brokenSince);
      await pause(RETRY_MS);
    }
  };
  run();
  return () => once.abort();
}

/** Keeps telling how the board is doing. Without any answer the other connections are not believed in either. */
async function keepStatus(signal, breakOff) {
  while (!signal.aborted) {
    try {
      arrange(await get("/api/cameras"));
      const { cameras } = await get("/api/status");
      for (const camera of cameras) cards.get(camera.camera)?.status(camera);
      say(element("summary"), summary(cameras));
    } catch ({ status }) {
      if (signal.aborted) return;
      const what = status ? `The board does not say how it is (${status})` : "The board does not answer";
      say(element("summary"), `${what}. Trying again.`);
      if (!status) breakOff();
    }
    await pause(STATUS_MS);
  }
}

/** Brings the list of events and the tags up to date; from then on they are told as they happen. */
async function catchUp() {
  const since = (heard = []);
  while (heard === since) {
    since.length = 0; // the list has what was heard before it is asked for
    try {
      const recent = await get("/api/events/recent");
      if (heard !== since) return; // it is asked for anew, or no more
      heard = undefined;
      // What was heard meanwhile is newer: an end must not be undone by the start in the list.
      const events = [...recent, ...since];
      refresh(events);
      for (const card of cards.values()) card.forget();
      for (const event of events) cards.get(event.camera)?.event(event);
    } catch {
      await pause(RETRY_MS);
    }
  }
}

function happened(event) {
  heard?.push(event);
  tell(event);
  cards.get(event.camera)?.event(event);
}

function start() {
  const ends = new AbortController();
  const result = (result) => cards.get(result.camera)?.result(result);
  const events = listen({ open: catchUp, dropped: catchUp, result, event: happened });
  const watchAnew = keepWatching(ends.signal);
  keepStatus(ends.signal, () => {
    watchAnew();
    events.again();
  });
  stop = () => {
    ends.abort();
    events.end();
    heard = stop = undefined;
  };
}

document.addEventListener("visibilitychange", () => (document.hidden ? stop?.() : stop || start()));
if (!document.hidden) start();

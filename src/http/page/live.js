// The live page: every camera's picture, how the cameras are doing, and recent events. A hidden page holds no streams.

import { Card } from "/card.js";
import { describeModel, setText } from "/format.js";
import { showLoad } from "/load.js";
import { addEvent, syncEvents } from "/recent.js";
import { RETRY_MS, getJson, parts, subscribe } from "/stream.js";

const STATUS_MS = 2000;

const element = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const cards = new Map();
let buffered; // events since the recent ones were requested, until the response is there
let stop;

/** The card of a camera. Adds one at the end if there is none: its picture may come before its configuration. */
function cardFor(name) {
  if (!cards.has(name)) {
    cards.set(name, new Card(name));
    element("cameras").append(cards.get(name).root);
  }
  return cards.get(name);
}

/** Adds, removes and orders cards so that they are those of these cameras. */
function updateCards(cameras) {
  const names = new Set(cameras.map(({ name }) => name));
  for (const [name, { root }] of cards) {
    if (names.has(name)) continue;
    root.remove();
    cards.delete(name);
  }
  cameras.forEach((camera, index) => {
    const card = cardFor(camera.name);
    card.configure(camera);
    const current = element("cameras").children[index];
    if (current !== card.root) element("cameras").insertBefore(card.root, current ?? null);
  });
}

function summary(cameras) {
  const missing = cameras.filter(({ state }) => state !== "live").map(({ camera }) => camera);
  const live = cameras.length - missing.length;
  const text = `${live} of ${cameras.length} ${cameras.length === 1 ? "camera" : "cameras"} live`;
  return live > 0 && missing.length > 0 ? `${text}; not ${missing.join(", ")}` : text;
}

/** Shows pictures until `signal` aborts it; reconnects by itself. Returns what breaks a stuck connection. */
function streamPictures(signal) {
  let connection;
  signal.addEventListener("abort", () => connection.abort());
  const run = async () => {
    let brokenSince;
    while (!signal.aborted) {
      connection = new AbortController();
      try {
        for await (const part of parts("/live", connection.signal)) {
          brokenSince = undefined;
          await cardFor(part.headers.get("fovea-camera")).showPart(part);
        }
      } catch {
        // Whatever the error was, there are no pictures now.
      }
      if (signal.aborted) return;
      brokenSince ??= new Date().toISOString();
      for (const card of cards.values()) card.showState("unknown", brokenSince);
      await sleep(RETRY_MS);
    }
  };
  run();
  return () => connection.abort();
}

/** Polls the status of the board. If there is no response, the streams are reconnected too: they may be stuck. */
async function pollStatus(signal, reconnect) {
  while (!signal.aborted) {
    try {
      updateCards(await getJson("/api/cameras"));
      const status = await getJson("/api/status");
      const { cameras, models = [] } = status;
      for (const camera of cameras) cards.get(camera.camera)?.showStatus(camera);
      setText(element("summary"), summary(cameras));
      showModels(models);
      showLoad(element("load"), status);
    } catch ({ status }) {
      if (signal.aborted) return;
      element("load").hidden = true;
      const what = status ? `The board gives no status (${status})` : "The board does not answer";
      setText(element("summary"), `${what}. Trying again.`);
      if (!status) reconnect();
    }
    await sleep(STATUS_MS);
  }
}

/** Shows how the models of the board are doing, if its stages use any. */
function showModels(models) {
  const list = element("models");
  list.hidden = models.length === 0;
  while (list.children.length > models.length) list.lastChild.remove();
  while (list.children.length < models.length) list.append(document.createElement("li"));
  models.forEach((model, n) => setText(list.children[n], describeModel(model)));
}

/** Loads the recent events into the list and the tags; from then on new ones arrive as they happen. */
async function loadRecent() {
  const since = (buffered = []);
  while (buffered === since) {
    since.length = 0; // the response has what came before the request
    try {
      const recent = await getJson("/api/events/recent");
      if (buffered !== since) return; // another call replaced this one, or the page is hidden
      buffered = undefined;
      // What came meanwhile is newer: the start in the response must not undo an end.
      const events = [...recent, ...since];
      syncEvents(events);
      for (const card of cards.values()) card.clearEvents();
      for (const event of events) cards.get(event.camera)?.addEvent(event);
    } catch {
      await sleep(RETRY_MS);
    }
  }
}

function onEvent(event) {
  buffered?.push(event);
  addEvent(event);
  cards.get(event.camera)?.addEvent(event);
}

function start() {
  const controller = new AbortController();
  const result = (result) => cards.get(result.camera)?.addResult(result);
  const events = subscribe({ open: loadRecent, dropped: loadRecent, result, event: onEvent });
  const reconnectPictures = streamPictures(controller.signal);
  pollStatus(controller.signal, () => {
    reconnectPictures();
    events.reconnect();
  });
  stop = () => {
    controller.abort();
    events.close();
    buffered = stop = undefined;
  };
}

document.addEventListener("visibilitychange", () => (document.hidden ? stop?.() : stop || start()));
if (!document.hidden) start();

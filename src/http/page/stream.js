// Reads from the board: a stream of pictures, a stream of messages, and JSON responses.

import { leave } from "/session.js";

const TIMEOUT_MS = 5000;
export const RETRY_MS = 2000;

/** Yields the parts of a multipart stream, `{ headers, bytes }`, until the stream ends. */
export async function* parts(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const reader = new ByteReader(response.body.getReader());
  while ((await reader.line()) !== undefined) { // the boundary
    const headers = new Map();
    for (let line; (line = await reader.line()); ) {
      const at = line.indexOf(":");
      headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim());
    }
    if (!headers.has("content-length")) return;
    yield { headers, bytes: await reader.take(Number(headers.get("content-length"))) };
    await reader.line(); // the end of the picture's line
  }
}

/** Reads a byte stream by lines and by byte counts. */
class ByteReader {
  #reader;
  #rest = new Uint8Array();

  constructor(reader) {
    this.#reader = reader;
  }

  async #more() {
    const { value, done } = await this.#reader.read();
    if (!done) this.#rest = value;
    return !done;
  }

  /** The next line without its end, or undefined at the end of the stream. */
  async line() {
    let line = "";
    do {
      const end = this.#rest.indexOf(10);
      line += new TextDecoder().decode(this.#rest.subarray(0, end < 0 ? undefined : end));
      if (end >= 0) {
        this.#rest = this.#rest.subarray(end + 1);
        return line.replace(/\r$/, "");
      }
    } while (await this.#more());
    return undefined;
  }

  async take(length) {
    const bytes = new Uint8Array(length);
    for (let filled = 0; ; ) {
      const chunk = this.#rest.subarray(0, length - filled);
      bytes.set(chunk, filled);
      filled += chunk.length;
      this.#rest = this.#rest.subarray(chunk.length);
      if (filled === length) return bytes;
      if (!(await this.#more())) throw new Error("the stream ended in a picture");
    }
  }
}

/**
 * Calls `handlers[type](message)` for each message, and `open()` on each connection: it reconnects by itself. Returns
 * `close()`, which ends it, and `reconnect()`, which drops the connection and opens a new one at once.
 */
export function subscribe({ open, ...handlers }) {
  let source, timer;
  const close = () => {
    clearTimeout(timer);
    source?.close();
  };
  const reconnect = () => {
    close();
    source = new EventSource("/api/events");
    source.addEventListener("open", open);
    // A browser reconnects after a broken connection, but never after a response that is not an event stream.
    source.addEventListener("error", () => source.readyState === EventSource.CLOSED && (timer = setTimeout(reconnect, RETRY_MS)));
    for (const [type, handle] of Object.entries(handlers)) {
      source.addEventListener(type, ({ data }) => handle(JSON.parse(data)));
    }
  };
  reconnect();
  return { close, reconnect };
}

/**
 * The JSON response of a URL. Throws when there is none in time; an error status is the error's `status`. If the login is over,
 * the page to log in replaces this one.
 */
export async function getJson(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status === 401) leave();
  if (!response.ok) throw Object.assign(new Error(`${url}: ${response.status}`), { status: response.status });
  return response.json();
}

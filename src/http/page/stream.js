// What comes from the board: a stream of pictures, one of messages, and single answers.

const ANSWER_MS = 5000;
export const RETRY_MS = 2000;

/** The parts of a multipart stream: `{ headers, bytes }`, until the stream ends. */
export async function* parts(url, signal) {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const source = new Source(answer.body.getReader());
  while ((await source.line()) !== undefined) { // the boundary
    const headers = new Map();
    for (let line; (line = await source.line()); ) {
      const at = line.indexOf(":");
      headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim());
    }
    if (!headers.has("content-length")) return;
    yield { headers, bytes: await source.take(Number(headers.get("content-length"))) };
    await source.line(); // the end of the picture's line
  }
}

/** Bytes as they come, taken by lines and by numbers. */
class Source {
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

  /** A line without its end, or undefined when there is none any more. */
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
      const piece = this.#rest.subarray(0, length - filled);
      bytes.set(piece, filled);
      filled += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
      if (filled === length) return bytes;
      if (!(await this.#more())) throw new Error("the stream ended in a picture");
    }
  }
}

/**
 * Calls `hear[kind](message)` for each message, and `hear.open()` when the connection is there, the first time and again:
 * it comes back by itself. Gives what ends it, and what connects anew at once.
 */
export function listen({ open, ...hear }) {
  let source, timer;
  const end = () => {
    clearTimeout(timer);
    source?.close();
  };
  const again = () => {
    end();
    source = new EventSource("/api/events");
    source.addEventListener("open", open);
    // A browser comes back after a connection that broke, and never after an answer that is no stream.
    source.addEventListener("error", () => source.readyState === EventSource.CLOSED && (timer = setTimeout(again, RETRY_MS)));
    for (const [kind, call] of Object.entries(hear)) {
      source.addEventListener(kind, ({ data }) => call(JSON.parse(data)));
    }
  };
  again();
  return { end, again };
}

/** An answer that is JSON. Fails when there is none in time, and with its `status` when that is not a good one. */
export async function get(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw Object.assign(new Error(`${url}: ${answer.status}`), { status: answer.status });
  return answer.json();
}

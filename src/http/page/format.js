// Text for people: times, and what happened.

const MAX_CHARACTERS = 32;

const two = (number) => String(number).padStart(2, "0");

/** `12:03:11` in the browser's time zone, after the date if that is not today. */
export function formatTime(text) {
  const [at, today] = [new Date(text), new Date()];
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  if (at.toDateString() === today.toDateString()) return time;
  return `${[at.getFullYear(), at.getMonth() + 1, at.getDate()].map(two).join("-")} ${time}`;
}

/** Sets the text of an element if it differs: a screen reader reads every change out. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** How a model is doing: `model people on objects: ready, 21 ms a run`. */
export function describeModel({ model, processor, state, mean_ms: mean, reason }) {
  const facts = [state, mean != null && `${Math.round(mean)} ms a run`, reason && shorten(reason)].filter(Boolean);
  return `model ${model} on ${processor}: ${facts.join(", ")}`;
}

/** Text from outside, shortened: what a stage reads in a picture can be long. */
export const shorten = (text) => (text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS - 1)}…` : text);

const quote = (text) => `“${shorten(text)}”`;

/**
 * What happens and where: `motion in drive`, `tamper (covered)`, `crossing of gate (in) #57`. Kinds and reasons are the board's: all
 * are shown.
 */
export function describeEvent({ kind, label, text, zone, line, direction, reason, track }) {
  const what = [kind, label !== kind && label, text && quote(text)].filter(Boolean).join(" ");
  const where = `${line ? ` of ${line}` : ""}${direction ? ` (${direction})` : ""}${zone ? ` in ${zone}` : ""}`;
  return `${what}${where}${reason ? ` (${reason})` : ""}${track != null ? ` #${track}` : ""}`;
}

/** What goes on, each text once: `visit in yard #57`, or `visit in yard ×3` if three tracks do the same. */
export function describeRunning(events) {
  const alike = new Map();
  for (const event of events) {
    const text = describeEvent({ ...event, track: undefined });
    alike.set(text, [...(alike.get(text) ?? []), event]);
  }
  return [...alike].map(([text, same]) => {
    const tracks = new Set(same.map(({ track }) => track)).size;
    return tracks > 1 ? `${text} ×${tracks}` : describeEvent(same[0]);
  });
}

/** What is known of a detection beyond its box: `person #4 87 %`; empty if nothing is. */
export function describeDetection({ label, track, text, score }) {
  const facts = [track != null && `#${track}`, text && quote(text), score != null && `${Math.round(score * 100)} %`].filter(Boolean);
  return facts.length > 0 ? [label, ...facts].join(" ") : "";
}

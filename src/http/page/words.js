// Words for people: times as they read them, and what happened.

const two = (number) => String(number).padStart(2, "0");

/** `12:03:11` by the clock of who looks; with the date before it if that is not today. */
export function clock(text) {
  const [at, today] = [new Date(text), new Date()];
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  if (at.toDateString() === today.toDateString()) return time;
  return `${[at.getFullYear(), at.getMonth() + 1, at.getDate()].map(two).join("-")} ${time}`;
}

/** Has an element say this. Said once: whoever has it read out hears changes alone. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** What happened and where: `motion in drive`. */
export const happening = ({ kind, zone }) => `${kind === "scene" ? "scene changed" : kind}${zone ? ` in ${zone}` : ""}`;

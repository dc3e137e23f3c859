// Text for people: times, and what happened.

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

/** What happens and where: `motion in drive`. */
export const describeEvent = ({ kind, zone }) => `${kind === "scene" ? "scene changed" : kind}${zone ? ` in ${zone}` : ""}`;

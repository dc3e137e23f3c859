// What is counted of a camera: who crossed its lines, who is in its zones.

import { formatTime } from "/format.js";

const terms = ({ lines = {}, zones = {} }) => [
  ...Object.entries(lines).map(([name, directions]) => [
    name,
    Object.entries(directions).map(([direction, count]) => `${direction} ${count}`).join(", "),
  ]),
  ...Object.entries(zones).map(([name, { now, entered }]) => [name, `${now} now, ${entered} entered`]),
];

/** Shows counts in a list of terms; nothing is shown if nothing is counted. */
export function showCounts(list, counts) {
  const title = counts ? `since ${formatTime(counts.since)}` : "";
  if (list.title !== title) list.title = title;
  const texts = counts ? terms(counts) : [];
  list.hidden = texts.length === 0;
  const shown = [...list.children].map((group) => [...group.children].map(({ textContent }) => textContent));
  if (JSON.stringify(shown) === JSON.stringify(texts)) return;
  const child = (tag, content) => {
    const element = document.createElement(tag);
    element.append(...content);
    return element;
  };
  list.replaceChildren(...texts.map(([name, text]) => child("div", [child("dt", [name]), child("dd", [text])])));
}

// What the editor edits, zones and lines: new ones, why they are invalid, and the same as TOML for the configuration.

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;
const NAME_RULE = "a name is 1 to 32 of a-z, 0-9, - and _.";
const [MAX_LINES, MAX_LOITERING_MS, DEAD_BAND] = [32, 86_400_000, 0.01];
const [MAX_LABELS, MAX_LABEL_LENGTH] = [64, 64];

export const round = (number) => Math.round(Math.min(1, Math.max(0, number)) * 1000) / 1000;

/** The labels of a text with commas between them, each once. */
export const labelsOf = (text) => [...new Set(text.split(",").map((label) => label.trim()).filter(Boolean))];

/** A configured zone as it is edited. */
export const zoneOf = ({ name = "", ignore, stage, polygon, visits = false, loitering_after_ms, labels = [] }) => ({
  kind: "zone", name, ignore, stage, visits, loitering_after_ms, labels, points: polygon.map((corner) => corner.map(round)),
});

/** A configured line as it is edited. */
export const lineOf = ({ name, from, to, left_to_right, right_to_left, dead_band = DEAD_BAND, labels = [] }) => ({
  kind: "line", name, directions: [left_to_right, right_to_left], dead_band, labels, points: [from, to].map((end) => end.map(round)),
});

/** A name that none of these shapes has. */
function unusedName(kind, shapes) {
  const names = new Set(shapes.map(({ name }) => name));
  let number = shapes.filter((shape) => shape.kind === kind).length + 1;
  while (names.has(`${kind}-${number}`)) number++;
  return `${kind}-${number}`;
}

export const newZone = (stage, shapes) => zoneOf({ name: unusedName("zone", shapes), ignore: false, stage, polygon: [] });

export const newLine = (shapes) => lineOf({
  name: unusedName("line", shapes), from: [0.3, 0.6], to: [0.7, 0.6], left_to_right: "in", right_to_left: "out",
});

/** Why the shapes are invalid; empty if they are valid. */
export function findProblem(shapes) {
  for (const shape of shapes) {
    const problem = (shape.kind === "line" ? problemOfLine(shape, shapes) : problemOfZone(shape, shapes)) ?? problemOfLabels(shape);
    if (problem) return `${shape.ignore ? "the ignored zone" : `“${shape.name}”`}: ${problem}`;
  }
  const tooMany = shapes.filter(({ kind }) => kind === "line").length > MAX_LINES;
  return tooMany ? `A camera has at most ${MAX_LINES} lines.` : "";
}

function problemOfLabels({ labels }) {
  if (labels.length > MAX_LABELS) return `it has at most ${MAX_LABELS} labels.`;
  if (labels.some((label) => [...label].length > MAX_LABEL_LENGTH)) return `a label is 1 to ${MAX_LABEL_LENGTH} characters.`;
}

function problemOfLine({ name, directions, points: [from, to] }, shapes) {
  if (!NAME.test(name)) return NAME_RULE;
  if (shapes.filter((other) => other.kind === "line" && other.name === name).length > 1) return "each line needs a name of its own.";
  if (directions.some((direction) => !NAME.test(direction))) return `a direction has a name, too; ${NAME_RULE}`;
  if (directions[0] === directions[1]) return "its directions need different names.";
  if (from.join() === to.join()) return "its ends are one point.";
}

function problemOfZone({ name, ignore, stage, loitering_after_ms: loitering, points }, shapes) {
  const isNamesake = (other) => other.kind === "zone" && !other.ignore && other.name === name && other.stage === stage;
  if (!ignore && !NAME.test(name)) return NAME_RULE;
  if (!ignore && shapes.filter(isNamesake).length > 1) return "each zone needs a name of its own.";
  if (!ignore && loitering !== undefined && !(loitering >= 1000 && loitering <= MAX_LOITERING_MS)) return "loitering is after 1 to 86400 seconds.";
  if (points.length < 3) return "set at least three corners.";
  const [first, ...others] = points;
  if (!others.some((a) => others.some((b) => Math.abs(turn(first, a, b)) > 1e-5))) return "its corners are all on one line.";
  if (crossesItself(points)) return "its sides cross each other. Move a corner.";
}

/** Twice the area of a triangle; its sign is the side of the line from `a` to `b` on which `c` is. */
const turn = ([ax, ay], [bx, by], [cx, cy]) => (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);

function crossesItself(points) {
  const sides = points.map((point, at) => [point, points[(at + 1) % points.length]]);
  const areApart = (a, b, [c, d]) => turn(a, b, c) * turn(a, b, d) < -1e-12;
  return sides.some(([a, b], at) => sides.slice(at + 1).some(([c, d]) => areApart(a, b, [c, d]) && areApart(c, d, [a, b])));
}

/** The tables of the configuration. Those of lines come first: they stand below the camera, and zones below their stage. */
export function toToml(shapes) {
  const lines = shapes.filter(({ kind }) => kind === "line").map(lineToToml);
  return [...lines, ...shapes.filter(({ kind }) => kind === "zone").map(zoneToToml)].join("\n");
}

const table = (head, keys) => `[[camera.${head}]]\n${keys.filter(Boolean).map((key) => `${key}\n`).join("")}`;

const labelsToToml = (labels) => labels.length > 0 && `labels = [${labels.map((label) => JSON.stringify(label)).join(", ")}]`;

const lineToToml = ({ name, directions: [right, left], dead_band, labels, points: [from, to] }) => table("line", [
  `name = "${name}"`,
  `from = [${from.join(", ")}]`,
  `to = [${to.join(", ")}]`,
  `left_to_right = "${right}"`,
  `right_to_left = "${left}"`,
  dead_band !== DEAD_BAND && `dead_band = ${dead_band}`,
  labelsToToml(labels),
]);

const zoneToToml = ({ name, ignore, stage, visits, loitering_after_ms: loitering, labels, points }) => table(`${stage}.zone`, [
  ignore ? "ignore = true" : `name = "${name}"`,
  labelsToToml(labels),
  !ignore && visits && "visits = true",
  !ignore && loitering !== undefined && `loitering_after_ms = ${loitering}`,
  `polygon = [${points.map((point) => `[${point.join(", ")}]`).join(", ")}]`,
]);

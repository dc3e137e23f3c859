// The zone editor: polygons drawn on the picture, and the same as TOML for the configuration.

import { shape } from "/draw.js";
import { setText } from "/format.js";

const STEP = 0.01; // of an arrow key, as a fraction of the picture's sides
const CORNER_PX = matchMedia("(pointer: coarse)").matches ? 13 : 7; // a finger is less exact

const element = (id) => document.getElementById(id);
const dialog = element("editor");
const svg = dialog.querySelector("svg");
const round = (number) => Math.round(Math.min(1, Math.max(0, number)) * 1000) / 1000;

let stages = []; // of the camera
let zones = [];
let selected = 0;
let camera = "";

/** Opens the editor for a camera and its stages, with the configured zones on a copy of its current picture. */
export function openEditor(name, picture, itsStages, configured) {
  camera = name;
  const still = dialog.querySelector("canvas");
  [still.width, still.height] = [picture.width, picture.height];
  still.getContext("2d").drawImage(picture, 0, 0);
  svg.parentElement.style.width = `min(100%, ${(52 * still.width) / still.height}vh)`;
  svg.setAttribute("viewBox", `0 0 ${still.width} ${still.height}`);
  element("editor-title").textContent = `Zones of ${name}`;
  stages = itsStages;
  element("tables").textContent = tables();
  element("zone-stage").replaceChildren(...stages.map((stage) => new Option(stage)));
  element("zone-stage").parentElement.hidden = stages.length < 2;
  zones = configured.map(({ name = "", ignore, stage, polygon }) => ({
    name, ignore, stage, polygon: polygon.map((corner) => corner.map(round)),
  }));
  if (zones.length === 0) addZone();
  selected = 0;
  draw();
  dialog.showModal();
}

function addZone() {
  const names = new Set(zones.map(({ name }) => name));
  let number = zones.length + 1;
  while (names.has(`zone-${number}`)) number++;
  const stage = zones[selected]?.stage ?? stages[0];
  zones.push({ name: `zone-${number}`, ignore: false, stage, polygon: [] });
  selected = zones.length - 1;
}

/** Why the zones are invalid; empty if they are valid. */
function findProblem() {
  const isNamed = (name, stage) => (zone) => !zone.ignore && zone.name === name && zone.stage === stage;
  for (const { name, ignore, stage, polygon } of zones) {
    const which = ignore ? "the ignored zone" : `“${name}”`;
    if (!ignore && !/^[a-z0-9][a-z0-9_-]{0,31}$/.test(name)) return `${which}: a name is 1 to 32 of a-z, 0-9, - and _.`;
    if (!ignore && zones.filter(isNamed(name, stage)).length > 1) return `${which}: each zone needs a name of its own.`;
    if (polygon.length < 3) return `${which}: set at least three corners.`;
    const [[x0, y0], ...others] = polygon;
    const across = ([ax, ay], [bx, by]) => Math.abs((ax - x0) * (by - y0) - (bx - x0) * (ay - y0)) > 1e-5;
    if (!others.some((a) => others.some((b) => across(a, b)))) return `${which}: its corners are all on one line.`;
  }
  return "";
}

function toToml() {
  const one = ({ name, ignore, stage, polygon }) => {
    const corners = polygon.map(([x, y]) => `[${x}, ${y}]`).join(", ");
    return `[[camera.${stage}.zone]]\n${ignore ? "ignore = true" : `name = "${name}"`}\npolygon = [${corners}]\n`;
  };
  return zones.map(one).join("\n");
}

/** The tables that the zones stand below. */
const tables = () => stages.map((stage) => `[camera.${stage}]`).join(" and ");

function draw() {
  const { width, height } = svg.viewBox.baseVal;
  const focused = svg.contains(document.activeElement) ? document.activeElement.dataset.corner : undefined;
  const radius = (CORNER_PX * width) / (svg.clientWidth || 640);
  const shapes = zones.map(({ ignore, polygon }) => {
    const points = polygon.map(([x, y]) => `${x * width},${y * height}`).join(" ");
    return shape("polygon", { class: ignore ? "zone ignored" : "zone", points });
  });
  zones[selected]?.polygon.forEach(([x, y], corner) => {
    const label = `Corner ${corner + 1}: ${Math.round(x * 100)} % from the left, ${Math.round(y * 100)} % from the top`;
    const circle = { cx: x * width, cy: y * height, r: radius, "data-corner": corner };
    const aria = { role: "img", "aria-roledescription": "movable corner", "aria-label": label };
    shapes.push(shape("circle", { class: "corner", tabindex: 0, ...aria, ...circle }));
  });
  svg.replaceChildren(...shapes);
  if (focused !== undefined) svg.querySelector(`[data-corner="${focused}"]`)?.focus();

  const options = zones.map(({ name, ignore }, at) => new Option(ignore ? `${at + 1}: ignored` : `${at + 1}: ${name}`, at));
  element("zone").replaceChildren(...options);
  element("zone").value = selected;
  const zone = zones[selected];
  for (const id of ["zone-name", "zone-ignore", "zone-stage", "add-corner", "remove-zone"]) element(id).disabled = !zone;
  if (zone && document.activeElement !== element("zone-name")) element("zone-name").value = zone.ignore ? "" : zone.name;
  element("zone-name").disabled = !zone || zone.ignore;
  element("zone-stage").value = zone?.stage ?? stages[0];
  element("zone-ignore").checked = zone?.ignore ?? false;
  const problem = findProblem();
  setText(element("zone-problem"), problem);
  element("toml").value = problem ? "" : toToml();
  element("copy").disabled = problem !== "";
  setText(element("copied"), "");
}

/** The position of the pointer on the picture, as fractions of its width and height. */
function position({ clientX, clientY }) {
  const { left, top, width, height } = svg.getBoundingClientRect();
  return [round((clientX - left) / width), round((clientY - top) / height)];
}

let dragged;
svg.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  if (!zones[selected]) addZone();
  const { polygon } = zones[selected];
  const corner = event.target.dataset.corner;
  dragged = corner === undefined ? polygon.push(position(event)) - 1 : Number(corner);
  svg.setPointerCapture(event.pointerId);
  draw();
  svg.querySelector(`[data-corner="${dragged}"]`)?.focus();
});
svg.addEventListener("pointermove", (event) => {
  if (dragged === undefined) return;
  zones[selected].polygon[dragged] = position(event);
  draw();
});
for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (dragged = undefined));

svg.addEventListener("keydown", (event) => {
  const corner = event.target.dataset.corner;
  if (corner === undefined) return;
  const { polygon } = zones[selected];
  const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  if (event.key in moves) {
    const [x, y] = polygon[corner];
    polygon[corner] = [round(x + moves[event.key][0]), round(y + moves[event.key][1])];
  } else if (event.key === "Delete" || event.key === "Backspace") {
    polygon.splice(corner, 1);
  } else return;
  event.preventDefault();
  draw();
  if (!svg.contains(document.activeElement)) (svg.querySelector(".corner:last-of-type") ?? element("add-corner")).focus();
});

const on = (id, type, change) => element(id).addEventListener(type, (event) => (change(event), draw()));
on("zone", "change", ({ target }) => (selected = Number(target.value)));
on("new-zone", "click", addZone);
on("remove-zone", "click", () => {
  zones.splice(selected, 1);
  selected = Math.max(0, selected - 1);
});
on("zone-name", "input", ({ target }) => (zones[selected].name = target.value));
on("zone-ignore", "change", ({ target }) => (zones[selected].ignore = target.checked));
on("zone-stage", "change", ({ target }) => (zones[selected].stage = target.value));
on("add-corner", "click", () => zones[selected].polygon.push([0.5, 0.5]));
element("add-corner").addEventListener("click", () => svg.querySelector(".corner:last-of-type")?.focus());
element("zone-name").addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
element("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(element("toml").value);
  } catch {
    element("toml").select(); // over plain HTTP there is no clipboard API
    document.execCommand("copy");
  }
  setText(element("copied"), `Copied. Paste it below ${tables()} of ${camera}.`);
});

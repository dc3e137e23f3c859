// The editor of a camera's zones and lines: drawn on the picture, and the same as TOML for the configuration.

import { setText } from "/format.js";
import { findProblem, labelsOf, lineOf, newLine, newZone, round, toToml, zoneOf } from "/shapes.js";
import { drawShapes, focusPoint } from "/sketch.js";

const STEP = 0.01; // of an arrow key, as a fraction of the picture's sides

const element = (id) => document.getElementById(id);
const dialog = element("editor");
const svg = dialog.querySelector("svg");

let stages = []; // of the camera, those that can have zones
let shapes = [];
let selected = 0;
let camera = "";

/** Opens the editor for a camera and its stages, with the configured zones and lines on a copy of its current picture. */
export function openEditor(name, picture, itsStages, zones, lines = []) {
  camera = name;
  const still = dialog.querySelector("canvas");
  [still.width, still.height] = [picture.width, picture.height];
  still.getContext("2d").drawImage(picture, 0, 0);
  svg.parentElement.style.width = `min(100%, ${(52 * still.width) / still.height}vh)`;
  svg.setAttribute("viewBox", `0 0 ${still.width} ${still.height}`);
  element("editor-title").textContent = `Zones and lines of ${name}`;
  stages = itsStages;
  element("tables").textContent = tables();
  element("zone-stage").replaceChildren(...stages.map((stage) => new Option(stage)));
  shapes = [...zones.map(zoneOf), ...lines.map(lineOf)];
  selected = 0;
  if (shapes.length === 0) addZone();
  draw();
  dialog.showModal();
}

function add(shape) {
  selected = shapes.push(shape) - 1;
}

function addZone() {
  add(newZone(shapes[selected]?.stage ?? stages[0], shapes));
}

/** The tables that zones stand below. */
const tables = () => stages.map((stage) => `[camera.${stage}]`).join(" and ");

function draw() {
  drawShapes(svg, shapes, selected);
  const option = ({ kind, name, ignore }, at) => new Option(`${at + 1}: ${ignore ? "ignored" : name}${kind === "line" ? " (line)" : ""}`, at);
  element("shape").replaceChildren(...shapes.map(option));
  element("shape").value = selected;
  showFields(shapes[selected]);
  const problem = findProblem(shapes);
  setText(element("shape-problem"), problem);
  element("toml").value = problem ? "" : toToml(shapes);
  element("copy").disabled = problem !== "";
  setText(element("copied"), "");
}

/** Shows what can be said of a shape. What does not belong to its kind is hidden. */
function showFields(shape) {
  const isLine = shape?.kind === "line";
  for (const field of dialog.querySelectorAll(".of-line")) field.hidden = !isLine;
  for (const field of dialog.querySelectorAll(".of-zone")) field.hidden = isLine;
  if (stages.length < 2) element("zone-stage").parentElement.hidden = true;
  for (const id of ["shape", "shape-name", "shape-labels", "remove-shape", "zone-ignore", "zone-stage", "add-corner"]) element(id).disabled = !shape;
  setText(element("remove-shape"), isLine ? "Remove line" : "Remove zone");
  const { name = "", ignore = false, stage = stages[0], visits = false, loitering_after_ms: loitering, directions = [], labels = [] } = shape ?? {};
  for (const id of ["zone-visits", "zone-loitering"]) element(id).disabled = !shape || ignore;
  element("shape-name").disabled = !shape || ignore;
  setValue("shape-name", ignore ? "" : name);
  setValue("shape-labels", labels.join(", "));
  setValue("zone-loitering", ignore || loitering === undefined ? "" : loitering / 1000);
  setValue("left-to-right", directions[0] ?? "");
  setValue("right-to-left", directions[1] ?? "");
  element("zone-stage").value = stage;
  element("zone-ignore").checked = ignore;
  element("zone-visits").checked = visits && !ignore;
}

/** Shows a value in a field, unless somebody writes in it just now. */
function setValue(id, value) {
  if (document.activeElement !== element(id)) element(id).value = value;
}

/** The position of the pointer on the picture, as fractions of its width and height. */
function position({ clientX, clientY }) {
  const { left, top, width, height } = svg.getBoundingClientRect();
  return [round((clientX - left) / width), round((clientY - top) / height)];
}

/** The number of the end of a line that is closer to a position. */
function closerEnd([from, to], [x, y]) {
  const { width, height } = svg.viewBox.baseVal;
  const distance = (end) => Math.hypot((end[0] - x) * width, (end[1] - y) * height);
  return distance(to) < distance(from) ? 1 : 0;
}

// Points and arrows have their sizes on the screen, whatever size the picture has there.
new ResizeObserver(() => dialog.open && drawShapes(svg, shapes, selected)).observe(svg);

let dragged;
svg.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  if (!shapes[selected]) addZone();
  const { kind, points } = shapes[selected];
  const point = event.target.dataset.point;
  if (point !== undefined) dragged = Number(point);
  else if (kind === "line") points[(dragged = closerEnd(points, position(event)))] = position(event);
  else dragged = points.push(position(event)) - 1;
  svg.setPointerCapture(event.pointerId);
  draw();
  focusPoint(svg, dragged);
});
svg.addEventListener("pointermove", (event) => {
  if (dragged === undefined) return;
  shapes[selected].points[dragged] = position(event);
  draw();
});
for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (dragged = undefined));

svg.addEventListener("keydown", (event) => {
  const point = event.target.dataset.point;
  if (point === undefined) return;
  const { kind, points } = shapes[selected];
  const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  if (event.key in moves) {
    const [x, y] = points[point];
    points[point] = [round(x + moves[event.key][0]), round(y + moves[event.key][1])];
  } else if (kind === "zone" && (event.key === "Delete" || event.key === "Backspace")) {
    points.splice(point, 1);
  } else return;
  event.preventDefault();
  draw();
  if (!svg.contains(document.activeElement)) focusPoint(svg, points.length - 1) || element("add-corner").focus();
});

const on = (id, type, change) => element(id).addEventListener(type, (event) => (change(event, shapes[selected]), draw()));
on("shape", "change", ({ target }) => (selected = Number(target.value)));
on("new-zone", "click", addZone);
on("new-line", "click", () => add(newLine(shapes)));
element("new-line").addEventListener("click", () => focusPoint(svg, 0));
on("remove-shape", "click", () => {
  shapes.splice(selected, 1);
  selected = Math.max(0, selected - 1);
});
on("shape-name", "input", ({ target }, shape) => (shape.name = target.value));
on("shape-labels", "input", ({ target }, shape) => (shape.labels = labelsOf(target.value)));
on("zone-ignore", "change", ({ target }, zone) => (zone.ignore = target.checked));
on("zone-visits", "change", ({ target }, zone) => (zone.visits = target.checked));
on("zone-loitering", "input", ({ target }, zone) => {
  const isEmpty = target.value === "" && !target.validity.badInput;
  zone.loitering_after_ms = isEmpty ? undefined : Math.round(target.valueAsNumber * 1000);
});
on("zone-stage", "change", ({ target }, zone) => (zone.stage = target.value));
on("left-to-right", "input", ({ target }, line) => (line.directions[0] = target.value));
on("right-to-left", "input", ({ target }, line) => (line.directions[1] = target.value));
on("turn-line", "click", (_, line) => line.points.reverse());
on("add-corner", "click", (_, zone) => zone.points.push([0.5, 0.5]));
element("add-corner").addEventListener("click", () => focusPoint(svg, shapes[selected].points.length - 1));
for (const id of ["shape-name", "shape-labels", "zone-loitering", "left-to-right", "right-to-left"]) {
  element(id).addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
}
element("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(element("toml").value);
  } catch {
    element("toml").select(); // over plain HTTP there is no clipboard API
    document.execCommand("copy");
  }
  setText(element("copied"), `Copied. Paste it below ${tables()} of ${camera}.`);
});

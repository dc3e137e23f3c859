// Draws zones and lines as SVG. Coordinates are pixels of the picture.

import { shape } from "/draw.js";

const POINT_PX = matchMedia("(pointer: coarse)").matches ? 13 : 7; // a finger is less exact
const [ARROW_PX, HEAD_PX, TEXT_PX] = [34, 8, 14]; // on the screen

const percent = (fraction) => `${Math.round(fraction * 100)} %`;
const describe = (what, [x, y]) => `${what}: ${percent(x)} from the left, ${percent(y)} from the top`;

/** Draws all shapes, the selected one with points to move. The point that has the focus keeps it. */
export function drawShapes(svg, shapes, selected) {
  const { width, height } = svg.viewBox.baseVal;
  const scale = width / (svg.clientWidth || 640);
  const toPixels = ([x, y]) => [x * width, y * height];
  const focused = svg.contains(document.activeElement) ? document.activeElement.dataset.point : undefined;
  const drawn = shapes.flatMap((one, at) => {
    const points = one.points.map(toPixels);
    if (one.kind === "zone") return [shape("polygon", { class: one.ignore ? "zone ignored" : "zone", points: points.join(" ") })];
    return drawLine(points, one.directions, at === selected, scale, [width, height]);
  });
  const { kind, points = [] } = shapes[selected] ?? {};
  for (const [at, point] of points.entries()) {
    const [what, role] = kind === "line" ? [["From", "To"][at], "movable end"] : [`Corner ${at + 1}`, "movable corner"];
    const aria = { role: "img", "aria-roledescription": role, "aria-label": describe(what, point) };
    const [cx, cy] = toPixels(point);
    drawn.push(shape("circle", { class: "corner", tabindex: 0, ...aria, cx, cy, r: POINT_PX * scale, "data-point": at }));
  }
  svg.setAttribute("aria-label", kind === "line" ? "Ends of the line" : "Corners of the zone");
  svg.replaceChildren(...drawn);
  if (focused !== undefined) focusPoint(svg, focused);
}

/** Puts the focus on a point of the selected shape; gives whether there is such a point. */
export function focusPoint(svg, point) {
  const circle = svg.querySelector(`[data-point="${point}"]`);
  circle?.focus();
  return Boolean(circle);
}

/** A line with an arrow from its left to its right, for somebody who looks from its first end to its second. */
function drawLine([[ax, ay], [bx, by]], [right, left], isSelected, scale, size) {
  const length = Math.hypot(bx - ax, by - ay) || 1;
  const [nx, ny] = [-(by - ay) / length, (bx - ax) / length];
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  // A point beside the middle: so far to the right, so far along the line, on the screen.
  const beside = (across, along = 0) => [mx + (nx * across + ny * along) * scale, my + (ny * across - nx * along) * scale];
  const head = [beside(ARROW_PX - HEAD_PX, -HEAD_PX), beside(ARROW_PX), beside(ARROW_PX - HEAD_PX, HEAD_PX)];
  const [x2, y2] = beside(ARROW_PX);
  const shaft = shape("line", { class: "line", x1: mx, y1: my, x2, y2 });
  const drawn = [shape("line", { class: "line", x1: ax, y1: ay, x2: bx, y2: by }), shaft, shape("polyline", { class: "line", points: head.join(" ") })];
  if (!isSelected) return drawn;
  const text = (content, across) => {
    const [x, y] = beside(across).map((at, axis) => Math.min(size[axis] - TEXT_PX * scale, Math.max(TEXT_PX * scale, at)));
    return shape("text", { class: "direction", transform: `translate(${x} ${y}) scale(${scale})`, dy: ".35em" }, content);
  };
  return [...drawn, text(right, ARROW_PX + TEXT_PX), text(left, -TEXT_PX - 4)];
}

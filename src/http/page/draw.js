// Draws on top of pictures. Coordinates are pixels of the full picture; SVG scales them as the browser scales the picture.

const SVG = "http://www.w3.org/2000/svg";
const [LABEL_WIDTH, LABEL_HEIGHT] = [58, 18]; // on the screen

export function shape(kind, attributes, text) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Draws the boxes of one result over a picture of this size, the largest one with a label. */
export function drawBoxes(svg, [width, height], boxes) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const scale = width / (svg.clientWidth || width);
  const shapes = boxes.map(([x, y, w, h]) => shape("rect", { class: "box", x, y, width: w, height: h }));
  if (boxes.length > 0) {
    const [x, y] = boxes[0];
    const [left, top] = [Math.min(x, width - LABEL_WIDTH * scale), y - (LABEL_HEIGHT + 1) * scale].map((at) => Math.max(0, at));
    const at = `translate(${left} ${top}) scale(${scale})`;
    const label = shape("g", { transform: at });
    label.append(shape("rect", { class: "label", width: LABEL_WIDTH, height: LABEL_HEIGHT }), shape("text", { x: 5, y: 13 }, "motion"));
    shapes.push(label);
  }
  svg.replaceChildren(...shapes);
}

/** Draws a JPEG on a canvas, which takes its size. */
export async function drawPicture(canvas, bytes) {
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    [canvas.width, canvas.height] = [picture.width, picture.height];
  }
  canvas.getContext("2d").drawImage(picture, 0, 0);
  picture.close();
}

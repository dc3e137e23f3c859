// Draws on top of pictures. Coordinates are pixels of the full picture; SVG scales them as the browser scales the picture.

import { describeDetection } from "/format.js";

const SVG = "http://www.w3.org/2000/svg";
const [CAPTION_HEIGHT, PADDING] = [18, 5]; // on the screen

export function shape(kind, attributes, text) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Draws the detections of one result over a picture of this size, each with a caption if more than its box is known. */
export function drawDetections(svg, [width, height], detections) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const scale = width / (svg.clientWidth || width);
  const boxes = detections.map(({ box: [x, y, w, h] }) => shape("rect", { class: "box", x, y, width: w, height: h }));
  const captions = detections.flatMap((detection) => {
    const text = describeDetection(detection);
    return text ? [new Caption(detection.box, text)] : [];
  });
  svg.replaceChildren(...boxes, ...captions.map(({ root }) => root));
  // All are measured before the first is placed: a change in between costs a layout each.
  for (const caption of captions) caption.measure();
  for (const caption of captions) caption.place(width, scale);
}

/** A line of text above a box, on the box's colour. */
class Caption {
  constructor([x, y], text) {
    Object.assign(this, { x, y });
    this.root = shape("g", {});
    this.ground = shape("rect", { class: "caption", height: CAPTION_HEIGHT });
    this.text = shape("text", { x: PADDING, y: 13 }, text);
    this.root.append(this.ground, this.text);
  }

  measure() {
    this.width = this.text.getComputedTextLength() + 2 * PADDING;
  }

  /** Puts it above the box, or where it is inside the picture. */
  place(pictureWidth, scale) {
    const left = Math.max(0, Math.min(this.x, pictureWidth - this.width * scale));
    const top = Math.max(0, this.y - (CAPTION_HEIGHT + 1) * scale);
    this.ground.setAttribute("width", this.width);
    this.root.setAttribute("transform", `translate(${left} ${top}) scale(${scale})`);
  }
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

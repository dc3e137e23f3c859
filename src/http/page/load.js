// How busy the board is, and what it was measured to carry.

import { formatTime, setText } from "/format.js";

const fps = (rate) => String(Number(rate.toFixed(1)));

/** `core 3: load 42 %`; of several processors each by its name. */
function loads(processors) {
  const name = ({ name, core }) => (processors.length > 1 ? name : core == null ? "processor" : `core ${core}`);
  return processors.map((one) => `${name(one)}: load ${Math.round(one.load * 100)} %`).join(", ");
}

/** `3 of 5 cameras of 1280x720 at 15 fps`. */
function carried(live, { cameras, kept_fps: kept, size_px: [width, height], fps: rate }) {
  const size = `${width}x${height}`;
  if (cameras > 0) return `${live} of ${cameras} ${cameras === 1 ? "camera" : "cameras"} of ${size} at ${fps(rate)} fps`;
  return kept > 0 ? `at most one camera of ${size} at ${fps(kept)} fps` : `too slow for a camera of ${size}`;
}

/** Shows the load, and beside it what `fovea bench --save` found, if that holds for the cameras as they are now. */
export function showLoad(element, { processors, cameras, capacity }) {
  element.hidden = !processors?.length;
  if (element.hidden) return;
  const live = cameras.filter(({ state }) => state === "live").length;
  const isShown = Boolean(capacity?.is_current);
  setText(element, [loads(processors), ...(isShown ? [carried(live, capacity)] : [])].join(" · "));
  element.title = capacity ? explain(capacity, isShown) : "fovea bench --save measures how many cameras this board keeps";
}

function explain({ measured_at: at, stages, limit_ms: limit }, isCurrent) {
  const text = `fovea bench, ${formatTime(at)}, stages: ${stages.join(", ") || "none"}; in time: results within ${limit} ms`;
  return isCurrent ? text : `${text}. Stages or version are others now: run fovea bench --save again`;
}

#!/usr/bin/python3
"""Opens pages in Chromium without a screen and prints when the first picture was painted, as JSON: milliseconds from the
start of the navigation, by path.

    painted.py http://127.0.0.1:8080 TIMES PATH...

A picture counts as painted at the start of the frame behind the one that shows it, which is up to 17 ms late.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/peers"))

from webdriver import browser  # noqa: E402

# The live page draws its pictures on canvases; elsewhere the document is the picture.
WATCH = """
const painted = () => requestAnimationFrame(() => requestAnimationFrame(() => (window.paintedMs ??= performance.now())));
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (...picture) {
  draw.apply(this, picture);
  painted();
};
const look = () => (document.images[0]?.naturalWidth > 0 && location.pathname !== "/" ? painted() : requestAnimationFrame(look));
requestAnimationFrame(look);
"""


def main(board, times, *paths):
    found = {path: [] for path in paths}
    with browser(pageLoadStrategy="none") as page:  # a stream never ends loading
        page.at_each_page(WATCH)
        for _ in range(int(times)):
            for path in paths:
                page.cdp("Page.navigate", url=board + path)
                found[path].append(page.wait(f"{path} to be painted", "return window.paintedMs"))
                page.cdp("Page.navigate", url="about:blank")
    print(json.dumps(found))


main(*sys.argv[1:])

#!/usr/bin/python3
"""Uses the pages in Chromium without a screen, as people would, and prints what a test has to judge, as JSON.

    pages.py http://127.0.0.1:8080 FOLDER

The daemon's camera `door` shows a picture of 320x240 that stands still, with a bright square in it that just moved; nobody
feeds `phone`. Screenshots go into FOLDER. A page that does not do what it should ends this with what it says.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy
from webdriver import browser

ARROW_RIGHT, ARROW_DOWN, TAB = "\ue014", "\ue015", "\ue004"
WINDOWS = [("light", 1280, 900), ("dark", 1280, 900), ("phone", 390, 844)]


def live(page):
    """The picture and the boxes over it: in pixels of the picture, by what the page says and by what the screen shows."""
    page.wait("the square to stop", "return document.querySelector('#camera-door')?.dataset.seq > 90")
    told = page.wait("boxes over the newest picture", """
        const boxes = [...document.querySelectorAll("#camera-door svg .box")];
        const sides = (box) => ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)));
        return boxes.length && boxes.map(sides)""")
    left, top, scale = page.run("""
        const picture = document.querySelector("#camera-door canvas"), { left, top, width } = picture.getBoundingClientRect();
        return [left, top, width / picture.width]""")
    shown = cv2.imdecode(numpy.frombuffer(page.screenshot(), numpy.uint8), cv2.IMREAD_COLOR)
    shown = shown[round(top):round(top + 240 * scale), round(left):round(left + 320 * scale)].astype(int)
    blue, green, red = shown[..., 0], shown[..., 1], shown[..., 2]

    def around(mask):
        rows, columns = numpy.nonzero(mask)
        edges = [columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min()]
        return [round(float(edge / scale), 1) for edge in edges]

    # Boxes are amber. Their label stands above them, filled: only rows below where it ends are looked at.
    amber = (red > 200) & (abs(green - 176) < 45) & (blue < 90)
    rows = amber.sum(axis=1)
    side = amber[numpy.argmax(rows > 0) + round(19):, :]
    white = (blue > 200) & (green > 200) & (red > 200)
    white[:9], white[-9:] = False, False  # its corners are round, and white lies behind them
    columns = numpy.nonzero(side.any(axis=0))[0]
    return {"square": around(white), "box_left": round(float(columns.min() / scale), 1),
            "box_right": round(float((columns.max() + 1) / scale), 1), "told": told}


def zones(page):
    """Draws a zone with the pointer, another with keys; gives the TOML."""
    page.click("#camera-door .edit")
    left, top, width, height = page.wait("the editor", """
        const { left, top, width, height } = document.querySelector("#editor svg").getBoundingClientRect();
        return width && [left, top, width, height]""")
    at = lambda x, y: (left + x * width, top + y * height)
    for corner in [(0.1, 0.1), (0.9, 0.1), (0.5, 0.8)]:
        page.pointer(at(*corner), "Down", "Up")
    page.pointer(at(0.9, 0.1), "Down", at(0.8, 0.2), "Up")
    page.type("#zone-name", "Gate")
    page.wait("a bad name is told", "return /a name is/.test(document.querySelector('#zone-problem').textContent)")
    page.type("#zone-name", "gate")
    page.click("#new-zone")
    page.click("#zone-ignore")
    for keys in [[], [ARROW_RIGHT] * 10, [ARROW_DOWN] * 20]:
        page.click("#add-corner")
        page.keys(*keys)
    return page.wait("good TOML", "return document.querySelector('#toml').value")


def camera(page, url):
    """Sends the browser's own camera, until it was seen; leaves it on."""
    page.open(f"{url}/camera")
    page.wait("cameras to choose from", "return document.querySelector('#name').value === 'phone'")
    page.click("#toggle")
    page.wait("frames are taken", "return Number(document.querySelector('#taken').textContent) > 10")
    page.wait("results come back", "return document.querySelector('svg')?.dataset.seq > 10")


def main(url, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as page:
        page.look("light", 1280, 900)
        page.open(url)
        found = live(page)
        for name, width, height in WINDOWS:
            page.look("dark" if name == "dark" else "light", width, height)
            page.wait("boxes", "return document.querySelector('#camera-door svg .box')")
            page.screenshot(folder / f"live-{name}.png")
            overflow = page.run("return document.documentElement.scrollWidth > innerWidth")
            if overflow:
                sys.exit(f"the page is wider than a window of {width} pixels")
        page.look("light", 1280, 900)
        found["toml"] = zones(page)
        page.screenshot(folder / "zones.png")
        console = page.console()

        camera(page, url)
        page.screenshot(folder / "camera.png")
        console += page.console()
        page.new_window()
        page.open(url)
        seen = "return Number(document.querySelector('#camera-phone')?.dataset.seq)"
        before = page.wait("the phone's picture", seen)
        page.wait("the picture moves", f"{seen} > arguments[0] + 5", before)
        page.wait("it is live", "return document.querySelector('#camera-phone .state').textContent === 'live'")
        colours = page.run("""
            const canvas = document.querySelector("#camera-phone canvas"), { width, height } = canvas;
            return [...canvas.getContext("2d").getImageData(width / 2, height / 10, 1, 1).data]""")
        found["phone"] = colours[:3]
        found["console"] = console + page.console()
    print(json.dumps(found))


main(*sys.argv[1:])

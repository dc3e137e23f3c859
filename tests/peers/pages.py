#!/usr/bin/python3
"""Uses the pages in Chromium without a screen, as people would, and prints what a test has to judge, as JSON.

    pages.py http://127.0.0.1:8080 FOLDER

The daemon's camera `door` shows a picture of 320x240 that stands still, with a bright square in it that just moved; nobody
feeds `phone`; what `blind` sends begins as a JPEG and is none. Screenshots go into FOLDER. When this says `stop` or `start` it
wants the daemon ended or started anew, and a line when that is done. A page that does not do what it should ends this with
what it says.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy

import accessible
from webdriver import browser

ARROW_RIGHT, ARROW_DOWN, ENTER, DELETE = "\ue014", "\ue015", "\ue007", "\ue017"
WINDOWS = [("light", "light", 1280, 900), ("dark", "dark", 1280, 900), ("phone", "light", 390, 844), ("phone-dark", "dark", 390, 844)]


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
    columns, bottom = numpy.nonzero(side.any(axis=0))[0], numpy.nonzero(rows > 0)[0].max() + 1
    edges = {"left": columns.min(), "right": columns.max() + 1, "bottom": bottom}
    return {"square": around(white), "box": {edge: round(float(at / scale), 1) for edge, at in edges.items()}, "told": told}


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
    page.click("#add-corner")
    page.keys(DELETE)
    focused = page.run("return document.activeElement.id")
    if focused != "add-corner":
        sys.exit(f"with the last corner gone the focus is on {focused!r}")
    for keys in [[], [ARROW_RIGHT] * 10, [ARROW_DOWN] * 20]:
        page.run("document.querySelector('#add-corner').focus()")
        page.keys(ENTER, *keys)
    return page.wait("good TOML", "return document.querySelector('#toml').value")


def looks(page, folder):
    """Looks at the page as it is in windows of several sizes, light and dark."""
    for name, scheme, width, height in WINDOWS:
        page.look(scheme, width, height)
        page.wait("boxes", "return document.querySelector('#camera-door svg .box')")
        page.screenshot(folder / f"live-{name}.png")
        accessible.check(page)
        if page.run("return document.documentElement.scrollWidth > innerWidth"):
            sys.exit(f"the page is wider than a window of {width} pixels")
    page.look("light", 1280, 900)


def says(page, selector, pattern):
    """Waits until something on the page says this."""
    page.wait(f"{selector} says {pattern}", "return RegExp(arguments[1]).test(document.querySelector(arguments[0])?.textContent)",
              selector, pattern)


def camera(page, url):
    """Sends the browser's own camera, until it was seen; leaves it on."""
    page.allow_camera(url)
    page.open(f"{url}/camera")
    page.wait("cameras to choose from", "return document.querySelector('#name').value === 'phone'")
    page.click("#toggle")
    page.wait("frames are taken", "return Number(document.querySelector('#taken').textContent) > 10")
    page.wait("results come back", "return document.querySelector('svg')?.dataset.seq > 10")
    accessible.check(page)


def phone_moves(page):
    """On the live page: the browser's own camera is live, and moves."""
    seen = "return Number(document.querySelector('#camera-phone')?.dataset.seq)"
    before = page.wait("the phone's picture", seen)
    page.wait("the picture moves", f"{seen} > arguments[0] + 5", before)
    says(page, "#camera-phone .state", "^live$")


def elsewhere(page, url):
    """The pages of a board that is not this machine, without HTTPS: one works, the other says what it lacks."""
    there = url.replace("127.0.0.1", "fovea.local")
    page.open(there)
    says(page, "#camera-door .state", "^live$")
    page.open(f"{there}/camera")
    page.wait("HTTPS is asked for", "return document.querySelector('#insecure').checkVisibility()")
    if not page.run("return document.querySelector('#toggle').disabled"):
        sys.exit("Start can be pressed although there is no camera to be had")


def camera_troubles(page, url, live_page):
    """What can happen to the page that sends: each is told, and ends with it off or with it sending again."""
    first = page.window()
    page.new_window()
    page.open(f"{url}/camera")
    page.wait("its turn", "return !document.querySelector('#toggle').disabled")
    page.run("document.querySelector('#name').value = 'phone'")
    page.click("#toggle")
    says(page, "#state", "^Sends to phone$")
    page.go_to(first)
    says(page, "#state", "^Off: another client sends")
    page.click("#toggle")
    says(page, "#state", "^Sends to phone$")
    # What a browser does when the camera is pulled out.
    page.run("document.querySelector('video').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    says(page, "#state", "^Off: the camera was unplugged")
    page.go_to(live_page)
    says(page, "#camera-phone .state", r"^lost since \d\d:\d\d:\d\d$")
    says(page, "#camera-phone .nothing", r"^lost since \d\d:\d\d:\d\d$")
    page.go_to(first)
    page.allow_camera(url, False)
    page.click("#toggle")
    says(page, "#state", "^The browser may not use the camera")
    page.allow_camera(url)
    page.click("#toggle")
    says(page, "#state", "^Sends to phone$")


def restart(page, live_page):
    """The daemon ends and begins anew: both pages tell it, and go on by themselves."""
    first = page.window()
    wants("stop")
    says(page, "#state", "^No connection to ")
    page.go_to(live_page)
    says(page, "#summary", "does not answer")
    says(page, "#camera-door .state", r"^no answer from the board since \d\d:\d\d:\d\d$")
    page.run("document.querySelector('#camera-phone').dataset.seq = 0")
    wants("start")
    says(page, "#camera-door .state", "^waits for its first frame$")
    phone_moves(page)
    page.go_to(first)
    says(page, "#state", "^Sends to phone$")


def wants(what):
    """Asks who started this to stop or start the daemon, and waits until that is done."""
    print(what, flush=True)
    sys.stdin.readline()


def main(url, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as page:
        page.look("light", 1280, 900)
        page.open(url)
        found = live(page)
        looks(page, folder)
        says(page, "#camera-door .tags", "^motion$")
        says(page, "#camera-blind .nothing", "no picture that the browser can show")
        found["toml"] = zones(page)
        page.screenshot(folder / "zones.png")
        accessible.check(page)
        elsewhere(page, url)
        console = page.console()

        camera(page, url)
        page.screenshot(folder / "camera.png")
        page.look("dark", 390, 844)
        page.screenshot(folder / "camera-phone.png")
        accessible.check(page)
        sending = page.window()
        console += page.console()
        live_page = page.new_window()
        page.open(url)
        phone_moves(page)
        found["phone"] = page.run("""
            const canvas = document.querySelector("#camera-phone canvas"), { width, height } = canvas;
            return [...canvas.getContext("2d").getImageData(width / 2, height / 10, 1, 1).data]""")[:3]
        page.go_to(sending)
        camera_troubles(page, url, live_page)
        found["console"] = console + page.console()
        restart(page, live_page)
        # That nobody answers is told there too, by the browser.
        found["console"] += [line for line in page.console() if line["source"] != "network"]
    print(json.dumps(found))


main(*sys.argv[1:])

#!/usr/bin/python3
"""Uses the pages in Chromium without a screen, as people would, and prints what a test has to judge, as JSON.

    pages.py http://127.0.0.1:8080 http://[::1]:8080 8999 FOLDER

The daemon's camera `door` shows a picture of 320x240 with a bright square in it that moves; nobody feeds `phone`; what `blind`
sends begins as a JPEG and is none. Frames come in at the port that is given, and another daemon, with a `phone` alone, is found
by IPv6. Screenshots go into FOLDER. A line that this says is an order, and it wants a line when that is done: let the square
`halt`, which is answered with the number of a frame that shows it halted, and `go` on; `stop` and `start` the daemon; `add` a
camera `yard` by a reload, and `remove` it; let what it sees `move` and `rest`; `allow ORIGIN`. A page that does not do what it
should ends this with what it says.
"""

import json
import sys
from pathlib import Path
from urllib.request import urlopen

import cv2
import numpy

import accessible
from proxy import EVENTS, RECENT, Proxy
from webdriver import browser, wait

ARROW_RIGHT, ARROW_DOWN, ENTER, DELETE = "\ue014", "\ue015", "\ue007", "\ue017"
WINDOWS = [("light", "light", 1280, 900), ("dark", "dark", 1280, 900), ("phone", "light", 390, 844), ("phone-dark", "dark", 390, 844)]


def live(page):
    """The picture and the boxes over it: in pixels of the picture, by what the page says and by what the screen shows."""
    page.wait("the square to move", "return document.querySelector('#camera-door svg .box')")
    return wait("a box over the square", lambda: halted(page), page)


def halted(page):
    """Has the square halt, and measures it; None if it has no box any more. A thing that stands still soon counts as background,
    the sooner the less of the scene was seen before, and a browser may take its time."""
    page.wait("the square to stop", "return document.querySelector('#camera-door').dataset.seq >= arguments[0]", int(wants("halt")))
    told = page.run("""
        const sides = (box) => ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)));
        return [...document.querySelectorAll("#camera-door svg .box")].map(sides)""")
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

    # Boxes are amber.
    amber = (red > 200) & (abs(green - 176) < 45) & (blue < 90)
    if not told or not amber.any():
        wants("go")
        return None
    rows = amber.sum(axis=1)
    first, last = numpy.nonzero(rows > 0)[0][[0, -1]]
    side = amber[(first + last) // 2:last + 1, :]  # the caption above the box, with its track, is wider
    white = (blue > 200) & (green > 200) & (red > 200)
    white[:9], white[-9:] = False, False  # its corners are round, and white lies behind them
    columns, bottom = numpy.nonzero(side.any(axis=0))[0], numpy.nonzero(rows > 0)[0].max() + 1
    edges = {"left": columns.min(), "right": columns.max() + 1, "bottom": bottom}
    return {"square": around(white), "box": {edge: round(float(at / scale), 1) for edge, at in edges.items()}, "told": told}


def numbers(page):
    """What the board counts is on the page, and each event with the picture that it began with."""
    says(page, "#camera-door .fps", r"^[1-9]\d*\.\d /s$")
    says(page, "#camera-door .age", r"^\d+ ms$")
    for name in ("superseded", "refused"):
        says(page, f"#camera-door .{name}", r"^\d+$")
    says(page, "#events li", r"^door: motion\d\d:\d\d:\d\d, goes on$")
    page.wait("the event's picture", """
        const image = document.querySelector("#events img");
        return image?.complete && image.naturalWidth === 320 && getComputedStyle(image.parentElement).visibility === "visible"
          && /^door at /.test(image.alt)""")


def zones(page, url):
    """Draws a zone with the pointer, another with keys; gives the TOML."""
    page.click("#camera-door .edit")
    left, top, width, height = page.wait("the editor", """
        const { left, top, width, height } = document.querySelector("#editor svg").getBoundingClientRect();
        return width && [left, top, width, height]""")
    at = lambda x, y: (left + x * width, top + y * height)
    for corner in [(0.1, 0.1), (0.9, 0.1), (0.5, 0.8)]:
        page.pointer(at(*corner), "Down", "Up")
    page.pointer(at(0.9, 0.1), "Down", at(0.8, 0.2), "Up")
    page.type("#shape-name", "Gate")
    says(page, "#shape-problem", "a name is")
    page.type("#shape-name", "gate")
    page.click("#new-zone")
    page.click("#zone-ignore")
    page.click("#add-corner")
    page.keys(DELETE)
    focused = page.run("return document.activeElement.id")
    if focused != "add-corner":
        sys.exit(f"with the last corner gone the focus is on {focused!r}")
    page.run("new MutationObserver((changes) => (window.changes = changes)).observe(document.querySelector('#shape-problem'), { childList: true })")
    for keys in [[], [ARROW_RIGHT] * 10]:
        page.run("document.querySelector('#add-corner').focus()")
        page.keys(ENTER, *keys)
    if page.run("return window.changes"):
        sys.exit("the same problem is told again with each key")
    # What takes the arrow keys for itself must be said to be such, or screen readers keep them.
    accessible.has(page, "application", "Corners of the zone")
    accessible.has(page, "image", "Corner 2: 60 % from the left, 50 % from the top")
    page.run("document.querySelector('#add-corner').focus()")
    page.keys(ENTER, *[ARROW_DOWN] * 20)
    visits(page)
    line(page, at)
    toml = page.wait("good TOML", "return document.querySelector('#toml').value")
    page.allow("clipboard-read", url)
    page.click("#copy")
    says(page, "#copied", r"^Copied\. Paste it below \[camera\.motion\] of door\.$")
    copied = page.run("return navigator.clipboard.readText()")
    if copied != toml:
        sys.exit(f"what was copied is {copied!r}")
    return toml


def visits(page):
    """The first zone is about some labels, and has events of visits and of loitering, which are hidden for lines. What makes no
    sense is refused."""
    choose(page, 0)
    page.click("#zone-visits")
    page.type("#shape-labels", "x" * 65)
    says(page, "#shape-problem", "a label is 1 to 64 characters")
    page.type("#shape-labels", "person, , cell phone,person ")
    page.type("#zone-loitering", "0")
    says(page, "#shape-problem", "loitering is after 1 to 86400 seconds")
    page.type("#zone-loitering", "1.5")
    says(page, "#shape-problem", "^$")


def line(page, at):
    """Draws a line with the pointer, moves one end of it with keys and turns it around."""
    page.click("#new-line")
    for end, place in [((0.3, 0.6), (0.2, 0.5)), ((0.9, 0.45), (0.7, 0.5))]:  # the first at its point, the second beside it
        page.pointer(at(*end), "Down", at(*place), "Up")
    page.keys(*[ARROW_RIGHT] * 10)
    accessible.has(page, "application", "Ends of the line")
    accessible.has(page, "image", "To: 80 % from the left, 50 % from the top")
    page.keys(DELETE)
    if page.run("return document.querySelectorAll('#editor .corner').length") != 2:
        sys.exit("a line has lost one of its ends")
    down = "const [, arrow] = document.querySelectorAll('#editor line'); return arrow.y2.baseVal.value - arrow.y1.baseVal.value"
    if page.run(down) <= 0:
        sys.exit("from the left of a line that goes to the right its right is below")
    page.type("#shape-name", "ramp")
    page.type("#left-to-right", "up")
    page.type("#right-to-left", "up")
    says(page, "#shape-problem", "its directions need different names")
    page.type("#right-to-left", "down")
    says(page, "#shape-problem", "^$")
    shown = page.run("return [...document.querySelectorAll('#editor .direction')].map((text) => text.textContent).join()")
    if shown != "up,down":
        sys.exit(f"the directions of a line are shown as {shown!r}")
    page.click("#turn-line")
    if page.run(down) >= 0:
        sys.exit("the arrow was not turned")


def keeps(page):
    """What is configured comes out of the editor as it went in; sides that cross are told."""
    toml = page.run("""
        const zones = [{ name: "gate", ignore: false, stage: "motion", polygon: [[0, 0], [1, 0], [0.5, 1]], visits: true, loitering_after_ms: 60000, labels: ["person", "cell phone"] },
          { ignore: true, stage: "motion", polygon: [[0, 0], [1, 0], [0.5, 1]], visits: false, labels: ["the \\"car\\", or bus"] }];
        const line = { name: "ramp", from: [0.25, 1], to: [0.25, 0], left_to_right: "up", right_to_left: "down", dead_band: 0.02, labels: ["dog"] };
        return import("/editor.js").then(({ openEditor }) => {
          openEditor("door", document.querySelector("#camera-door canvas"), ["motion"], zones, [line]);
          return document.querySelector("#toml").value;
        })""")
    expected = """[[camera.line]]
name = "ramp"
from = [0.25, 1]
to = [0.25, 0]
left_to_right = "up"
right_to_left = "down"
dead_band = 0.02
labels = ["dog"]

[[camera.motion.zone]]
name = "gate"
labels = ["person", "cell phone"]
visits = true
loitering_after_ms = 60000
polygon = [[0, 0], [1, 0], [0.5, 1]]

[[camera.motion.zone]]
ignore = true
labels = ["the \\"car\\", or bus"]
polygon = [[0, 0], [1, 0], [0.5, 1]]
"""
    if toml != expected:
        sys.exit(f"a configuration comes out as {toml}")
    page.click("#editor button[value=close]")
    page.run("""
        const bow = { name: "bow", ignore: false, stage: "motion", polygon: [[0, 0], [1, 1], [1, 0], [0, 0.9]] };
        return import("/editor.js").then(({ openEditor }) => openEditor("door", document.querySelector("#camera-door canvas"), ["motion"], [bow]))""")
    says(page, "#shape-problem", "“bow”: its sides cross each other")
    page.click("#editor button[value=close]")


def choose(page, number):
    """Chooses a zone or a line of the editor."""
    page.run("""
        const shapes = document.querySelector("#shape");
        shapes.value = arguments[0];
        shapes.dispatchEvent(new Event("change"))""", number)


def closes(page):
    """Close closes the editor, even while a name is bad; and it can be opened again."""
    page.click("#new-zone")
    page.type("#shape-name", "Gate")
    says(page, "#shape-problem", "a name is")
    page.click("#editor button[value=close]")
    page.wait("the editor is closed", "return !document.querySelector('#editor').open")


def several_stages(page):
    """What the page does not know by name it shows by what it is told: stages, their detections and errors, and their zones."""
    drawn = page.run("""
        return import("/draw.js").then(({ drawDetections }) => {
          const svg = document.querySelector("#camera-blind svg");
          drawDetections(svg, [320, 240], [
            { label: "something", box: [10, 10, 20, 20] },
            { label: "person", box: [290, 0, 30, 60], score: 0.873, track: 4 },
            { label: "code", box: [40, 100, 20, 20], text: "<b>" + "x".repeat(999) },
          ]);
          const picture = svg.getBoundingClientRect();
          const captions = [...svg.querySelectorAll("g")].map((caption) => {
            const { left, top, right, width } = caption.getBoundingClientRect();
            return [caption.textContent, width > 30 && left >= picture.left - 1 && top >= picture.top - 1 && right <= picture.right + 1];
          });
          return [svg.querySelectorAll(".box").length, captions];
        })""")
    if drawn != [3, [["person #4 87 %", True], [f"code “<b>{28 * 'x'}…”", True]]]:
        sys.exit(f"other detections are drawn as {drawn}")
    errors = page.run("""
        return import("/card.js").then(({ Card }) => {
          const card = new Card("unseen");
          return [{ plates: "there is no model" }, undefined].map((errors) => {
            card.addResult({ seq: 1, detections: [], errors });
            return card.root.querySelector(".tags").textContent;
          });
        })""")
    if errors != ["plates failed: there is no model", ""]:
        sys.exit(f"a stage's error is told as {errors}")
    errors = page.run("""
        return import("/card.js").then(({ Card }) => {
          const card = new Card("unseen");
          return [false, true].map((over) => {
            card.showStatus({ fps: 1, superseded: 0, refused: {}, last_error: { at: "2026-11-22T12:00:00Z", what: "Broken pipe", over } });
            const { hidden, textContent } = card.root.querySelector(".error");
            return [hidden, textContent.endsWith("Broken pipe")];
          });
        })""")
    if errors != [[False, True], [True, False]]:
        sys.exit(f"an error, and one that is over, are told as {errors}")
    tags = page.run("""
        return import("/card.js").then(({ Card }) => {
          const card = new Card("unseen"), visit = { kind: "visit", state: "start", zone: "gate" };
          return [[1, visit], [2, visit], [1, { ...visit, state: "end" }]].map(([track, event]) => {
            card.addEvent({ ...event, id: `visit-${track}`, track });
            return card.root.querySelector(".tags").textContent;
          });
        })""")
    if tags != ["visit in gate #1", "visit in gate ×2", "visit in gate #2"]:
        sys.exit(f"visits of two tracks are told as {tags}")
    page.run("""
        const gate = { name: "gate", ignore: false, polygon: [[0, 0], [1, 0], [0.5, 1]] };
        return import("/editor.js").then(({ openEditor }) => openEditor("door", document.querySelector("#camera-door canvas"),
          ["motion", "plates"], [{ ...gate, stage: "motion" }, { ...gate, stage: "plates" }]))""")
    says(page, "#tables", r"^\[camera\.motion\] and \[camera\.plates\]$")
    tables = "return (document.querySelector('#toml').value.match(/^\\[\\[.*/gm) ?? []).join()"
    if (written := page.run(tables)) != "[[camera.motion.zone]],[[camera.plates.zone]]":
        sys.exit(f"zones of two stages are written as {written!r}")
    page.run("""
        const stage = document.querySelector("#zone-stage");
        stage.value = "plates";
        stage.dispatchEvent(new Event("change"))""")
    says(page, "#shape-problem", "each zone needs a name of its own")
    page.type("#shape-name", "ramp")
    if (written := page.run(tables)) != "[[camera.plates.zone]],[[camera.plates.zone]]":
        sys.exit(f"a zone that was moved to another stage is written as {written!r}")
    accessible.check(page)
    page.click("#editor button[value=close]")


def unknown_events(page, proxy):
    """An event of a kind that the page does not know is told with all that is known of it, and ends."""
    event = {"v": 1, "type": "event", "camera": "door", "id": "unknown-1", "kind": "tamper", "state": "start", "at": "2026-11-22T10:00:00Z",
             "zone": "gate", "reason": "covered", "boxes": []}

    def is_seen():
        proxy.tell("event", event)  # again and again: a page that asks the board for events forgets what the board does not have
        return page.run("""
            return ["#camera-door .tags", "#events"].every((selector) => /tamper in gate \\(covered\\)/.test(document.querySelector(selector).textContent))""")

    wait("the tag, and the event in the list", is_seen)
    proxy.tell("event", {**event, "state": "end", "at": "2026-11-22T10:00:02Z"})
    page.wait("the tag goes", "return !/tamper/.test(document.querySelector('#camera-door .tags').textContent)")
    says(page, "#events", r"door: tamper in gate \(covered\)[-0-9: ]+, 2\.0 s")


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


# What pages hold on to and browsers do not show: listeners for the end of something, and orders to keep the screen on.
HELD = """
    window.held = { listeners: 0, awake: [] };
    for (const [name, more] of [["addEventListener", 1], ["removeEventListener", -1]]) {
      const act = EventTarget.prototype[name];
      EventTarget.prototype[name] = function (kind, ...rest) {
        if (kind === "abort") held.listeners += more;
        return act.call(this, kind, ...rest);
      };
    }
    const { request } = WakeLock.prototype;
    WakeLock.prototype.request = async function (...kind) {
      const lock = await request.apply(this, kind);
      held.awake.push(lock);
      return lock;
    };"""


def stays_awake(page, does):
    """Waits until the page keeps the screen on, or does not."""
    page.wait(f"the screen is kept on: {does}", "return held.awake.length && held.awake.every((lock, at, { length }) => "
              "lock.released !== (arguments[0] && at === length - 1))", does)


def camera(page, proxy):
    """Sends the browser's own camera, until it was seen; leaves it on. At first the board does not let it in."""
    page.at_each_page(HELD)
    page.allow("camera", proxy.url)
    page.open(f"{proxy.url}/camera")
    page.wait("cameras to choose from", "return document.querySelector('#name').value === 'phone'")
    page.click("#toggle")
    says(page, "#state", fr"^No connection to {proxy.url.replace('http', 'ws')} \(is {proxy.url} in server\.allowed_origins\?\)\.")
    wants(f"allow {proxy.url}")
    page.wait("frames are taken", "return Number(document.querySelector('#taken').textContent) > 10")
    page.wait("results come back", "return document.querySelector('svg')?.dataset.seq > 10")
    accessible.check(page)
    stays_awake(page, True)
    page.minimize()
    stays_awake(page, False)
    page.maximize()
    stays_awake(page, True)


def by_ipv6(page, url):
    """A board that is opened by its IPv6 address is sent to as well."""
    page.allow("camera", url)
    page.open(f"{url}/camera")
    page.wait("its turn", "return !document.querySelector('#toggle').disabled")
    page.click("#toggle")
    says(page, "#state", "^Sends to phone$")


def phone_moves(page):
    """On the live page: the browser's own camera is live, and moves."""
    seen = "return Number(document.querySelector('#camera-phone')?.dataset.seq)"
    before = page.wait("the phone's picture", seen)
    page.wait("the picture moves", f"{seen} > arguments[0] + 5", before)
    says(page, "#camera-phone .state", "^live$")


def switches(page):
    """The button switches detection, the picture says so, and nobody takes the camera for lost."""
    says(page, "#camera-phone .switch", "^Switch detection off$")
    page.run("document.querySelector('#camera-phone .switch').click()")
    says(page, "#camera-phone .tags", "detection is off")
    says(page, "#camera-phone .state", "^live$")
    says(page, "#camera-phone .switch", "^Switch detection on$")
    page.run("document.querySelector('#camera-phone .switch').click()")
    page.wait("detection to be on", "return !/detection is off/.test(document.querySelector('#camera-phone .tags').textContent)")


def elsewhere(page, url):
    """The pages of a board that is not this machine, without HTTPS: one works, the other says what it lacks."""
    there = url.replace("127.0.0.1", "fovea.local")
    page.open(there)
    says(page, "#camera-door .state", "^live$")
    page.open(f"{there}/camera")
    page.wait("HTTPS is asked for", "return document.querySelector('#insecure').checkVisibility()")
    if not page.run("return document.querySelector('#toggle').disabled"):
        sys.exit("Start can be pressed although there is no camera to be had")


def camera_troubles(page, proxy, url, live_page):
    """What can happen to the page that sends: each is told, and ends with it off or with it sending again."""
    first = page.window()
    page.new_window()
    page.allow("camera", url)
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
    stays_awake(page, False)
    page.allow("camera", proxy.url, False)
    page.click("#toggle")
    says(page, "#state", "^The browser blocks the camera")
    page.allow("camera", proxy.url)
    page.click("#toggle")
    says(page, "#state", "^Sends to phone$")


def recent(proxy, camera, state):
    """Whether the board knows of such an event."""
    with urlopen(f"http://127.0.0.1:{proxy.pages}{RECENT}") as answer:
        return any((event["camera"], event["state"]) == (camera, state) for event in json.load(answer))


def comes(page, proxy):
    """A camera is added while the page is open. What the page misses of it, it catches up with."""
    proxy.refused = {"/api/status": 503}
    wants("add")
    says(page, "#summary", r"gives no status \(503\)\. Trying again\.$")
    page.wait("the new camera is seen", "return document.querySelector('#camera-yard')?.dataset.seq > 40")
    shows_cameras(page, "door,phone,blind,yard")
    says(page, "#camera-yard .counts", "^gatein 0, out 0$")
    if not page.run("return /^since \\d\\d:\\d\\d:\\d\\d$/.test(document.querySelector('#camera-yard .counts').title)"):
        sys.exit("nothing says since when it is counted")
    wait("refusals leave the pictures alone", lambda: are_spared(proxy))
    proxy.refused = {}
    # The start is lost, which the page is told; when the end comes, the list that has the start alone is on its way.
    proxy.loses = True
    wants("move")
    wait("it moves", lambda: recent(proxy, "yard", "start"))
    says(page, "#camera-yard .counts", r"^gatein \d+, out [1-9]")
    proxy.is_free.clear()
    proxy.loses = False
    proxy.tell("dropped", {"v": 1, "type": "dropped", "count": 1})
    wait("the list is asked for", lambda: proxy.kept)
    wants("rest")
    wait("the end", lambda: any((event["camera"], event["state"]) == ("yard", "end") for event in proxy.told))
    proxy.is_free.set()
    says(page, "#events", r"yard: crossing of gate \(out\) #\d+\d\d:\d\d:\d\d")
    says(page, "#events", r"yard: motion\d\d:\d\d:\d\d, (\d\.\d|\d\d) s")
    says(page, "#camera-yard .tags", "^$")
    says(page, "#summary", " live$")


def are_spared(proxy):
    """Whether two polls are refused without the pictures being asked for anew. On a busy machine some get no answer at all."""
    streams, refusals = [("/live", 200), ("/api/status", 503)]
    before = proxy.answered[streams], proxy.answered[refusals]
    wait("two refusals", lambda: proxy.answered[refusals] > before[1] + 1)
    return proxy.answered[streams] == before[0]


def shows_cameras(page, names):
    """Waits until these are all the cameras on the page, in this order."""
    shown = "[...document.querySelectorAll('article h2')].map((name) => name.textContent).join()"
    page.wait(names, f"return {shown} === arguments[0]", names)


def restart(page, proxy, live_pages):
    """The daemon ends and begins anew: all pages tell it, and go on by themselves."""
    first = page.window()
    wants("stop")
    says(page, "#state", "^No connection to ")
    for window, summary in zip(live_pages, [r"does not answer\.", r"gives no status \(502\)\."]):
        page.go_to(window)
        says(page, "#summary", summary)
        says(page, "#camera-door .state", r"^no answer from the board since \d\d:\d\d:\d\d$")
        page.run("document.querySelector('#camera-phone').dataset.seq = 0")
    page.click("#camera-door .edit")
    page.wait("the editor, board or not", "return document.querySelector('#editor').open")
    page.click("#editor button[value=close]")
    wait("the stream of events is refused", lambda: proxy.answered[EVENTS, 502])
    wants("start")
    for window in live_pages:
        page.go_to(window)
        says(page, "#camera-door .state", "^waits for its first frame$")
        phone_moves(page)
        page.wait("boxes come again", "return document.querySelector('#camera-phone svg .box')")
        says(page, "#events", "phone: motion[0-9:]+, goes on")
    page.go_to(first)
    says(page, "#state", "^Sends to phone$")
    listeners = page.run("return held.listeners")
    if listeners != 1:
        sys.exit(f"{listeners} connections wait for the end of one")


def wants(what):
    """Orders something of who started this, waits until that is done, and gives the answer."""
    print(what, flush=True)
    return sys.stdin.readline().strip()


def main(url, url_v6, frames, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    proxy = Proxy(int(url.rpartition(":")[2]), int(frames), folder)
    with browser() as page:
        page.look("light", 1280, 900)
        page.open(url)
        found = live(page)
        wants("go")
        looks(page, folder)
        numbers(page)
        says(page, "#camera-door .tags", "^motion$")
        says(page, "#camera-blind .nothing", "browser cannot show this frame")
        found["toml"] = zones(page, url)
        page.screenshot(folder / "zones.png")
        accessible.check(page)
        for number, what in enumerate(["zone", "ignored", "line"]):
            choose(page, number)
            for name, scheme, width, height in WINDOWS:
                page.look(scheme, width, height)
                if page.run("return document.documentElement.scrollWidth > innerWidth"):
                    sys.exit(f"the editor is wider than a window of {width} pixels")
                page.screenshot(folder / f"editor-{what}-{name}.png")
                accessible.check(page)
        page.look("light", 1280, 900)
        closes(page)
        several_stages(page)
        keeps(page)
        elsewhere(page, url)
        by_ipv6(page, url_v6)
        console = page.console()

        camera(page, proxy)
        page.screenshot(folder / "camera.png")
        page.look("dark", 390, 844)
        page.screenshot(folder / "camera-phone.png")
        accessible.check(page)
        sending = page.window()
        live_pages = [page.new_window()]
        page.open(url)
        phone_moves(page)
        found["phone"] = page.run("""
            const canvas = document.querySelector("#camera-phone canvas"), { width, height } = canvas;
            return [...canvas.getContext("2d").getImageData(width / 2, height / 10, 1, 1).data]""")[:3]
        switches(page)
        live_pages.append(page.new_window())
        proxy.refused = {EVENTS: 503}
        page.open(proxy.url)
        wait("the stream of events is asked for again", lambda: proxy.answered[EVENTS, 503] > 1)
        proxy.refused = {}
        phone_moves(page)
        wait("the stream of events", lambda: proxy.answered[EVENTS, 200])
        unknown_events(page, proxy)
        comes(page, proxy)
        wants("remove")
        page.go_to(sending)
        camera_troubles(page, proxy, url, live_pages[0])
        page.go_to(live_pages[1])
        shows_cameras(page, "door,phone,blind")
        page.go_to(sending)
        restart(page, proxy, live_pages)
        # That somebody refuses or nobody answers is told there too, by the browser.
        found["console"] = console + [line for line in page.console() if line["source"] != "network"]
    print(json.dumps(found))


main(*sys.argv[1:])

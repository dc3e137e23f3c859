"""A browser without a screen, driven by what WebDriver is: JSON over HTTP.

Needs Debian's chromium-driver (and chromium, which it brings along) and nothing else.
"""

import base64
import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT_S = 120

# No sandbox, as tests may run as root, where Chromium has none; no calls home; a camera that is none; names for this
# machine that a browser takes for another, as it does with a board's; any certificate will do.
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
           "--use-fake-device-for-media-stream", "--host-resolver-rules=MAP fovea.local 127.0.0.1,MAP camera.example.org 127.0.0.1",
           "--ignore-certificate-errors"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def start_driver():
    """Starts chromedriver on a free port; gives it and its address, read from what it says."""
    # A port that is free for IPv4, which it chooses, may be in use for IPv6, where it wants the same one.
    for _ in range(5):
        driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        for line in driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return driver, f"http://127.0.0.1:{found[1]}"
        driver.wait()
    sys.exit("chromedriver did not start")


def ask(method, url, body=None):
    """A WebDriver command."""
    data = json.dumps(body or {}).encode() if method == "POST" else None
    try:
        with urlopen(Request(url, data, {"Content-Type": "application/json"}, method=method), timeout=180) as answer:
            return json.load(answer)["value"]
    except HTTPError as error:
        sys.exit(f"{method} {url}: {json.load(error)['value']['message']}")


def wait(what, look, page=None):
    """Waits until what `look` gives is true, and gives that. If it does not come, this ends with what the page says."""
    until = time.monotonic() + TIMEOUT_S
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    said = page and f"\n--- the page says\n{page.run('return document.body.innerText')}\n--- the console\n{page.console()}"
    sys.exit(f"{what}: not within {TIMEOUT_S} s{said or ''}")


class Browser:
    """One session of a browser."""

    def __init__(self, session):
        self.session = session

    def open(self, page):
        ask("POST", f"{self.session}/url", {"url": page})

    def title(self):
        return ask("GET", f"{self.session}/title")

    def run(self, script, *args):
        """What a function's body returns in the page."""
        return ask("POST", f"{self.session}/execute/sync", {"script": script, "args": list(args)})

    def wait(self, what, script, *args):
        """Waits until the script returns something true, and gives that."""
        return wait(what, lambda: self.run(script, *args), self)

    def find(self, selector):
        return ask("POST", f"{self.session}/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        ask("POST", f"{self.session}/element/{self.find(selector)}/click")

    def type(self, selector, text):
        element = self.find(selector)
        ask("POST", f"{self.session}/element/{element}/clear")
        ask("POST", f"{self.session}/element/{element}/value", {"text": text})

    def keys(self, *keys):
        """Presses keys, one after the other, wherever the focus is."""
        presses = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        ask("POST", f"{self.session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": presses}]})

    def pointer(self, *moves):
        """Moves the pointer to (x, y) or presses it ("Down", "Up"), one after the other."""
        steps = [{"type": f"pointer{move}", "button": 0} if isinstance(move, str) else
                 {"type": "pointerMove", "x": round(move[0]), "y": round(move[1]), "duration": 20} for move in moves]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
        ask("POST", f"{self.session}/actions", {"actions": [mouse]})

    def new_window(self):
        """Opens a window beside the others, which stay visible, and goes there; gives its name."""
        window = ask("POST", f"{self.session}/window/new", {"type": "window"})["handle"]
        self.go_to(window)
        return window

    def go_to(self, window):
        """Goes to a window that is open."""
        ask("POST", f"{self.session}/window", {"handle": window})

    def window(self):
        """The window that it is in."""
        return ask("GET", f"{self.session}/window")

    def minimize(self):
        """Takes the window out of sight."""
        ask("POST", f"{self.session}/window/minimize")

    def maximize(self):
        """Brings it back."""
        ask("POST", f"{self.session}/window/maximize")

    def at_each_page(self, script):
        """Runs a script in this window's pages, before their own."""
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=script)

    def allow(self, what, page, allowed=True):
        """Whether pages of this origin may have it, as people say when they are asked."""
        setting = "granted" if allowed else "denied"
        self.cdp("Browser.setPermission", permission={"name": what}, setting=setting, origin=page)

    def cdp(self, command, **params):
        """What WebDriver has no command for."""
        return ask("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": params})

    def look(self, scheme, width, height):
        """A window of this size with a light or dark scheme."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self, file=None):
        png = base64.b64decode(ask("GET", f"{self.session}/screenshot"))
        if file:
            Path(file).write_bytes(png)
        return png

    def console(self):
        """What the console got since the last time, icons of pages that have none left out."""
        lines = ask("POST", f"{self.session}/se/log", {"type": "browser"})
        return [line for line in lines if "favicon" not in line["message"]]


@contextmanager
def browser(*options, **capabilities):
    """A browser, with more options for Chromium and capabilities of WebDriver, ended whatever happens."""
    driver, address = start_driver()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            wanted = {"goog:chromeOptions": {"args": [*OPTIONS, *options, f"--user-data-dir={profile}"]},
                      "goog:loggingPrefs": {"browser": "ALL"}, **capabilities}
            session = ask("POST", f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            one = Browser(f"{address}/session/{session}")
            try:
                yield one
            finally:
                ask("DELETE", one.session)
    finally:
        driver.terminate()

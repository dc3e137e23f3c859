#!/usr/bin/python3
"""Opens browser.html in Chromium without a screen, waits until it is done, and prints what it was told.

    browser.py 'ws://127.0.0.1:8999/frames/door?results' [SCREENSHOT.png]

Needs Debian's chromium-driver (and chromium, which it brings along) and nothing else: WebDriver is JSON over HTTP.
"""

import base64
import json
import re
import subprocess
import sys
import tempfile
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT_S = 40

# No sandbox, as tests may run as root, where Chromium has none; no calls home.
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve_page():
    """Serves this folder on a free port; gives the page's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=Path(__file__).parent))
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/browser.html"


def start_driver():
    """Starts chromedriver on a free port; gives it and its address, read from what it says."""
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    for line in driver.stdout:
        if found := re.search(r"started successfully on port (\d+)", line):
            return driver, f"http://127.0.0.1:{found[1]}"
    sys.exit("chromedriver did not start")


def ask(method, url, body=None):
    """A WebDriver command."""
    data = json.dumps(body or {}).encode() if method == "POST" else None
    try:
        with urlopen(Request(url, data, {"Content-Type": "application/json"}, method=method), timeout=60) as answer:
            return json.load(answer)["value"]
    except HTTPError as error:
        sys.exit(f"{method} {url}: {json.load(error)['value']['message']}")


def watch(session, page):
    """Opens the page, waits until its title says how it ended, prints what it heard."""
    ask("POST", f"{session}/url", {"url": page})
    until = time.monotonic() + TIMEOUT_S
    while not (title := ask("GET", f"{session}/title")).startswith(("done", "failed")) and time.monotonic() < until:
        time.sleep(0.2)
    print(ask("POST", f"{session}/execute/sync", {"script": "return heard.textContent", "args": []}), end="")
    return title


def main(url, screenshot=None):
    driver, address = start_driver()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            options = {"args": [*OPTIONS, f"--user-data-dir={profile}"]}
            wanted = {"alwaysMatch": {"goog:chromeOptions": options}}
            session = f"{address}/session/{ask('POST', f'{address}/session', {'capabilities': wanted})['sessionId']}"
            title = watch(session, f"{serve_page()}?{url}")
            if screenshot:
                Path(screenshot).write_bytes(base64.b64decode(ask("GET", f"{session}/screenshot")))
            ask("DELETE", session)
    finally:
        driver.terminate()
    if title != "done":
        sys.exit(f"the page ended with: {title}")


main(*sys.argv[1:])

#!/usr/bin/python3
"""Opens examples/browser.html in Chromium without a screen, waits until it is done, and prints what it was told.

    browser.py 'ws://127.0.0.1:8999/frames/door?results' [SCREENSHOT.png]
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from webdriver import browser

EXAMPLES = Path(__file__).parents[2] / "examples"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve_page():
    """Serves the examples on a free port; gives the page's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=EXAMPLES))
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/browser.html"


def main(url, screenshot=None):
    with browser() as page:
        page.open(f"{serve_page()}?{url}")
        page.wait("the end", "return /^(done|failed)/.test(document.title)")
        print(page.run("return heard.textContent"), end="")
        title = page.title()
        if screenshot:
            page.screenshot(screenshot)
    if title != "done":
        sys.exit(f"the page ended with: {title}")


main(*sys.argv[1:])

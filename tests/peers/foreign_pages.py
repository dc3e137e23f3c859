#!/usr/bin/python3
"""Lets pages of all kinds open a WebSocket in Chromium, and prints for each whether it may: a line with yes or no.

    foreign_pages.py 8999 8998

The first port is a daemon's that allows no other pages than its own; the second allows pages from files.
"""

import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from webdriver import browser

# Resolves to whether the WebSocket opens.
OPENS = """((url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onopen = () => resolve(true);
  socket.onerror = () => resolve(false);
}))"""


class Page(BaseHTTPRequestHandler):
    """An empty page, whatever is asked for."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>page</title>")

    def log_message(self, *_):
        pass


def opens(page, address, url):
    """Whether a page of this address may."""
    page.open(address)
    return page.run(f"return {OPENS}(arguments[0])", url)


def opens_in_sandbox(page, address, url):
    """Whether a frame without an origin, in a page of this address, may."""
    page.open(address)
    return page.run(f"""
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-scripts";
        frame.srcdoc = `<script>{OPENS}("${{arguments[0]}}").then((opened) => parent.postMessage(opened, "*"))</script>`;
        return new Promise((resolve) => {{
          onmessage = ({{ data }}) => resolve(data);
          document.body.append(frame);
        }});""", url)


def main(strict, lax):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()

    def site(name):
        return f"http://{name}:{server.server_port}/"

    def board(name, port=strict):
        return f"ws://{name}:{port}/results"

    def tell(what, opened):
        print(f"{what}: {'yes' if opened else 'no'}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text("<title>page</title>")
        with browser() as page:
            tell("by the board's address", opens(page, site("127.0.0.1"), board("127.0.0.1")))
            tell("by the board's local name", opens(page, site("fovea.local"), board("fovea.local")))
            tell("in a sandbox", opens_in_sandbox(page, site("127.0.0.1"), board("127.0.0.1")))
            tell("in a sandbox, allowed", opens_in_sandbox(page, site("127.0.0.1"), board("127.0.0.1", lax)))
            tell("of another site", opens(page, site("camera.example.org"), board("127.0.0.1")))
            # Resolves to this machine, as a name does whose owner points it at a board.
            tell("of a site that calls itself the board", opens(page, site("camera.example.org"), board("camera.example.org")))
            tell("from a file", opens(page, file.as_uri(), board("127.0.0.1")))
            tell("from a file, allowed", opens(page, file.as_uri(), board("127.0.0.1", lax)))
        with browser("--allow-file-access-from-files") as page:
            tell("from a file that may read files", opens(page, file.as_uri(), board("127.0.0.1")))
            tell("from a file that may read files, allowed", opens(page, file.as_uri(), board("127.0.0.1", lax)))


main(*sys.argv[1:])

#!/usr/bin/python3
"""Logs in to the pages in Chromium, as people would, and ends with what is wrong if something is.

    login.py http://127.0.0.1:8080 VIEWER SENDER GUEST FOLDER

The board has the cameras `door` and `yard`, and tokens: one to view, one to send frames of `door`, one to view `yard` alone.
Screenshots go into FOLDER. A line that this says is an order, and it wants a line when
that is done: `revoke` the viewer's token.
"""

import sys
from pathlib import Path

import accessible
from webdriver import browser

# A page is there when its script has asked who is logged in.
PATH = "return location.pathname + location.search === arguments[0]"
SHOWN = "return !document.getElementById(arguments[0]).hidden"


def wants(what):
    """Has it done."""
    print(what, flush=True)
    if not sys.stdin.readline():
        sys.exit(f"nobody does this: {what}")


def is_at(page, path):
    page.wait(f"the page {path}", PATH, path)


def log_in(page, token):
    page.type("#token", token)
    page.click("#submit")


def cookies(page):
    """What scripts of the page can read."""
    return page.run("return document.cookie")


def main(url, viewer, sender, guest, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as page:
        page.look("light", 1280, 900)
        page.open(url)
        is_at(page, "/login")
        accessible.check(page)
        page.screenshot(folder / "login.png")
        log_in(page, "fovea_wrong")
        page.wait("what is wrong", "return /^This token is not valid here/.test(document.getElementById('problem').textContent)")
        log_in(page, viewer)
        is_at(page, "/")
        page.wait("both cameras", "return document.querySelectorAll('#cameras article').length === 2")
        page.wait("the button to log out", SHOWN, "logout")
        assert cookies(page) == "", cookies(page)
        page.open(f"{url}/login")
        is_at(page, "/")
        page.wait("the button to log out", SHOWN, "logout")
        page.click("#logout")
        is_at(page, "/login")

        # A link with a token, and what is left of it.
        page.open(f"{url}/?token={viewer}")
        is_at(page, "/")
        page.wait("both cameras", "return document.querySelectorAll('#cameras article').length === 2")
        assert viewer not in page.run("return location.href + document.referrer")
        wants("revoke")
        is_at(page, "/login")

        # Each token leads to what it is for.
        log_in(page, guest)
        page.wait("the one camera", "return document.querySelector('#cameras a')?.pathname === '/cameras/yard/live.mjpg'")
        page.run("return fetch('/api/logout', { method: 'POST' }).then(() => true)")
        page.open(f"{url}/camera")
        is_at(page, "/login?next=/camera")
        page.allow("camera", url)
        log_in(page, sender)
        is_at(page, "/camera")
        page.wait("the camera", "return document.getElementById('name').value === 'door'")
        page.wait("the button", "return !document.getElementById('toggle').disabled")
        page.click("#toggle")
        page.wait("frames are taken", "return Number(document.getElementById('taken').textContent) > 2")
        page.screenshot(folder / "camera-logged-in.png")
    print("done")


main(*sys.argv[1:])

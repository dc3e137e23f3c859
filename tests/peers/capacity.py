#!/usr/bin/python3
"""Looks at the live page of a board whose capacity was measured, and ends with what is wrong if something is.

    capacity.py http://127.0.0.1:8080 FOLDER

Screenshots go into FOLDER. A line that this says is an order, and it wants a line when that is done: `change` the stages.
"""

import sys
from pathlib import Path

import accessible
from webdriver import browser

SHOWN = """const load = document.getElementById("load");
return !load.hidden && new RegExp(arguments[0]).test(load.textContent)"""
LOAD = r"core \d+: load \d+ %"


def main(url, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as page:
        page.look("light", 1280, 900)
        page.open(url)
        page.wait("the answer", SHOWN, rf"^{LOAD} · 0 of 5 cameras of 1280x720 at 15 fps$")
        title = page.run("return document.getElementById('load').title")
        assert "stages: motion; in time: results within 50 ms" in title, title
        accessible.check(page)
        page.screenshot(folder / "capacity.png")
        page.look("dark", 390, 800)
        page.screenshot(folder / "capacity-narrow.png")
        print("change", flush=True)
        sys.stdin.readline()
        page.wait("the load alone", SHOWN, rf"^{LOAD}$")
        assert "run fovea bench --save again" in page.run("return document.getElementById('load').title")
        problems = page.console()
        assert not problems, problems
    print("done", flush=True)


main(*sys.argv[1:])

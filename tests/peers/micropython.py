#!/usr/bin/python3
"""Runs examples/micropython_client.py in Python: its camera takes pictures from files, each once, and its server is at PORT
of this machine, whatever address the example has.

    micropython.py PORT pictures/*.jpg
"""

import runpy
import socket
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

EXAMPLE = Path(__file__).parents[2] / "examples/micropython_client.py"
port, *pictures = sys.argv[1:]
sleep = time.sleep


class Camera:
    def __init__(self, pixel_format, frame_size, grab_mode):
        assert pixel_format == "JPEG"
        self.files = iter(pictures)

    def capture(self):
        file = next(self.files, None)
        if file is None:
            sys.exit()
        return Path(file).read_bytes()


names = SimpleNamespace(JPEG="JPEG", VGA="VGA", LATEST="LATEST")
sys.modules["camera"] = ModuleType("camera")
vars(sys.modules["camera"]).update(Camera=Camera, FrameSize=names, GrabMode=names, PixelFormat=names)
socket.getaddrinfo = lambda host, port_in_example: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", int(port)))]
time.sleep = lambda seconds: sleep(seconds / 4)
runpy.run_path(str(EXAMPLE), run_name="__main__")

#!/usr/bin/python3
"""The reference client of `fovea.v1`, on the library `websockets` (Debian: python3-websockets).

    v1_client.py 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg pictures/*.pgm

What the sub-protocol adds to bare pictures, and this client uses: a header with the sender's own numbers and capture
times, raw formats, a clock exchange that makes those times comparable with the server's, and "taken", which tells
when the next picture can be sent without superseding one that still waits.
"""

import asyncio
import json
import struct
import sys
import time
from pathlib import Path

import websockets

RATE_HZ = 20

# magic, version, format, header bytes, width, height, stride, reserved, seq, capture time; little-endian
HEADER = struct.Struct("<4sBBHIIIIQQ")
JPEG, PNG, GREY, YUYV, NV12, BGR24 = range(1, 7)


def now_us():
    return time.monotonic_ns() // 1000  # any clock will do that never jumps


def message(seq, picture, captured_us):
    """A picture as it goes over the wire. What a PGM file holds behind its three lines is exactly GREY."""
    kind, width, height = JPEG, 0, 0  # a JPEG says its size itself
    if picture.startswith(b"P5"):
        _, size, _, picture = picture.split(b"\n", 3)
        kind, (width, height) = GREY, map(int, size.split())
    return HEADER.pack(b"FVEA", 1, kind, HEADER.size, width, height, 0, 0, seq, captured_us) + picture


async def send(eye, files, room):
    for seq, file in enumerate(files, start=1):
        await room.wait()
        room.clear()
        await eye.send(message(seq, Path(file).read_bytes(), now_us()))
        await asyncio.sleep(1 / RATE_HZ)


async def main(url, *files):
    async with websockets.connect(url, subprotocols=["fovea.v1"]) as eye:
        if eye.subprotocol != "fovea.v1":
            sys.exit(f"{url} does not speak fovea.v1")
        room = asyncio.Event()  # set while no picture of ours waits
        sending = asyncio.create_task(send(eye, files, room))
        async for text in eye:
            print(text)
            heard = json.loads(text)
            if heard["type"] == "clock":  # answered at once: what that takes is what our times are wrong by
                await eye.send(json.dumps(heard | {"sender_us": now_us()}))
            if heard["type"] in ("hello", "taken", "refused"):
                room.set()
            if heard["type"] in ("result", "refused") and heard["seq"] == len(files):
                break
        await sending


asyncio.run(main(*sys.argv[1:]))

#!/usr/bin/python3
"""The reference client of `fovea.v1`, with the library `websockets` (Debian: python3-websockets).

    v1_client.py 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg pictures/*.pgm

A board with tokens needs one at the end of the address: `?results&token=fovea_...`.

It uses all that the sub-protocol adds to bare pictures: a header with the sender's own numbers and capture times, raw
formats, a clock exchange that relates those times to the server's, and "taken", which says that no picture waits, so
that the next one supersedes none. docs/protocol.md describes them.
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
JPEG, PNG, GREY, YUYV, NV12, BGR24, RGB24, I420 = range(1, 9)


def now_us():
    return time.monotonic_ns() // 1000  # any clock that does not jump


def message(seq, picture, captured_us):
    """A picture with its header. The bytes after the three lines of a PGM file are GREY."""
    kind, width, height = JPEG, 0, 0  # a JPEG states its own size
    if picture.startswith(b"P5"):
        _, size, _, picture = picture.split(b"\n", 3)
        kind, (width, height) = GREY, map(int, size.split())
    return HEADER.pack(b"FVEA", 1, kind, HEADER.size, width, height, 0, 0, seq, captured_us) + picture


async def send(server, files, room):
    for seq, file in enumerate(files, start=1):
        await room.wait()
        room.clear()
        await server.send(message(seq, Path(file).read_bytes(), now_us()))
        await asyncio.sleep(1 / RATE_HZ)


async def main(url, *files):
    async with websockets.connect(url, subprotocols=["fovea.v1"]) as server:
        if server.subprotocol != "fovea.v1":
            sys.exit(f"{url} does not speak fovea.v1")
        room = asyncio.Event()  # set while none of our pictures waits
        sending = asyncio.create_task(send(server, files, room))
        async for text in server:
            print(text)
            answer = json.loads(text)
            if answer["type"] == "clock":  # answer at once: a delay makes our times wrong
                await server.send(json.dumps(answer | {"sender_us": now_us()}))
            if answer["type"] in ("hello", "taken", "refused"):
                room.set()
            if answer["type"] in ("result", "refused") and answer["seq"] == len(files):
                break
        await sending


asyncio.run(main(*sys.argv[1:]))

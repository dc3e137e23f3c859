#!/usr/bin/python3
"""A camera in Python, on the library `websockets` (Debian: python3-websockets).

    websockets_client.py 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg

Sends the pictures at its own rate, as a camera would, and prints what comes back on the same connection. Whether the
daemon keeps up is not its concern: the newest picture is the one that is looked at.
"""

import asyncio
import json
import sys
from pathlib import Path

import websockets

RATE_HZ = 20


async def send(eye, pictures):
    for picture in pictures:
        await eye.send(Path(picture).read_bytes())  # a binary message is one JPEG or PNG
        await asyncio.sleep(1 / RATE_HZ)


async def main(url, *pictures):
    async with websockets.connect(url) as eye:
        sending = asyncio.create_task(send(eye, pictures))
        async for text in eye:
            print(text)
            if json.loads(text).get("seq") == len(pictures):  # pictures are counted from 1; this was the last
                break
        await sending


asyncio.run(main(*sys.argv[1:]))

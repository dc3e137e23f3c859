#!/usr/bin/python3
"""A camera in Python, with the library `websockets` (Debian: python3-websockets).

    websockets_client.py 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg

A board with tokens needs one at the end of the address: `?results&token=fovea_...`.

It sends the pictures at its own rate, as a camera does, and prints the answers that come on the same connection. It
does not need to know whether fovea keeps up: fovea processes the newest picture and counts those that it skips.
"""

import asyncio
import json
import sys
from pathlib import Path

import websockets

RATE_HZ = 20


async def send(server, pictures):
    for picture in pictures:
        await server.send(Path(picture).read_bytes())  # a binary message is one JPEG or PNG
        await asyncio.sleep(1 / RATE_HZ)


async def main(url, *pictures):
    async with websockets.connect(url) as server:
        sending = asyncio.create_task(send(server, pictures))
        async for text in server:
            print(text)
            if json.loads(text).get("seq") == len(pictures):  # pictures count from 1; this was the last
                break
        await sending


asyncio.run(main(*sys.argv[1:]))

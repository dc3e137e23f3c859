#!/usr/bin/python3
"""What fovea began as: a lock, an event, and the newest frame.

Frames come in over a WebSocket as bare JPEG messages. The newest one waits; a processor looks for motion in it and
the result goes back to its sender as JSON. Needs Debian's python3-websockets and python3-opencv.

As it is, it decodes each picture in colour and makes it smaller then. With --reduced it is written well: the decoder
gives the small grey picture.
"""

import argparse
import asyncio
import json
import threading

import cv2
import numpy
import websockets

from motion import Motion

REDUCED = {
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}

options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
options.add_argument("--port", type=int, default=8999, help="0 takes a free one; the port is printed (default 8999)")
options.add_argument("--width", type=int, default=320, help="about how wide the picture is looked at (default 320)")
options.add_argument("--reduced", type=int, choices=REDUCED, help="by how much the decoder makes the picture smaller")
options = options.parse_args()

lock, event = threading.Lock(), threading.Event()
newest = None  # (sender, number, jpeg)


def publish(frame):
    """Lock, swap, set the event. The frame that was there before is not missed."""
    global newest
    with lock:
        newest = frame
        event.set()


def take():
    """Wait for the event, lock, take, clear the event."""
    global newest
    event.wait()
    with lock:
        frame, newest = newest, None
        event.clear()
    return frame


def small_and_grey(jpeg):
    """The picture as it is looked at, and how many pixels of the whole one a pixel of it is wide; None if it is broken."""
    jpeg = numpy.frombuffer(jpeg, numpy.uint8)
    if options.reduced:
        gray = cv2.imdecode(jpeg, REDUCED[options.reduced])
        return None if gray is None else (gray, options.reduced)
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    if picture is None:
        return None
    scale = max(1, round(picture.shape[1] / options.width))
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return cv2.resize(gray, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA), scale


def process(loop):
    """Looks at the newest frame, again and again."""
    cv2.setNumThreads(1)
    motion = Motion()
    while True:
        sender, number, jpeg = take()
        picture = small_and_grey(jpeg)
        if picture is None:
            continue
        result = json.dumps({"type": "result", "seq": number, "motion": {"boxes": motion.boxes(*picture)}})
        asyncio.run_coroutine_threadsafe(answer(sender, result), loop)


async def answer(sender, result):
    try:
        await sender.send(result)
    except websockets.ConnectionClosed:
        pass  # it does not want to know any more


async def receive(sender):
    number = 0
    async for message in sender:
        number += 1
        publish((sender, number, message))


async def main():
    threading.Thread(target=process, args=[asyncio.get_running_loop()], daemon=True).start()
    async with websockets.serve(receive, "127.0.0.1", options.port, max_size=8 << 20, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()  # until it is killed


asyncio.run(main())

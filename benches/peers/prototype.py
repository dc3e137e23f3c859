#!/usr/bin/python3
"""What fovea began as: a lock, an event, and the newest frame.

Frames come in over a WebSocket as bare JPEG messages. The newest one waits; a processor looks for motion in it and
the result goes back to its sender as JSON. Needs Debian's python3-websockets and python3-opencv.
"""

import argparse
import asyncio
import json
import threading

import cv2
import numpy
import websockets

options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
options.add_argument("--port", type=int, default=8999, help="0 takes a free one; the port is printed (default 8999)")
options.add_argument("--width", type=int, default=320, help="about how wide the picture is looked at (default 320)")
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


def motion(picture, background):
    """Boxes around what differs from the background, in pixels of the whole picture; and the new background."""
    scale = max(1, round(picture.shape[1] / options.width))
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    gray = cv2.resize(gray, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    gray = cv2.GaussianBlur(gray, (5, 5), 0)
    if background is None or background.shape != gray.shape:
        background = gray.astype(numpy.float32)
    changed = cv2.absdiff(gray, cv2.convertScaleAbs(background))
    cv2.accumulateWeighted(gray, background, 0.05)
    _, changed = cv2.threshold(changed, 25, 255, cv2.THRESH_BINARY)
    changed = cv2.dilate(changed, None, iterations=2)
    contours, _ = cv2.findContours(changed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    least = 0.001 * gray.size
    boxes = [cv2.boundingRect(contour) for contour in contours if cv2.contourArea(contour) >= least]
    return [[scale * number for number in box] for box in boxes], background


def process(loop):
    """Looks at the newest frame, again and again."""
    cv2.setNumThreads(1)
    background = None
    while True:
        sender, number, jpeg = take()
        picture = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            continue
        boxes, background = motion(picture, background)
        result = json.dumps({"type": "result", "seq": number, "motion": {"boxes": boxes}})
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

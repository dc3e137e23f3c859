#!/usr/bin/python3
"""What OpenCV's MOG2 says of the frames in FILE, as written by footage.py: the reference for the motion stage.

    mog2.py FILE MIN_AREA

Full-size, in colour, with OpenCV's defaults: the usual recipe of a Python program that has time. Prints a JSON line
a frame, {"boxes": [[x, y, width, height], ...]}, regions of at least MIN_AREA of the picture, and at the end
{"cpu_ms": ...}: its CPU time per frame without reading and decoding.
"""

import json
import sys
import time

import cv2
import numpy


def frames(path):
    data = open(path, "rb").read()
    assert data[:4] == b"FVJ1", "not written by footage.py"
    at = 4
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        yield cv2.imdecode(numpy.frombuffer(data, numpy.uint8, length, at + 4), cv2.IMREAD_COLOR)
        at += 4 + length


def main():
    path, min_area = sys.argv[1], float(sys.argv[2])
    cv2.setNumThreads(1)
    subtractor = cv2.createBackgroundSubtractorMOG2()
    opening = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    closing = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 13))
    spent = count = 0
    for picture in frames(path):
        began = time.process_time()
        mask = subtractor.apply(picture)
        _, mask = cv2.threshold(mask, 200, 255, cv2.THRESH_BINARY)  # 127 is a shadow
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, opening)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, closing)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        boxes = [row[:4].tolist() for row in stats[1:] if row[4] >= min_area * mask.size]
        spent += time.process_time() - began
        count += 1
        print(json.dumps({"boxes": boxes}))
    print(json.dumps({"cpu_ms": round(1e3 * spent / count, 2)}))


main()

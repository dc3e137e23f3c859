"""Writes OpenCV's vtest.avi as colour JPEGs, each behind its length, and prints the file's path.

With `wide` each picture lies in the middle of one of 1920x1080, as a camera with more pixels and a wider lens sees the scene; with
`full` it is enlarged to that size, every twentieth alone.
Needs Debian's opencv-doc and python3-opencv."""

import struct
import sys
from pathlib import Path

import cv2
import numpy

ORIGINAL = "/usr/share/doc/opencv-doc/examples/data/vtest.avi"  # 768x576, 10 fps, 795 frames
kind = sys.argv[1] if sys.argv[1:] else "colour"
path = Path(__file__).parents[2] / "target" / f"vtest-{kind}.fvj"
if not path.exists():
    clip = cv2.VideoCapture(ORIGINAL)
    if not clip.isOpened():
        sys.exit(f"there is no {ORIGINAL}: apt-get install opencv-doc")
    number = 0
    parts = [b"FVJ1"]
    while (read := clip.read())[0]:
        picture = read[1]
        number += 1
        if kind == "full":
            if number % 20:
                continue
            picture = cv2.resize(picture, (1920, 1080), interpolation=cv2.INTER_CUBIC)
            noise = numpy.random.default_rng(number).normal(0, 3, picture.shape)
            picture = numpy.clip(picture + noise, 0, 255).astype(numpy.uint8)
        if kind == "wide":
            around = numpy.full((1080, 1920, 3), 110, numpy.uint8)
            around[252:252 + 576, 576:576 + 768] = picture
            picture = around
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
        parts.append(struct.pack("<I", len(jpeg)) + jpeg)
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(b"".join(parts))
    new.rename(path)
print(path)

#!/usr/bin/python3
"""Motion in the stream of an HTTP camera, by GStreamer and OpenCV: each result is a line of JSON on the standard output.

    gstreamer.py URL WIDTH HEIGHT SCALE

WIDTH and HEIGHT are those of the picture that is looked at, SCALE how many times as wide the whole one is. jpegdec cannot
decode to a small picture, so GStreamer makes it small and grey behind it. The newest picture waits in the appsink. Needs
Debian's python3-gi, gir1.2-gst-plugins-base-1.0, gstreamer1.0-plugins-base, gstreamer1.0-plugins-good, python3-opencv.
"""

import json
import sys

import cv2
import gi
import numpy

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import Gst, GstApp  # noqa: E402, F401: GstApp has the methods of the appsink

from motion import Motion  # noqa: E402

url, width, height, scale = sys.argv[1], *map(int, sys.argv[2:])
cv2.setNumThreads(1)
Gst.init(None)
pipeline = Gst.parse_launch(
    f"souphttpsrc location={url} is-live=true do-timestamp=true timeout=0 ! multipartdemux single-stream=true ! "
    "jpegdec ! videoconvertscale method=bilinear n-threads=1 ! "
    f"video/x-raw,format=GRAY8,width={width},height={height} ! "
    "appsink name=sink drop=true max-buffers=1 sync=false"
)
pipeline.set_state(Gst.State.PLAYING)
sink = pipeline.get_by_name("sink")
stride = (width + 3) & ~3  # GStreamer's rows begin at multiples of four bytes
motion = Motion()
while sample := sink.pull_sample():
    buffer = sample.get_buffer()
    _, mapped = buffer.map(Gst.MapFlags.READ)
    rows = numpy.frombuffer(mapped.data, numpy.uint8, stride * height).reshape(height, stride)
    boxes = motion.boxes(rows[:, :width], scale)
    buffer.unmap(mapped)
    came_us = (pipeline.get_base_time() + buffer.pts) // 1000  # on the monotonic clock
    print(json.dumps({"type": "result", "came_us": came_us, "motion": {"boxes": boxes}}), flush=True)

#!/usr/bin/python3
"""Turns OpenCV's clip vtest.avi into JPEG files one after another, for the benches.

Prints the path of the result, which is kept in the user's cache folder under a name made of the clip's content:

    magic b"FVJ1", then for each frame its length in bytes (4, little-endian) and its JPEG file

Needs Debian's opencv-doc (the clip) and python3-opencv (its decoder): that is why it is run by /usr/bin/python3.
"""

import hashlib
import os
import pathlib
import sys
import tempfile

CLIP = pathlib.Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
INSTALL = "the real clip is missing: apt-get install opencv-doc python3-opencv"
QUALITY = 90  # the clip itself is MPEG-4 of a low rate: this adds next to nothing


def main() -> int:
    try:
        import cv2
    except ImportError:
        print(INSTALL, file=sys.stderr)
        return 69
    if not CLIP.exists():
        print(INSTALL, file=sys.stderr)
        return 69

    key = hashlib.sha256(CLIP.read_bytes() + b"q%d" % QUALITY).hexdigest()[:16]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "fovea"
    footage = cache / f"vtest-{key}.jpegs"
    if not footage.exists():
        cache.mkdir(parents=True, exist_ok=True)
        write(cv2, footage)
    print(footage)
    return 0


def write(cv2, footage: pathlib.Path) -> None:
    """Writes beside its place and renames: a file with the right name is a whole one."""
    clip = cv2.VideoCapture(str(CLIP))
    with tempfile.NamedTemporaryFile(dir=footage.parent, delete=False) as file:
        file.write(b"FVJ1")
        while True:
            there, picture = clip.read()
            if not there:
                break
            _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            file.write(len(jpeg).to_bytes(4, "little") + jpeg.tobytes())
    os.chmod(file.name, 0o644)
    os.replace(file.name, footage)


if __name__ == "__main__":
    sys.exit(main())

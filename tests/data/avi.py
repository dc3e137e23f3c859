"""Writes MJPEG AVI files, whole ones and, for the tests, odd ones."""

import struct


def chunk(name, data):
    """A RIFF chunk, padded to an even length as RIFF wants it."""
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def listed(kind, *parts):
    """A LIST chunk of `kind` around `parts`."""
    return chunk(b"LIST", kind + b"".join(parts))


def stream(kind, fourcc, rate_hz, pictures, width=0, height=0):
    """The header of one stream: `kind` is vids or auds."""
    header = struct.pack("<4s4sIHHIIIIIIIIhhhh", kind, fourcc, 0, 0, 0, 0,
                         1, rate_hz, 0, pictures, 0, 0xFFFFFFFF, 0, 0, 0, width, height)
    form = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, fourcc, 3 * width * height, 0, 0, 0, 0)
    return listed(b"strl", chunk(b"strh", header), chunk(b"strf", form))


def headers(rate_hz, pictures, width, height, streams):
    """The hdrl list; `streams` as made by `stream`."""
    main = struct.pack("<IIIIIIIIII16x", 1_000_000 // rate_hz, 0, 0, 0x10,
                       pictures, 0, len(streams), 0, width, height)
    return listed(b"hdrl", chunk(b"avih", main), *streams)


def index(pictures, name=b"00dc"):
    """The idx1 chunk for a movi list that holds just these pictures."""
    entries, offset = [], 4
    for picture in pictures:
        entries.append(struct.pack("<4sIII", name, 0x10, offset, len(picture)))
        offset += 8 + len(picture) + len(picture) % 2
    return chunk(b"idx1", b"".join(entries))


def avi(pictures, rate_hz, width, height):
    """A plain MJPEG AVI of JPEG files, with its index."""
    video = stream(b"vids", b"MJPG", rate_hz, len(pictures), width, height)
    return chunk(b"RIFF", b"AVI " + headers(rate_hz, len(pictures), width, height, [video])
                 + listed(b"movi", *(chunk(b"00dc", picture) for picture in pictures))
                 + index(pictures))

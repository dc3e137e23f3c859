#!/usr/bin/env python3
"""Writes progressive-1000-scans.jpg: a correct JPEG of 2048x2048 pixels, all of one grey, in 1000 scans.

Each scan is some 20 bytes and makes a decoder go over the whole picture: it says "nothing new" of a third of all
blocks, three times. No rule of ITU-T T.81 is broken and no decoder warns: only a limit helps.
"""

import struct

SIDE, SCANS, COMPONENTS = 2048, 1000, (1, 2, 3)
BLOCKS = (SIDE // 8) ** 2


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def coded(bits):
    """Entropy-coded data: filled up with ones, and no 0xff that could be a marker."""
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return data.replace(b"\xff", b"\xff\x00")


def scan(components, tables, band, high, low, bits):
    body = bytes([len(components)]) + b"".join(bytes([component, tables]) for component in components)
    return segment(0xDA, body + bytes([*band, high << 4 | low])) + coded(bits)


def table(kind, symbol):
    """A Huffman table of one symbol, whose code is 0."""
    return segment(0xC4, bytes([kind, 1] + [0] * 15 + [symbol]))


def nothing_new():
    """Three end-of-band runs over all blocks: the code of EOB14, then how many more than 16384 blocks, in 14 bits."""
    runs = [BLOCKS // 3, BLOCKS // 3, BLOCKS - BLOCKS // 3 * 2]
    return "".join("0" + format(run - (1 << 14), "014b") for run in runs)


def scans():
    yield scan(COMPONENTS, 0x00, (0, 0), 0, 0, "0" * BLOCKS * len(COMPONENTS))
    # Each coefficient of each component from its highest bit to its lowest, as the standard allows.
    for component in COMPONENTS:
        for coefficient in range(1, 64):
            for low in range(13, -1, -1):
                high = 0 if low == 13 else low + 1
                yield scan([component], 0x00, (coefficient, coefficient), high, low, nothing_new())


picture = b"\xff\xd8" + segment(0xDB, bytes([0] + [1] * 64))
frame = struct.pack(">BHHB", 8, SIDE, SIDE, len(COMPONENTS))
picture += segment(0xC2, frame + b"".join(bytes([component, 0x11, 0]) for component in COMPONENTS))
picture += table(0x00, 0x00) + table(0x10, 0xE0)
picture += b"".join(body for body, _ in zip(scans(), range(SCANS))) + b"\xff\xd9"
with open("progressive-1000-scans.jpg", "wb") as file:
    file.write(picture)

#!/usr/bin/python3
"""A camera in Python, with the library `websocket-client` (Debian: python3-websocket).

    websocket_client.py 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg

A board with tokens needs one at the end of the address: `?results&token=fovea_...`.

It uses blocking calls and no callbacks. It sends a picture, waits for the answer, and sends the next picture when it is
time. So every picture has a result, and a slow network never carries more than one picture.
"""

import json
import sys
import time
from pathlib import Path

from websocket import create_connection

RATE_HZ = 20


def main(url, *pictures):
    server = create_connection(url, timeout=10)
    for picture in pictures:
        server.send_binary(Path(picture).read_bytes())  # a binary message is one JPEG or PNG
        sent_at = time.monotonic()
        while True:
            text = server.recv()
            print(text)
            if json.loads(text)["type"] in ("result", "refused"):  # the answer to this picture
                break
        time.sleep(max(0, sent_at + 1 / RATE_HZ - time.monotonic()))
    server.close()


main(*sys.argv[1:])

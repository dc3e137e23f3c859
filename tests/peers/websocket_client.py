#!/usr/bin/python3
"""A camera in Python, on the library `websocket-client` (Debian: python3-websocket).

    websocket_client.py 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg

Blocking calls, no callbacks: sends a picture, waits until it was looked at, sends the next when it is time. So every
picture counts, and a slow network never has more than one of them on its way.
"""

import json
import sys
import time
from pathlib import Path

from websocket import create_connection

RATE_HZ = 20


def main(url, *pictures):
    eye = create_connection(url, timeout=10)
    for picture in pictures:
        eye.send_binary(Path(picture).read_bytes())  # a binary message is one JPEG or PNG
        sent_at = time.monotonic()
        while True:
            text = eye.recv()
            print(text)
            if json.loads(text)["type"] in ("result", "refused"):  # the answer to this picture
                break
        time.sleep(max(0, sent_at + 1 / RATE_HZ - time.monotonic()))
    eye.close()


main(*sys.argv[1:])

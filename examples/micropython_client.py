"""A camera in MicroPython, on an ESP32 with a firmware that has the module `camera`
(https://github.com/cnadler86/micropython-camera-API has them ready-made). Join the Wi-Fi in boot.py.

It needs no WebSocket library, because a sender only needs the handshake and the header of a message. It reads nothing
after the handshake: fovea pings only a client that has sent nothing for 30 s, and this one sends more often.

It was never tried on a real ESP32. The tests run it in Python on a PC.
"""

import socket
import struct
import time

from camera import Camera, FrameSize, GrabMode, PixelFormat

HOST = "192.168.1.20"  # the board that runs fovea
PORT = 8999
PATH = "/frames/door"  # a board with tokens: "/frames/door?token=fovea_..."
INTERVAL_S = 0.2

# The key serves to detect caches in between. Any key works.
REQUEST = """GET {} HTTP/1.1\r
Host: {}:{}\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
\r
"""


def connect():
    server = socket.socket()
    server.settimeout(10)
    server.connect(socket.getaddrinfo(HOST, PORT)[0][-1])
    server.sendall(REQUEST.format(PATH, HOST, PORT).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = server.recv(1)
        if not byte:
            break
        answer += byte
    if not answer.startswith(b"HTTP/1.1 101"):
        raise OSError(answer + server.recv(500))  # a line that says what is wrong
    return server


def send(server, picture):
    """Sends a picture as one binary message. Clients must mask what they send; a mask of zeros changes no byte."""
    length = len(picture)
    if length < 0x10000:  # a JPEG never has less than 126 bytes, which would take a shorter head
        head = struct.pack(">BBH", 0x82, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", 0x82, 0x80 | 127, length)
    server.sendall(head + b"\0\0\0\0")
    server.sendall(picture)


def main():
    camera = Camera(pixel_format=PixelFormat.JPEG, frame_size=FrameSize.VGA, grab_mode=GrabMode.LATEST)
    while True:
        try:
            server = connect()
            while True:
                send(server, camera.capture())
                time.sleep(INTERVAL_S)
        except OSError as error:
            print("connecting again:", error)
            time.sleep(2)


main()

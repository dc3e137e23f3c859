"""A proxy with HTTPS before the daemon, as docs/cameras.md has it: frames go to one port, all else to the other, and while the
daemon is away it answers for it with 502.

It also does on order what a network does by chance: it refuses, keeps answers back, and loses messages.
"""

import json
import select
import socket
import ssl
import subprocess
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

NAME = "camera.example.org"  # the browser is told that this is here
EVENTS, RECENT = "/api/events", "/api/events/recent"


class Proxy:
    """One that runs to the end of the program. What it was asked for is in `answered`: (path, status) and how often."""

    def __init__(self, pages, frames, folder):
        """`pages` and `frames` are ports of this machine; the certificate is left in `folder`."""
        self.pages, self.frames = pages, frames
        self.answered = Counter()
        self.refused = {}  # a path and the status that it is refused with
        self.loses = False  # events on their way to a page
        self.told = []  # events that were not lost
        self.is_free = threading.Event()  # for lists of recent events to pass
        self.is_free.set()
        self.kept = 0  # lists that have come and do not pass yet
        self._streams = []
        self._lock = threading.Lock()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate(folder))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://{NAME}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def tell(self, kind, message):
        """Tells pages something as the daemon would."""
        with self._lock:
            for stream in self._streams:
                with suppress(OSError):  # it has left
                    stream.sendall(f"event: {kind}\ndata: {json.dumps(message)}\n\n".encode())

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        """One request: each has a connection of its own."""
        try:
            with self._tls.wrap_socket(client, server_side=True) as client:
                head = read_head(client)
                if not head:
                    return
                path = head.split()[1].decode().partition("?")[0]
                if path in self.refused:
                    return self._refuse(client, path, self.refused[path])
                is_frames = path.startswith("/frames/")
                try:
                    daemon = socket.create_connection(("127.0.0.1", self.frames if is_frames else self.pages))
                except OSError:
                    return self._refuse(client, path, 502)
                with daemon:
                    if is_frames:
                        daemon.sendall(head)
                        connect(client, daemon)
                    else:
                        daemon.sendall(for_one_answer(head))
                        self._answer(daemon, client, path)
        except OSError:
            pass  # one of the two has left

    def _refuse(self, client, path, status):
        client.sendall(f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        self.answered[path, status] += 1

    def _answer(self, daemon, client, path):
        try:
            head = read_head(daemon)
        except ConnectionError:
            head = b""
        if not head:
            return self._refuse(client, path, 502)
        self.answered[path, int(head.split()[1])] += 1
        if path == EVENTS:
            return self._pass_on_events(daemon, client, head)
        if path == RECENT:
            answer = head + b"".join(pieces(daemon))
            self.kept += 1
            self.is_free.wait()
            self.kept -= 1
            return client.sendall(answer)
        client.sendall(head)
        for piece in pieces(daemon):
            client.sendall(piece)

    def _pass_on_events(self, daemon, client, head):
        client.sendall(head)
        with self._lock:
            self._streams.append(client)
        try:
            come = b""
            for piece in pieces(daemon):
                *messages, come = (come + piece).split(b"\n\n")
                for message in messages:
                    self._pass_on_event(client, message)
        finally:
            with self._lock:
                self._streams.remove(client)

    def _pass_on_event(self, client, message):
        fields = dict(line.split(": ", 1) for line in message.decode().split("\n") if ": " in line)
        if fields.get("event") == "event":
            if self.loses:
                return
            self.told.append(json.loads(fields["data"]))
        with self._lock:
            client.sendall(message + b"\n\n")


def certificate(folder):
    """A file with a certificate that nobody vouches for, and its key."""
    file = Path(folder) / "proxy.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={NAME}", "-keyout", file, "-out", file], check=True, capture_output=True)
    return file


def read_head(stream):
    """Up to the empty line; empty if there is none."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def for_one_answer(head):
    """The request as HTTP/1.0: the answer's end is the connection's, and it comes in no chunks."""
    first, *lines = head.split(b"\r\n")
    lines = [line for line in lines if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([first.replace(b"HTTP/1.1", b"HTTP/1.0"), *lines])


def pieces(stream):
    return iter(lambda: stream.recv(65536), b"")


def connect(client, daemon):
    """Passes on what each says until one of them leaves."""
    other = {client: daemon, daemon: client}
    while True:
        ready = [client] if client.pending() else select.select([client, daemon], [], [])[0]
        for one in ready:
            piece = one.recv(65536)
            if not piece:
                return
            other[one].sendall(piece)

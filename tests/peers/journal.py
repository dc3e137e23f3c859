#!/usr/bin/python3
"""A journal for one daemon: takes what systemd-journald would, and prints the fields of each entry as JSON, as it comes.

    unshare --mount --map-root-user sh -c 'mount -t tmpfs none /run && exec "$0" "$@"' journal.py COMMAND...

The command's standard error is made to look like the journal to it, as systemd does; it is ended when standard input
is. In a mount namespace of its own, so that the machine's real journal is left alone.
"""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile


def entries(datagram):
    """Fields of one entry: NAME=value, or the name, eight bytes of length, the value."""
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, is_short, value = line.partition(b"=")
        if not is_short:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length + 1 :]
        yield name.decode(), value.decode()
        datagram = rest


os.makedirs("/run/systemd/journal")
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")


def tell():
    """Prints an entry; an empty one only asks whether anybody is there."""
    if entry := dict(entries(journal.recv(65536))):
        print(json.dumps(entry), flush=True)


with tempfile.TemporaryFile() as stderr:
    about = os.fstat(stderr.fileno())
    stream = f"{about.st_dev}:{about.st_ino}"
    # Its standard output would come between the entries, or in front of one on the same line.
    nothing = subprocess.DEVNULL
    daemon = subprocess.Popen(
        sys.argv[1:], stdin=nothing, stdout=nothing, stderr=stderr, env=os.environ | {"JOURNAL_STREAM": stream}
    )
    over = os.pidfd_open(daemon.pid)
    while over not in (ready := select.select([journal, sys.stdin, over], [], [])[0]):
        if journal in ready:
            tell()
        if sys.stdin in ready:
            break
    daemon.terminate()
    while not select.select([over], [], [], 0)[0]:
        if select.select([journal, over], [], [])[0] == [journal]:
            tell()
    daemon.wait()
    journal.setblocking(False)
    try:
        while True:
            tell()
    except BlockingIOError:
        pass
    stderr.seek(0)
    print(json.dumps({"stderr": stderr.read().decode()}))

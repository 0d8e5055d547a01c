"""Rude clients, as a program of their own: rude.py PORT COUNT. They never read, send byte by byte, stop in mid-request,
half-close or vanish, and come again; each does something once a second. It says `ready` when all are there."""

import contextlib
import errno
import heapq
import random
import socket
import struct
import sys
import time

LARGE = b"*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n"
SLOWLY = b"*3\r\n$3\r\nSET\r\n$4\r\nrude\r\n$64\r\n" + b"x" * 64 + b"\r\n"
HALF = b"*3\r\n$3\r\nSET\r\n$4\r\nrude\r\n$100000\r\n" + b"x" * 30_000
PERIOD = 1.0  # seconds between two things that a client does
TICK = 0.01  # seconds: what is due within one is done together, so that this process does not wake up all the time


class Client:
    def __init__(self, port: int, kind: int):
        self.port, self.kind, self.step = port, kind, 0
        self.connect()

    def connect(self) -> None:
        self.socket = socket.socket()
        # Or the kernel would keep megabytes for each that does not read.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", self.port))
        self.socket.setblocking(False)
        self.step = 0

    def act(self) -> None:
        try:
            (self.never_read, self.byte_by_byte, self.half_request, self.half_close, self.vanish)[self.kind]()
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise
            self.again()
        self.step += 1

    def never_read(self) -> None:
        # At first for more than all buffers hold.
        self.socket.send(LARGE * (1000 if self.step == 0 else 1))

    def byte_by_byte(self) -> None:
        place = self.step % len(SLOWLY)
        self.socket.send(SLOWLY[place : place + 1])

    def half_request(self) -> None:
        if self.step == 0:
            self.socket.send(HALF)

    def half_close(self) -> None:
        if self.step % 4 == 0:
            self.again()
            self.socket.send(LARGE * 3)
            self.socket.shutdown(socket.SHUT_WR)

    def vanish(self) -> None:
        if self.step % 4 == 0:
            self.socket.send(HALF)
        elif self.step % 4 == 2:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.again()

    def again(self) -> None:
        self.socket.close()
        with contextlib.suppress(OSError):
            self.connect()


def main(port: int, count: int) -> None:
    clients = [Client(port, number % 5) for number in range(count)]
    now = time.monotonic()
    # By number as well, since clients have no order.
    due = [(now + random.random() * PERIOD, number) for number in range(count)]
    heapq.heapify(due)
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        while due[0][0] <= now:
            at, number = due[0]
            clients[number].act()
            # What was missed while the process stood still is not made up for.
            heapq.heapreplace(due, (at + PERIOD * (int((now - at) / PERIOD) + 1), number))
        time.sleep(TICK)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

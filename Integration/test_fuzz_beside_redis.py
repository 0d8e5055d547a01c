"""Broken bytes to Needletail and to Redis 8.2.3: the same replies, the same end of the connection, the same data. The
seed is printed by a test that fails and can be given back in NEEDLETAIL_SEED."""

import os
import random
import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from differential.servers import start
from harness import LONG, ORACLE, OURS, Server, encode
from test_fuzz import Source

SESSIONS = 40_000 if LONG else 1_600
# Each session has a database of its own, so that as many run at once.
DATABASES = 16
QUIET_SECONDS = 0.12
PATIENCE_SECONDS = 10
BULK_MAX = 1 << 20

# What answers the same whatever the moment, and changes nothing for other connections.
COMMANDS = [
    "APPEND", "DECR", "DECRBY", "DEL", "DISCARD", "ECHO", "EXEC", "EXISTS", "GET", "GETDEL", "GETEX", "GETRANGE",
    "GETSET", "INCR", "INCRBY", "INCRBYFLOAT", "LCS", "MGET", "MSET", "MSETNX", "MULTI", "NOSUCH", "PERSIST", "PING",
    "QUIT",
    "RENAME", "RENAMENX", "SET", "SETNX", "SETRANGE", "STRLEN", "SUBSTR", "TOUCH", "TTL", "TYPE", "UNLINK", "UNWATCH",
    "WATCH",
]  # fmt: skip
# At, below and above what the servers are started with, and what no setting changes.
LIMITS = [
    *(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % size for size in (BULK_MAX - 1, BULK_MAX, BULK_MAX + 1)),
    *(b"*%d\r\n" % count for count in (1024 * 1024, 2**31 - 1, 2**31, 2**63)),
    # A line just above 64 KiB is too long unless its end is read with it: far above it no server reads that much at once.
    *(b"x" * length for length in (65_535, 65_536, 400_000)),
    *(b"*" + b"1" * length for length in (65_534, 65_535, 400_000)),
    *(b"*1\r\n$" + b"1" * length for length in (65_534, 65_535, 400_000)),
]


class PlainSource(Source):
    """Requests whose replies depend on nothing else."""

    def request(self) -> bytes:
        name = self.random.choice(COMMANDS)
        arguments = [self.argument()[:BULK_MAX] for _ in range(self.random.choice([0, 1, 1, 2, 2, 2, 3, 4]))]
        if name in ("SETRANGE", "LCS"):
            arguments = [argument[:500] for argument in arguments]
        # Deadlines would come at one moment here and at another there.
        arguments = [b"KEEPTTL" if argument in (b"EX", b"PX") else argument for argument in arguments]
        if name == "GETEX":
            arguments = arguments[:1]
        if self.random.random() < 0.15:
            return b" ".join([name.encode(), *(argument[:100] for argument in arguments)]) + b"\r\n"
        return encode(name, *arguments)

    def session(self) -> bytes:
        data = super().session()
        return data + self.random.choice(LIMITS) if self.random.random() < 0.1 else data


class Talk:
    """One session with one server: what came back, and how the connection ended."""

    def __init__(self, server: Server, protocol: int, database: int, end: bytes):
        self.socket = server.connect()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(encode("HELLO", protocol) + encode("SELECT", database))
        greeting = b""
        while not greeting.endswith(b"+OK\r\n"):
            greeting += self.socket.recv(1 << 16)
        self.end = end
        self.received = bytearray()
        self.state = "open"
        # The server ended it with bytes unread: what was on its way may be lost.
        self.was_reset = False

    @property
    def is_over(self) -> bool:
        return self.state == "closed" or self.end in self.received[-len(self.end) - 8 :]

    def send(self, piece: bytes) -> None:
        if self.state == "closed":
            return
        self.socket.settimeout(PATIENCE_SECONDS)
        try:
            self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            self.was_reset = True  # What it said before can still be read.

    def receive(self) -> None:
        self.socket.settimeout(0)
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except ConnectionResetError:
            self.was_reset = True
            data = b""
        self.received += data
        if not data:
            self.state = "closed"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    options = ("--proto-max-bulk-len", str(BULK_MAX))
    with start(OURS, options=options) as ours, start(ORACLE, options=options) as oracle:
        yield ours, oracle


@pytest.mark.parametrize("protocol", [2, 3])
def test_broken_bytes_get_the_same_answer(servers: tuple[Server, Server], protocol: int) -> None:
    seed = int(os.environ.get("NEEDLETAIL_SEED", random.randrange(1 << 32)))
    print(f"NEEDLETAIL_SEED={seed}")
    for number in range(SESSIONS // 2 // DATABASES):
        source = PlainSource((seed << 32) + number)
        compare_sessions(servers, protocol, source, f"round {number}")


def compare_sessions(servers: tuple[Server, Server], protocol: int, source: PlainSource, where: str) -> None:
    """A session in each database, all at once."""
    end = source.random.randbytes(8).hex().encode()
    sessions = [source.pieces(source.session() + b"\r\n" + encode("ECHO", end)) for _ in range(DATABASES)]
    pairs = [tuple(Talk(server, protocol, n, end) for server in servers) for n in range(DATABASES)]
    try:
        for turn in range(max(map(len, sessions))):
            for pieces, pair in zip(sessions, pairs):
                if turn < len(pieces):
                    for talk in pair:
                        talk.send(pieces[turn])
                        talk.receive()
        listen([talk for pair in pairs for talk in pair])
        for database, (ours, theirs) in enumerate(pairs):
            if what := difference(ours, theirs):
                raise AssertionError(f"{where}, database {database}: {what}\n{sessions[database]!r:.2000}")
        digests = [server.call("DEBUG", "DIGEST") for server in servers]
        assert digests[0] == digests[1] and digests[0][:1] == b"+", where
    finally:
        for pair in pairs:
            for talk in pair:
                talk.socket.close()
    assert [server.call("FLUSHALL") for server in servers] == [b"+OK\r\n"] * 2


def difference(ours: Talk, theirs: Talk) -> str | None:
    """Where the two talks part."""
    a, b = bytes(ours.received), bytes(theirs.received)
    if ours.was_reset and b.startswith(a) or theirs.was_reset and a.startswith(b):
        a = b
    if a == b:
        return None if ours.state == theirs.state else f"ours is {ours.state}, Redis's {theirs.state}"
    place = next((n for n, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    start = max(0, place - 200)
    return f"from byte {start} of {len(a)} ({ours.state}) and {len(b)} ({theirs.state}) on\n" + "\n".join(
        repr(data[start : place + 200]) for data in (a, b)
    )


def listen(talks: list[Talk]) -> None:
    """Until each has given its last answer, ended the connection, or been silent for a while: it waits for more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with selectors.DefaultSelector() as selector:
        for talk in talks:
            if not talk.is_over:
                selector.register(talk.socket, selectors.EVENT_READ, talk)
        while selector.get_map() and time.monotonic() < deadline:
            ready = selector.select(QUIET_SECONDS)
            if not ready:
                return
            for key, _ in ready:
                key.data.receive()
                if key.data.is_over:
                    selector.unregister(key.fileobj)

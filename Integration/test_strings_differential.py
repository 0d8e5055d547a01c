"""Random commands to Needletail and to Redis 8.2.3, whose replies must be the same bytes.

NEEDLETAIL_SEED=n repeats a run; NEEDLETAIL_LONG=1 makes it 500,000 commands instead of 40,000."""

import collections
import os
import random
import re

import pytest

from harness import LONG, Connection, Server, encode
from string_commands import KEYS, PATTERNS, Command, Generator

COMMANDS = 250_000 if LONG else 20_000  # for each of the two protocols
BATCH = 50
MOST_DIFFERENCES = 15

# Replies that depend on the moment: (commands, how far numbers may lie apart).
SECONDS = {b"TTL", b"EXPIRETIME"}
MILLISECONDS = {b"PTTL", b"PEXPIRETIME"}


def agree(command: Command, ours: bytes, theirs: bytes) -> bool:
    if ours == theirs:
        return True
    name = command[0].upper()
    if name == b"OBJECT" and len(command) == 3:
        word = command[1].upper()
        if word == b"IDLETIME":
            return close(ours, theirs, 2)
        # How often a value is shared is nobody's business but the allocator's; that it is a number is.
        return word == b"REFCOUNT" and ours[:1] == theirs[:1] == b":"
    if name in SECONDS:
        return close(ours, theirs, 2)
    if name in MILLISECONDS:
        return close(ours, theirs, 2_000)
    if name == b"KEYS":
        return sorted(elements(ours)) == sorted(elements(theirs))
    if name == b"RANDOMKEY":
        return ours[:1] == theirs[:1] == b"$" and (ours == b"$-1\r\n") == (theirs == b"$-1\r\n")
    if name == b"SCAN":
        return ours[:1] == theirs[:1] == b"*"
    return False


def close(ours: bytes, theirs: bytes, distance: int) -> bool:
    if ours[:1] != b":" or theirs[:1] != b":":
        return False
    a, b = int(ours[1:]), int(theirs[1:])
    return a >= 0 and b >= 0 and abs(a - b) <= distance


def elements(reply: bytes) -> list[bytes]:
    """The bulk strings of a flat array."""
    found, rest = [], reply.partition(b"\r\n")[2]
    while rest.startswith(b"$"):
        head, _, tail = rest.partition(b"\r\n")
        length = int(head[1:])
        found.append(tail[:length])
        rest = tail[length + 2 :]
    return found


def scan(connection: Connection, *options: bytes) -> list[bytes]:
    """A whole scan: the keys, each once."""
    found: set[bytes] = set()
    cursor = b"0"
    for _ in range(10_000):
        reply = connection.call("SCAN", cursor, *options)
        head = re.match(rb"\*2\r\n\$\d+\r\n(\d+)\r\n", reply)
        assert head, reply
        cursor = head[1]
        found.update(elements(reply[head.end() :]))
        if cursor == b"0":
            return sorted(found)
    raise AssertionError("the scan does not end")


class Comparison:
    """Both servers, kept in step; differences are collected, and both emptied after each, so that one does not
    cause the next."""

    def __init__(self, ours: Connection, theirs: Connection):
        self.ours, self.theirs = ours, theirs
        self.history: list[tuple[Command, bytes]] = []
        self.differences: list[str] = []
        self.recent_keys: collections.deque[bytes] = collections.deque(maxlen=2000)

    def run(self, commands: list[Command]) -> None:
        commands = [step for command in commands for step in self.prepared(command)]
        data = b"".join(encode(*command) for command in commands)
        self.ours.socket.sendall(data)
        self.theirs.socket.sendall(data)
        ours = [self.ours.reply() for _ in commands]
        theirs = [self.theirs.reply() for _ in commands]
        for command, our_reply, their_reply in zip(commands, ours, theirs):
            if not agree(command, our_reply, their_reply):
                self.report(command, our_reply, their_reply)
                self.empty()
                return
            self.history.append((command, their_reply))

    def prepared(self, command: Command) -> list[Command]:
        """Keys that have expired are counted until a server comes across them: with us that is within some
        milliseconds, in Redis when it scans. Asking for all of them makes both do so at once."""
        self.recent_keys.extend(command[1:2])
        if command[0].upper() != b"DBSIZE":
            return [command]
        return [[b"SCAN", b"0", b"COUNT", b"1000000"], [b"EXISTS", *{*KEYS, *self.recent_keys}], command]

    def report(self, command: Command, ours: bytes, theirs: bytes) -> None:
        keys = set(command[1:])
        related = [entry for entry in self.history if keys & set(entry[0][1:])][-6:]
        lines = [f"    before: {short(before)} -> {reply[:80]!r}" for before, reply in related]
        lines.append(f"  {short(command)}\n    ours:  {ours[:300]!r}\n    redis: {theirs[:300]!r}")
        self.differences.append("\n".join(lines))

    def compare_scans(self, rng: random.Random) -> None:
        for options in ([], [b"COUNT", b"3"], [b"MATCH", rng.choice(PATTERNS)], [b"TYPE", b"string"]):
            ours, theirs = scan(self.ours, *options), scan(self.theirs, *options)
            if ours != theirs:
                self.differences.append(f"  scan {options}:\n    ours:  {ours}\n    redis: {theirs}")
                self.empty()
                return

    def empty(self) -> None:
        self.history.clear()
        for connection in (self.ours, self.theirs):
            assert connection.call("FLUSHALL") == b"+OK\r\n"
            assert connection.call("SELECT", 0) == b"+OK\r\n"


def short(command: Command) -> str:
    return " ".join(repr(part[:60])[1:] + ("…" if len(part) > 60 else "") for part in command)


@pytest.mark.parametrize("protocol", [2, 3])
def test_random_commands(pair: tuple[Server, Server], protocol: int) -> None:
    seed = int(os.environ.get("NEEDLETAIL_SEED", random.randrange(1 << 32)))
    print(f"NEEDLETAIL_SEED={seed}")
    rng = random.Random(seed)
    generator = Generator(rng)
    ours, oracle = pair
    with ours.connect(timeout=60) as our_socket, oracle.connect(timeout=60) as their_socket:
        comparison = Comparison(Connection(our_socket), Connection(their_socket))
        for connection in (comparison.ours, comparison.theirs):
            connection.call("HELLO", protocol)
        comparison.empty()
        for batch in range(COMMANDS // BATCH):
            comparison.run([generator.command() for _ in range(BATCH)])
            if batch % 20 == 0:
                comparison.compare_scans(rng)
            if len(comparison.differences) >= MOST_DIFFERENCES:
                break
    report = "\n".join(comparison.differences)
    assert not comparison.differences, f"seed {seed}, RESP{protocol}:\n{report}"


SIZES = [0, 1, 7, 8, 15, 16, 17, 31, 32, 43, 44, 45, 47, 48, 63, 64, 100, 255, 256, 1023, 4096, 65_535, 65_536, 200_000]


@pytest.mark.parametrize("size", SIZES)
def test_every_change_of_size(pair: tuple[Server, Server], size: int) -> None:
    """From each size to each other by every way that changes one."""
    replies = []
    for server in pair:
        with server.connect(timeout=60) as client:
            connection = Connection(client)
            found = []
            for other in SIZES:
                for step in (
                    ("SET", "s", b"x" * size),
                    ("APPEND", "s", b"y" * other),
                    ("OBJECT", "ENCODING", "s"),
                    ("SETRANGE", "s", other, b"z" * 5),
                    ("GETRANGE", "s", -10, -1),
                    ("SET", "s", b"w" * other, "KEEPTTL", "GET"),
                    ("EXPIRE", "s", 1000),
                    ("OBJECT", "ENCODING", "s"),
                    ("GETEX", "s", "PERSIST"),
                    ("GETSET", "s", b"v" * size),
                    ("STRLEN", "s"),
                    ("GETDEL", "s"),
                ):
                    found.append(connection.call(*step))
        replies.append(found)
    assert replies[0] == replies[1]

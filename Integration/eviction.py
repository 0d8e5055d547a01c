"""What tests of eviction share: filling a server, a limit for a part of what it holds, and which keys are left."""

import time
from collections.abc import Iterator

from harness import Connection, Server, encode

OOM = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
BATCH = 500
# What connections come to have while a test looks.
SLACK = 64 << 10


def used(server: Server) -> int:
    return int(server.info("used_memory"))


def evicted(server: Server) -> int:
    return int(server.info("evicted_keys"))


def size(connection: Connection) -> int:
    return int(connection.call("DBSIZE")[1:])


def fill(connection: Connection, count: int, prefix: str = "key", value: bytes = b"x" * 100, *options: object) -> None:
    """SET `prefix`:0 and so on."""
    for first in range(0, count, BATCH):
        part = range(first, min(first + BATCH, count))
        replies = connection.send(b"".join(encode("SET", f"{prefix}:{n}", value, *options) for n in part), len(part))
        assert set(replies) == {b"+OK\r\n"}


def left(connection: Connection, count: int, prefix: str = "key") -> list[bool]:
    """Which of them are there."""
    found = []
    for first in range(0, count, BATCH):
        part = range(first, min(first + BATCH, count))
        replies = connection.send(b"".join(encode("EXISTS", f"{prefix}:{n}") for n in part), len(part))
        found += [reply == b":1\r\n" for reply in replies]
    return found


def limit(connection: Connection, count: int) -> None:
    assert connection.call("CONFIG", "SET", "maxmemory", count) == b"+OK\r\n"


def set_policy(connection: Connection, policy: str, samples: int = 10) -> None:
    assert connection.call("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory-samples", samples) == b"+OK\r\n"


def evict_share(server: Server, connection: Connection, keys: int, share: float) -> None:
    """Lowers the limit by little until a share of `keys` has gone, however much of the memory is not theirs."""
    first, now = evicted(server), used(server)
    step = max(1, int(100 * keys * share / 20))
    deadline = time.monotonic() + 20
    while (before := evicted(server)) - first < keys * share:
        assert time.monotonic() < deadline
        now -= step
        limit(connection, now)
        while (after := evicted(server)) > before:
            before = after
    limit(connection, 0)


def touch(connection: Connection, numbers: Iterator[int] | range, prefix: str = "key", times: int = 1) -> None:
    for _ in range(times):
        replies = connection.send(b"".join(encode("GET", f"{prefix}:{n}") for n in numbers), len(numbers))
        assert b"$-1\r\n" not in replies

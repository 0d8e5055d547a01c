"""Collections of many elements: what a view being open costs the loop, and what MEMORY USAGE tells of them.

NEEDLETAIL_LONG=1 makes the large ones of 5,000,000 elements instead of 300,000."""

import random
import statistics
from collections.abc import Callable, Iterator

import pytest

from harness import LONG, OURS, Connection, Server, encode, eventually

COUNT = 5_000_000 if LONG else 300_000
# No turn of the loop may take longer, by its own time.
TURN_MICROSECONDS = 1000
BATCH = 500

Adding = Callable[[int, int], list[object]]


def pairs(first: int, end: int, make: Callable[[int], tuple]) -> Iterator[object]:
    return (part for n in range(first, end) for part in make(n))


# How elements `first`..<`end` are added to the key "big".
ADDING: dict[str, Adding] = {
    "list": lambda first, end: ["RPUSH", "big", *(b"element:%d" % n for n in range(first, end))],
    "set": lambda first, end: ["SADD", "big", *(b"member:%d" % n for n in range(first, end))],
    "hash": lambda first, end: ["HSET", "big", *pairs(first, end, lambda n: (b"field:%d" % n, b"value"))],
    "zset": lambda first, end: ["ZADD", "big", *pairs(first, end, lambda n: (n * 7919 % COUNT, b"member:%d" % n))],
}
LENGTH = {"list": "LLEN", "set": "SCARD", "hash": "HLEN", "zset": "ZCARD"}
# One element changed, added, taken out: in the middle and at the ends.
MIDDLE = COUNT // 2
CHANGES: dict[str, list[list[object]]] = {
    "list": [
        ["LSET", "big", MIDDLE, "changed"], ["LINSERT", "big", "BEFORE", "element:50", "new"],
        ["LPUSH", "big", "first"], ["LREM", "big", 1, "first"], ["RPUSH", "big", "new"], ["LPOP", "big"], ["RPOP", "big"],
        ["LMOVE", "big", "big", "LEFT", "RIGHT"],
    ],
    "set": [
        ["SADD", "big", "new:{round}"], ["SREM", "big", "member:1{round}"], ["SPOP", "big"],
        ["SMOVE", "big", "other", "member:2{round}"],
    ],
    "hash": [
        ["HSET", "big", f"field:{MIDDLE}", "changed"], ["HSET", "big", "new:{round}", "x"],
        ["HDEL", "big", "field:1{round}"], ["HINCRBY", "big", "count", 1],
    ],
    "zset": [
        ["ZADD", "big", 1, f"member:{MIDDLE}"], ["ZADD", "big", MIDDLE, "new:{round}"],
        ["ZINCRBY", "big", 5, "member:1{round}"], ["ZREM", "big", "member:2{round}"], ["ZPOPMIN", "big"],
        ["ZPOPMAX", "big"], ["ZREMRANGEBYRANK", "big", MIDDLE, MIDDLE],
    ],
}
WHOLE = [["EXPIRE", "big", 1000], ["PERSIST", "big"], ["RENAME", "big", "moved"], ["RENAME", "moved", "big"]]
ENDINGS = [
    ["DEL", "big"], ["UNLINK", "big"], ["SET", "big", "text"], ["RENAME", "small", "big"],
    ["COPY", "small", "big", "REPLACE"],
]


def changes(kind: str, number: int) -> list[list[object]]:
    """Each round meets elements that are still there."""
    return [[p.format(round=number) if isinstance(p, str) else p for p in command] for command in CHANGES[kind]]


def load(connection: Connection, kind: str, count: int) -> None:
    for first in range(0, count, BATCH * 100):
        starts = range(first, min(first + BATCH * 100, count), BATCH)
        batches = [ADDING[kind](start, min(start + BATCH, count)) for start in starts]
        connection.send(b"".join(encode(*batch) for batch in batches), len(batches))
    assert connection.call(LENGTH[kind], "big") == b":%d\r\n" % count


def longest_turn(server: Server) -> int:
    return int(server.info("loop_turn_max_usec"))


@pytest.fixture(scope="module", params=ADDING)
def loaded(request: pytest.FixtureRequest) -> Iterator[tuple[str, Server]]:
    with Server(OURS, "--enable-debug-command", "yes", "--save", "") as server, server.connect(600) as client:
        load(Connection(client), request.param, COUNT)
        yield request.param, server


def measure(server: Server, frozen: bool, *commands: list[object]) -> list[tuple[int, list[object]]]:
    """Each command alone, the first after a freeze; the longest turn of each."""
    found = []
    with server.connect(60) as client:
        connection = Connection(client)
        for command in commands:
            if frozen:
                assert connection.call("DEBUG", "FREEZE").startswith(b":")
            connection.call("CONFIG", "RESETSTAT")
            reply = connection.call(*command)
            assert not reply.startswith(b"-"), (command, reply)
            found.append((longest_turn(server), command))
            if frozen:
                assert not connection.call("DEBUG", "FREEZE-CANCEL").startswith(b"-")
    return found


def check(found: list[tuple[int, list[object]]]) -> None:
    print("\n".join(f"{time:6} us  {' '.join(map(str, command))}" for time, command in found))
    slow = [line for line in found if line[0] > TURN_MICROSECONDS]
    assert not slow, slow


def test_changes(loaded: tuple[str, Server]) -> None:
    kind, server = loaded
    check(measure(server, True, *changes(kind, 1), *WHOLE))


def test_while_it_is_saved(loaded: tuple[str, Server]) -> None:
    """As above with a save's own thread."""
    kind, server = loaded
    found = []
    with server.connect(60) as client:
        connection = Connection(client)
        for command in changes(kind, 2):
            assert connection.call("BGSAVE") == b"+Background saving started\r\n"
            connection.call("CONFIG", "RESETSTAT")
            assert not connection.call(*command).startswith(b"-")
            found.append((longest_turn(server), command))
            connection.call("BGSAVE", "CANCEL")
            assert eventually(lambda: server.info("rdb_bgsave_in_progress") == "0", 60)
    check(found)


@pytest.mark.parametrize("frozen", [False, True])
def test_endings(loaded: tuple[str, Server], frozen: bool) -> None:
    """Deleted, and replaced by something else."""
    kind, server = loaded
    found = []
    for command in ENDINGS if LONG or frozen else ENDINGS[:1]:
        with server.connect(600) as client:
            connection = Connection(client)
            connection.call("DEL", "big", "small")
            connection.call("RPUSH", "small", "a")
            load(connection, kind, COUNT)
        found += measure(server, frozen, command)
        assert eventually(lambda: server.info("lazyfree_pending_objects") == "0", 60)
    check(found)


# MEMORY USAGE

SHAPES: dict[str, tuple[int, Callable[[random.Random, int], list[object]]]] = {
    # Name: keys, and the command that makes one.
    "small list": (20_000, lambda rng, n: ["RPUSH", f"k{n}", *(rng.randbytes(8) for _ in range(5))]),
    "packed list": (2000, lambda rng, n: ["RPUSH", f"k{n}", *(rng.randbytes(20) for _ in range(120))]),
    "large list": (20, lambda rng, n: ["RPUSH", f"k{n}", *(rng.randbytes(16) for _ in range(20_000))]),
    "list of long ones": (100, lambda rng, n: ["RPUSH", f"k{n}", *(rng.randbytes(9000) for _ in range(20))]),
    "integers": (20_000, lambda rng, n: ["SADD", f"k{n}", *(rng.randrange(10**6) for _ in range(30))]),
    "small set": (20_000, lambda rng, n: ["SADD", f"k{n}", *(rng.randbytes(10) for _ in range(8))]),
    "large set": (20, lambda rng, n: ["SADD", f"k{n}", *(rng.randbytes(16) for _ in range(20_000))]),
    "set of long ones": (20, lambda rng, n: ["SADD", f"k{n}", *(rng.randbytes(10 + i % 390) for i in range(2000))]),
    "small hash": (20_000, lambda rng, n: ["HSET", f"k{n}", *(rng.randbytes(8) for _ in range(20))]),
    "packed hash": (1000, lambda rng, n: ["HSET", f"k{n}", *(rng.randbytes(20) for _ in range(600))]),
    "large hash": (20, lambda rng, n: ["HSET", f"k{n}", *(rng.randbytes(15) for _ in range(30_000))]),
    "small sorted set": (20_000, lambda rng, n: ["ZADD", f"k{n}", *scored(rng, 8, 10)]),
    "packed sorted set": (2000, lambda rng, n: ["ZADD", f"k{n}", *scored(rng, 120, 20)]),
    "large sorted set": (20, lambda rng, n: ["ZADD", f"k{n}", *scored(rng, 20_000, 16)]),
}


def scored(rng: random.Random, count: int, size: int) -> list[object]:
    return [part for _ in range(count) for part in (rng.random(), rng.randbytes(size))]


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_usage(shape: str) -> None:
    """All keys' figures together are what the allocator has given for them, within a tenth. Also of what is left after
    most of it has been taken out again, and with any number of samples."""
    keys, make = SHAPES[shape]
    rng = random.Random(4)
    with Server(OURS) as server, server.connect(60) as client:
        connection = Connection(client)

        def used() -> int:
            # Twice: what INFO itself needs once is there then.
            return [int(server.info("used_memory")) for _ in range(3)][-1]

        def told(*options: object) -> int:
            replies = connection.send(b"".join(encode("MEMORY", "USAGE", f"k{n}", *options) for n in range(keys)), keys)
            return sum(int(reply[1:]) for reply in replies)

        # The connection's buffers at their largest, and the table's first steps.
        connection.send(encode(*make(rng, keys)) + encode("DEL", f"k{keys}"), 2)
        assert eventually(lambda: server.info("lazyfree_pending_objects") == "0")
        before = used()
        for first in range(0, keys, 100):
            numbers = range(first, min(first + 100, keys))
            connection.send(b"".join(encode(*make(rng, n)) for n in numbers), len(numbers))
        given, figures = used() - before, [told(), told("SAMPLES", 0), told("SAMPLES", 1), told("SAMPLES", 1000)]
        print(f"{shape}: {given} given, {figures[0]} told: {figures[0] / given:.3f}")
        assert len(set(figures)) == 1
        assert abs(figures[0] - given) < given / 10


def test_memory_usage_takes_no_time(loaded: tuple[str, Server]) -> None:
    """However large it is."""
    kind, server = loaded
    with server.connect(600) as client:
        connection = Connection(client)
        connection.call("DEL", "big")
        load(connection, kind, COUNT)
        times = []
        for options in ([], ["SAMPLES", 0], ["SAMPLES", COUNT]):
            connection.call("CONFIG", "RESETSTAT")
            assert int(connection.call("MEMORY", "USAGE", "big", *options)[1:]) > COUNT * 8
            times.append(longest_turn(server))
        assert statistics.median(times) < TURN_MICROSECONDS, times

"""Active defragmentation: memory comes back after most of the data has gone, and nothing else changes.

NEEDLETAIL_LONG=1 takes 5,000,000 keys or elements instead of 300,000."""

import random
import time
from collections.abc import Iterator

import pytest

from harness import LONG, OURS, Connection, Server, encode, eventually

COUNT = 5_000_000 if LONG else 300_000
# Of the resident memory of a fresh server with the same data. Small servers have more that is not data.
RATIO = 1.5
STEP_MICROSECONDS = 2000
BATCH = 100
PASSED = ["--enable-debug-command", "yes"]
ON = ["CONFIG", "SET", "active-defrag-ignore-bytes", "1", "activedefrag", "yes"]

Numbers = list[int]


def key_values(numbers: Numbers) -> list[object]:
    return ["MSET", *(part for n in numbers for part in (b"key:%012d" % n, b"value:%010d" % n))]


def with_expiry(numbers: Numbers) -> list[object]:
    pairs = (part for n in numbers for part in (b"key:%012d" % n, b"value:%010d" % n))
    return ["MSETEX", len(numbers), *pairs, "EX", 100_000]


def keys_removed(numbers: Numbers) -> list[object]:
    return ["DEL", *(b"key:%012d" % n for n in numbers)]


# How elements or keys are added, and removed.
KINDS = {
    "strings": (key_values, keys_removed),
    "deadlines": (with_expiry, keys_removed),
    "set": (
        lambda numbers: ["SADD", "big", *(b"member:%010d" % n for n in numbers)],
        lambda numbers: ["SREM", "big", *(b"member:%010d" % n for n in numbers)],
    ),
    "hash": (
        lambda numbers: ["HSET", "big", *(part for n in numbers for part in (b"field:%010d" % n, b"value:%010d" % n))],
        lambda numbers: ["HDEL", "big", *(b"field:%010d" % n for n in numbers)],
    ),
    "zset": (
        lambda numbers: ["ZADD", "big", *(part for n in numbers for part in (n * 7919 % COUNT, b"member:%010d" % n))],
        lambda numbers: ["ZREM", "big", *(b"member:%010d" % n for n in numbers)],
    ),
}


def batches(numbers: Iterator[int] | Numbers) -> Iterator[Numbers]:
    batch: Numbers = []
    for n in numbers:
        batch.append(n)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def connect(server: Server) -> Connection:
    return Connection(server.connect(timeout=60))


def send_all(connection: Connection, requests: Iterator[list[object]]) -> None:
    waiting: list[bytes] = []
    for request in requests:
        waiting.append(encode(*request))
        if len(waiting) == 20:
            connection.send(b"".join(waiting), len(waiting))
            waiting = []
    connection.send(b"".join(waiting), len(waiting))


def fields(server: Server) -> dict[str, str]:
    lines = server.call("INFO", "everything").decode("latin-1").split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


def hits(server: Server) -> int:
    return int(server.info("active_defrag_hits"))


@pytest.mark.parametrize("kind", KINDS)
def test_memory_comes_back(kind: str) -> None:
    add, remove = KINDS[kind]
    kept = set(random.Random(7).sample(range(COUNT), COUNT // 10))
    with Server(OURS) as fresh:
        send_all(connect(fresh), (add(batch) for batch in batches(sorted(kept))))
        time.sleep(0.5)
        enough = RATIO * fresh.resident()
    with Server(OURS, *PASSED) as server:
        connection = connect(server)
        send_all(connection, (add(batch) for batch in batches(range(COUNT))))
        send_all(connection, (remove(batch) for batch in batches(n for n in range(COUNT) if n not in kept)))
        digest = connection.call("DEBUG", "DIGEST")
        lost = int(server.info("allocator_frag_bytes"))
        assert connection.call(*ON) == b"+OK\r\n"
        assert server.info("active_defrag_running") != "0"
        assert eventually(lambda: server.info("active_defrag_running") == "0", 60)
        after = fields(server)
        # A slab or two of each size class are not worth the work.
        assert int(after["allocator_frag_bytes"]) < lost / 4
        assert eventually(lambda: server.resident() <= enough, 10), (server.resident(), enough)
        assert connection.call("DEBUG", "DIGEST") == digest
        assert int(after["active_defrag_hits"]) > COUNT // 20
        assert int(after["loop_defrag_max_usec"]) <= STEP_MICROSECONDS
        assert int(after["total_active_defrag_time"]) > 0
        assert after["current_active_defrag_time"] == "0"


def test_it_pauses_for_a_view_and_stops_when_told() -> None:
    with Server(OURS, *PASSED) as server:
        send_all(connect(server), (key_values(batch) for batch in batches(range(20_000))))
        assert server.call("DEBUG", "DEFRAG", 1) == b"+OK\r\n"
        assert eventually(lambda: hits(server) > 20_000)
        server.call("DEBUG", "FREEZE")
        before = hits(server)
        time.sleep(0.3)
        assert hits(server) == before
        assert server.call("DEBUG", "FREEZE-CANCEL") == b"+OK\r\n"
        assert eventually(lambda: hits(server) > before + 20_000)
        assert server.call("DEBUG", "DEFRAG", 0) == b"+OK\r\n"
        before = hits(server)
        time.sleep(0.3)
        assert hits(server) == before


def test_data_that_moves_all_the_time() -> None:
    """Every type, changed and saved while everything moves, beside a server where nothing does."""
    seed = int(time.time())
    print("seed", seed)
    chance = random.Random(seed)
    with Server(OURS, *PASSED) as moving, Server(OURS, *PASSED) as still:
        one, other = connect(moving), connect(still)
        assert one.call("DEBUG", "DEFRAG", 1) == b"+OK\r\n"
        for round in range(400 if LONG else 40):
            requests = [some_request(chance) for _ in range(500)]
            data = b"".join(encode(*request) for request in requests)
            for request, mine, theirs in zip(requests, one.send(data, 500), other.send(data, 500), strict=True):
                assert mine == theirs, request
            if round % 10 == 5:
                one.call("BGSAVE")
            if round % 10 == 9:
                assert one.call("DEBUG", "DIGEST") == other.call("DEBUG", "DIGEST")
                assert one.call("DEBUG", "RELOAD") == b"+OK\r\n"
        assert one.call("DEBUG", "DIGEST") == other.call("DEBUG", "DIGEST")
        assert hits(moving) > 10_000


def some_request(chance: random.Random) -> list[object]:
    n = chance.randrange(2000)
    text = b"x" * chance.choice([1, 10, 40, 300, 2000, 20_000])
    key = chance.randrange(4)
    return chance.choice([
        ["SET", f"s:{n}", text], ["GET", f"s:{n}"], ["APPEND", f"s:{n % 50}", "more"], ["DEL", f"s:{n}"],
        ["SET", f"s:{n}", n, "EX", 1000], ["PERSIST", f"s:{n}"], ["STRLEN", f"s:{n}"],
        ["SADD", f"set:{key}", f"m{n}", n], ["SREM", f"set:{key}", f"m{n}"], ["SISMEMBER", f"set:{key}", n],
        ["HSET", f"hash:{key}", f"f{n}", text], ["HDEL", f"hash:{key}", f"f{n}"], ["HGET", f"hash:{key}", f"f{n}"],
        ["ZADD", f"zset:{key}", n % 30, f"m{n}"], ["ZREM", f"zset:{key}", f"m{n}"], ["ZRANK", f"zset:{key}", f"m{n}"],
        ["ZINCRBY", f"zset:{key}", 3, f"m{n}"], ["ZRANGE", f"zset:{key}", n % 50, n % 50 + 5],
        ["RPUSH", f"list:{key}", text, n], ["LPOP", f"list:{key}"], ["LINDEX", f"list:{key}", n],
        ["LINSERT", f"list:{key}", "BEFORE", n, "new"], ["RENAME", f"s:{n}", f"s:{n + 1}"] if n == 1 else ["PING"],
    ])  # fmt: skip

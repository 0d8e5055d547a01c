"""Active defragmentation: memory comes back after most of the data has gone, and nothing else changes.

NEEDLETAIL_LONG=1 takes 5,000,000 keys or elements instead of 150,000."""

import random
import time
from collections.abc import Iterator

import pytest

from harness import LONG, OURS, Connection, Server, encode, eventually

COUNT = 5_000_000 if LONG else 150_000
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


def send_all(connection: Connection, requests: Iterator[list[object]]) -> None:
    waiting = 0
    for request in requests:
        connection.send(encode(*request))
        waiting += 1
        if waiting == 50:
            for _ in range(waiting):
                connection.reply()
            waiting = 0
    for _ in range(waiting):
        connection.reply()


def info(connection: Connection) -> dict[str, str]:
    text = connection.command("INFO", "everything").decode()
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def resident(server: Server) -> int:
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def wait_for_end(connection: Connection, seconds: float) -> dict[str, str]:
    eventually(lambda: info(connection)["active_defrag_running"] == "0", seconds)
    return info(connection)


@pytest.mark.parametrize("kind", KINDS)
def test_memory_comes_back(kind: str) -> None:
    add, remove = KINDS[kind]
    kept = set(random.Random(7).sample(range(COUNT), COUNT // 10))
    with Server(OURS) as fresh, fresh.connect() as connection:
        send_all(connection, (add(batch) for batch in batches(sorted(kept))))
        time.sleep(0.5)
        enough = RATIO * resident(fresh)
    with Server(OURS, *PASSED) as server, server.connect() as connection:
        send_all(connection, (add(batch) for batch in batches(range(COUNT))))
        send_all(connection, (remove(batch) for batch in batches(n for n in range(COUNT) if n not in kept)))
        before = info(connection)
        digest = connection.command("DEBUG", "DIGEST")
        assert float(before["allocator_frag_ratio"]) > 3
        assert connection.command(*ON) == b"OK"
        assert info(connection)["active_defrag_running"] != "0"
        after = wait_for_end(connection, 60)
        assert float(after["allocator_frag_ratio"]) < 1.25
        eventually(lambda: resident(server) <= enough, 10)
        assert connection.command("DEBUG", "DIGEST") == digest
        assert int(after["active_defrag_hits"]) > COUNT // 20
        assert int(after["loop_defrag_max_usec"]) <= STEP_MICROSECONDS
        assert int(after["total_active_defrag_time"]) > 0
        assert int(after["current_active_defrag_time"]) == 0
        # It rests while there is nothing to be gained.
        time.sleep(0.3)
        assert int(info(connection)["active_defrag_misses"]) - int(after["active_defrag_misses"]) < COUNT


def test_it_pauses_for_a_view_and_stops_when_told() -> None:
    with Server(OURS, *PASSED) as server, server.connect() as connection:
        send_all(connection, (key_values(batch) for batch in batches(range(20_000))))
        assert connection.command("DEBUG", "DEFRAG", 1) == b"OK"
        eventually(lambda: int(info(connection)["active_defrag_hits"]) > 20_000, 10)
        connection.command("DEBUG", "FREEZE")
        hits = info(connection)["active_defrag_hits"]
        time.sleep(0.3)
        assert info(connection)["active_defrag_hits"] == hits
        assert connection.command("DEBUG", "FREEZE-CANCEL") == b"OK"
        eventually(lambda: int(info(connection)["active_defrag_hits"]) > int(hits) + 20_000, 10)
        assert connection.command("DEBUG", "DEFRAG", 0) == b"OK"
        hits = info(connection)["active_defrag_hits"]
        time.sleep(0.3)
        assert info(connection)["active_defrag_hits"] == hits


def test_data_that_moves_all_the_time() -> None:
    """Every type, changed and saved while everything moves, beside a server where nothing does."""
    chance = random.Random(int(time.time()))
    with Server(OURS, *PASSED) as moving, Server(OURS, *PASSED) as still:
        with moving.connect() as one, still.connect() as other:
            assert one.command("DEBUG", "DEFRAG", 1) == b"OK"
            for round in range(40):
                requests = [some_request(chance) for _ in range(500)]
                for connection in (one, other):
                    connection.send(b"".join(encode(*request) for request in requests))
                for request in requests:
                    assert one.reply() == other.reply(), request
                if round % 10 == 5:
                    one.command("BGSAVE")
                if round % 10 == 9:
                    assert one.command("DEBUG", "DIGEST") == other.command("DEBUG", "DIGEST")
                    assert one.command("DEBUG", "RELOAD") == b"OK"
            assert one.command("DEBUG", "DIGEST") == other.command("DEBUG", "DIGEST")
            assert int(info(one)["active_defrag_hits"]) > 10_000


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

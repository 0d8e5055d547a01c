"""Sorted sets: processor time of the usual commands on a set of a million, and memory a member."""

import contextlib
import random

from . import benchmark, wire
from .benchmark import Load
from .sections import Plan
from .servers import Server

KEY = b"zset"
MEMBER = b"element:"


def fill(port: int, count: int) -> None:
    """Members as redis-benchmark's __rand_int__ names them, with scores of 12 digits in random order."""
    score = b"5" * 12
    records = wire.Records(b"ZADD", KEY, score, MEMBER + b"0" * 12)
    member = records.column(MEMBER) + len(MEMBER)
    rng = random.Random(11)
    with wire.Stream(port, len(b":1\r\n")) as stream:
        for first in range(0, count, wire.BATCH):
            size = min(wire.BATCH, count - first)
            columns = [b"0" * size] * 6 + wire.random_digits(rng, size, 6)
            fields = {records.column(score): columns, member: wire.numbered(size, first)}
            stream.send(records.fill(size, fields), size)


def sorted_sets(plan: Plan) -> dict:
    """{"speed": {load: {server: sample}}, "memory": {measure: {server: bytes}}}"""
    count = 200_000 if plan.quick else 1_000_000
    adding = ["ZADD", "zset", "__rand_int__", "element:__rand_int__"]
    loads = [
        Load("ZADD -P 64", adding, 64),
        Load("ZRANK -P 64", ["ZRANK", "zset", "element:__rand_int__"], 64),
        Load("ZSCORE -P 64", ["ZSCORE", "zset", "element:__rand_int__"], 64),
        Load("ZRANGEBYSCORE LIMIT 10 -P 16", ["ZRANGEBYSCORE", "zset", "__rand_int__", "+inf", "LIMIT", "0", "10"], 16),
        Load("ZRANGE of 100 -P 16", ["ZRANGE", "zset", "__rand_int__", "+inf", "BYSCORE", "LIMIT", "0", "100"], 16),
        Load("ZADD -P 1", adding, 1),
    ]
    for load in loads:
        load.keys = count
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(plan.start(server)) for server in plan.servers]
        for server in servers:
            plan.note(f"loading a sorted set of {count:,} into {server.name}")
            fill(server.port, count)
        speed = benchmark.interleaved(servers, loads, plan.rounds, plan.seconds, plan.note)
        speed["ZPOPMIN -P 64"] = popping(plan, servers, count)
    return {"speed": speed, "memory": memory(plan)}


def popping(plan: Plan, servers: list[Server], count: int) -> dict:
    """Most of the set is taken out, and filled in again for the next round."""
    load = Load("ZPOPMIN", ["ZPOPMIN", "zset"], 64)
    taken: dict = {}
    for _ in range(plan.rounds):
        for server in servers:
            server.wire("DEL", "zset")
            fill(server.port, count)
            taken.setdefault(server.name, []).append(benchmark.sample(server, load, count * 4 // 5))
    return {name: benchmark.median(samples) for name, samples in taken.items()}


def fill_random(port: int, first: int, end: int, key: bytes = KEY) -> None:
    """Members of 16 random bytes with random scores of 17 digits."""
    rng = random.Random(first)
    with wire.Stream(port, len(b":1\r\n")) as stream:
        for start in range(first, end, 1000):
            requests = []
            for _ in range(start, min(start + 1000, end)):
                score = b"%.17g" % rng.random()
                requests.append(wire.encode((b"ZADD", key, score, rng.randbytes(16))))
            stream.send(b"".join(requests), len(requests))


def memory(plan: Plan) -> dict:
    """Resident bytes a member of one large set at several sizes, and of each of many small sets."""
    counts = [500_000] if plan.quick else [900_000, 1_100_000, 1_400_000, 1_700_000, 2_000_000]
    result: dict = {}
    for name in plan.servers:
        with plan.start(name) as server:
            fresh, loaded = server.settled(), 0
            for count in counts:
                fill_random(server.port, loaded, count)
                loaded = count
                result.setdefault(f"a member of {count:,}", {})[name] = (server.settled() - fresh) / count
        with plan.start(name) as server:
            fresh = server.settled()
            fill_small(server.port, 10_000, 200)
            result.setdefault("each of 10,000 sets of 200", {})[name] = (server.settled() - fresh) / 10_000
        plan.note(f"memory of sorted sets {name}: {({m: round(v[name], 1) for m, v in result.items()})}")
    return result


def fill_small(port: int, sets: int, count: int) -> None:
    with wire.Stream(port, len(b":%d\r\n" % count)) as stream:
        for number in range(sets):
            rng = random.Random(number)
            pairs = [part for _ in range(count) for part in (b"%.17g" % rng.random(), rng.randbytes(16))]
            stream.send(wire.encode((b"ZADD", b"small:%d" % number, *pairs)), 1)

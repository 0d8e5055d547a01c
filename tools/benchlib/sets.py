"""Sets: processor time of the usual commands, of a large set with a small one, and memory a member."""

import contextlib
import random

from . import benchmark, wire
from .benchmark import Load
from .sections import Plan
from .servers import Server

LARGE, SMALL = b"set", b"hundred"
MEMBER = b"element:"


def fill(port: int, count: int) -> None:
    """Members as redis-benchmark's __rand_int__ names them, and a hundred of them in a set of their own."""
    records = wire.Records(b"SADD", LARGE, MEMBER + b"0" * 12)
    member = records.column(MEMBER) + len(MEMBER)
    with wire.Stream(port, len(b":1\r\n")) as stream:
        for first in range(0, count, wire.BATCH):
            size = min(wire.BATCH, count - first)
            stream.send(records.fill(size, {member: wire.numbered(size, first)}), size)
        rng = random.Random(12)
        for number in rng.sample(range(count), 100):
            stream.send(wire.encode((b"SADD", SMALL, MEMBER + b"%012d" % number)), 1)


def sets(plan: Plan) -> dict:
    """{"speed": {load: {server: sample}}, "memory": {measure: {server: bytes}}}"""
    count = 200_000 if plan.quick else 1_000_000
    loads = [
        Load("SADD -P 64", ["SADD", "set", "element:__rand_int__"], 64),
        Load("SISMEMBER -P 64", ["SISMEMBER", "set", "element:__rand_int__"], 64),
        Load("SRANDMEMBER -P 64", ["SRANDMEMBER", "set"], 64),
        Load(f"SINTER of {count:,} with 100 -P 16", ["SINTER", "set", "hundred"], 16),
        Load(f"SINTERCARD of {count:,} with 100 -P 16", ["SINTERCARD", "2", "set", "hundred"], 16),
        Load("SADD -P 1", ["SADD", "set", "element:__rand_int__"], 1),
    ]
    for load in loads:
        load.keys = count
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(plan.start(server)) for server in plan.servers]
        for server in servers:
            plan.note(f"loading a set of {count:,} into {server.name}")
            fill(server.port, count)
        speed = benchmark.interleaved(servers, loads, plan.rounds, plan.seconds, plan.note)
        speed["SADD of new members -P 64"] = refilled(plan, servers, count, adds=True)
        speed["SPOP -P 64"] = refilled(plan, servers, count, adds=False)
    return {"speed": speed, "memory": memory(plan)}


def refilled(plan: Plan, servers: list[Server], count: int, adds: bool) -> dict:
    """Members are added to a set that grows from nothing, or most are taken out of a large one."""
    if adds:
        load = Load("SADD", ["SADD", "set", "element:__rand_int__"], 64)
        load.keys = 100 * count
    else:
        load = Load("SPOP", ["SPOP", "set"], 64)
    taken: dict = {}
    for _ in range(plan.rounds):
        for server in servers:
            server.wire("DEL", "set")
            if not adds:
                fill(server.port, count)
            taken.setdefault(server.name, []).append(benchmark.sample(server, load, count * 4 // 5))
    return {name: benchmark.median(samples) for name, samples in taken.items()}


def fill_random(port: int, first: int, end: int) -> None:
    """Members of 16 random bytes."""
    rng = random.Random(first)
    with wire.Stream(port, len(b":1\r\n")) as stream:
        for start in range(first, end, 1000):
            count = min(1000, end - start)
            stream.send(b"".join(wire.encode((b"SADD", LARGE, rng.randbytes(16))) for _ in range(count)), count)


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
        for measure, integers in (("each of 10,000 sets of 200", False), ("each of 10,000 sets of 200 integers", True)):
            with plan.start(name) as server:
                fresh = server.settled()
                fill_small(server.port, 10_000, 200, integers)
                result.setdefault(measure, {})[name] = (server.settled() - fresh) / 10_000
        plan.note(f"memory of sets {name}: {({m: round(v[name], 1) for m, v in result.items() if name in v})}")
    return result


def fill_small(port: int, sets_count: int, count: int, integers: bool) -> None:
    with wire.Stream(port, len(b":%d\r\n" % count)) as stream:
        for number in range(sets_count):
            rng = random.Random(number)
            if integers:
                members = [b"%d" % value for value in rng.sample(range(1 << 31), count)]
            else:
                members = [rng.randbytes(16) for _ in range(count)]
            stream.send(wire.encode((b"SADD", b"small:%d" % number, *members)), 1)

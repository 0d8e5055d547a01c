"""Hashes: processor time a command, memory, and what a turn of the loop takes when a huge one changes under a view."""

import contextlib
import itertools
import random
from collections.abc import Callable

from . import benchmark, wire
from .benchmark import Load
from .sections import Plan, loop_fields
from .servers import Server

FIELD, VALUE = b"F" * 15, b"V" * 15
SMALL_KEYS, SMALL_FIELDS = 100_000, 10
WIDE_KEYS, WIDE_FIELDS = 10_000, 200


def hashes(plan: Plan) -> dict:
    """{"loads": {load: {server: sample}}, "memory": {measure: {server: bytes}}, "latency": {phase: figures}}"""
    return {"loads": loads(plan), "memory": memory(plan), "latency": latency(plan)}


# Loads


def load_groups(quick: bool) -> list[tuple[str, Callable[[int], None], list[Load]]]:
    """(name, what to load first, loads); each with servers of its own, as the other loads have them."""
    large = 200_000 if quick else 1_000_000
    small = [
        Load("HSET -P 64, 100,000 hashes of ten", ["HSET", "h:__rand_int__", "field:03", "x" * 8], 64, keys=SMALL_KEYS),
        Load("HGET -P 64, 100,000 hashes of ten", ["HGET", "h:__rand_int__", "field:03"], 64, keys=SMALL_KEYS),
        Load("HSET -P 1, 100,000 hashes of ten", ["HSET", "h:__rand_int__", "field:03", "x" * 8], 1, keys=SMALL_KEYS),
    ]
    one = [
        Load("HSET -P 64, one large hash", ["HSET", "large", "f:__rand_int__", "x" * 15], 64, keys=large),
        Load("HGET -P 64, one large hash", ["HGET", "large", "f:__rand_int__"], 64, keys=large),
        Load("HSET -P 1, one large hash", ["HSET", "large", "f:__rand_int__", "x" * 15], 1, keys=large),
    ]
    hundred = [
        Load("HGETALL of 100 -P 16, packed", ["HGETALL", "packed"], 16),
        Load("HGETALL of 100 -P 16, large", ["HGETALL", "unpacked"], 16),
        Load("HGETALL of 100 -P 1, packed", ["HGETALL", "packed"], 1),
    ]
    return [
        ("small hashes", lambda port: load_small(port, SMALL_KEYS, SMALL_FIELDS), small),
        ("a large hash", lambda port: load_numbered(port, large), one),
        ("hashes of 100", load_hundreds, hundred),
    ]


def loads(plan: Plan) -> dict:
    result: dict = {}
    for name, fill, group in load_groups(plan.quick):
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(plan.start(server)) for server in plan.servers]
            for server in servers:
                plan.note(f"loading {name} into {server.name}")
                fill(server.port)
            result |= benchmark.interleaved(servers, group, plan.rounds, plan.seconds, plan.note)
    return result


def load_small(port: int, keys: int, fields: int) -> None:
    """Hashes "h:" and 12 digits, of `fields` fields of 8 bytes with values of 8 random bytes."""
    values = [b"%08d" % (90_000_000 + number) for number in range(fields)]  # placeholders
    pairs = itertools.chain.from_iterable((b"field:%02d" % number, value) for number, value in enumerate(values))
    if fields > 100:
        pairs = itertools.chain.from_iterable((b"field%03d" % number, value) for number, value in enumerate(values))
    records = wire.Records(b"HSET", b"h:" + b"0" * 12, *pairs)
    key = records.column(b"h:") + 2
    batch = wire.BATCH * 10 // fields // 10
    generator = random.Random(fields)
    with wire.Stream(port, len(b":%d\r\n" % fields)) as stream:
        for first in range(0, keys, batch):
            size = min(batch, keys - first)
            columns = {key: wire.numbered(size, first)}
            for value in values:
                columns[records.column(value)] = wire.random_columns(generator, size, 8)
            stream.send(records.fill(size, columns), size)


def load_numbered(port: int, fields: int) -> None:
    """One hash of fields "f:" and 12 digits."""
    records = wire.Records(b"HSET", b"large", b"f:" + b"0" * 12, b"x" * 15)
    start = records.column(b"f:") + 2
    with wire.Stream(port, len(b":1\r\n")) as stream:
        for first in range(0, fields, wire.BATCH):
            size = min(wire.BATCH, fields - first)
            stream.send(records.fill(size, {start: wire.numbered(size, first)}), size)


def load_hundreds(port: int) -> None:
    client = wire.Wire(port)
    pairs = list(itertools.chain.from_iterable((f"field:{number:02}", f"value-of-{number}") for number in range(100)))
    client("HSET", "packed", *pairs)
    # One value too long for the packed form makes it large, and is short again.
    client("HSET", "unpacked", pairs[0], "x" * 100)
    client("HSET", "unpacked", *pairs)
    client.close()


# Memory


def memory(plan: Plan) -> dict:
    result: dict = {}
    for name in plan.servers:
        for measure, size in (large_sizes(plan, name) | small_sizes(plan, name)).items():
            result.setdefault(measure, {})[name] = size
            plan.note(f"memory {measure} {name}: {size:.1f}")
    return result


def load_random(port: int, first: int, end: int, key: bytes = b"large") -> None:
    """Fields `first`..<`end` (multiples of the batch) of one hash: 15 random bytes with a value of 15."""
    records = wire.Records(b"HSET", key, FIELD, VALUE)
    with wire.Stream(port, len(b":1\r\n")) as stream:
        for batch in range(first // wire.BATCH, end // wire.BATCH):
            generator = random.Random(f"field {batch}")
            columns = {
                records.column(FIELD): wire.random_columns(generator, wire.BATCH, len(FIELD)),
                records.column(VALUE): wire.random_columns(generator, wire.BATCH, len(VALUE)),
            }
            stream.send(records.fill(wire.BATCH, columns), wire.BATCH)


def large_sizes(plan: Plan, name: str) -> dict[str, float]:
    """Resident bytes a field of one hash that grows, and the worst of them."""
    counts = [500_000] if plan.quick else [900_000, 1_000_000, 1_200_000, 1_400_000, 1_700_000, 2_000_000]
    sizes = {}
    with plan.start(name) as server:
        fresh, loaded = server.settled(), 0
        for count in counts:
            load_random(server.port, loaded, count)
            loaded = count
            if server.wire("HLEN", "large") != count:
                raise RuntimeError(f"{name} lost fields")
            sizes[f"a field of {count / 1e6:g} M"] = (server.settled() - fresh) / count
    return sizes | {"a field, worst": max(sizes.values())}


def small_sizes(plan: Plan, name: str) -> dict[str, float]:
    sizes = {}
    for keys, fields in ((SMALL_KEYS, SMALL_FIELDS), (WIDE_KEYS, WIDE_FIELDS)):
        with plan.start(name) as server:
            fresh = server.settled()
            load_small(server.port, keys, fields)
            sizes[f"a hash of {fields}, {keys:,} of them"] = (server.settled() - fresh) / keys
    return sizes


# Latency


def latency(plan: Plan) -> dict:
    """{phase: figures} of Needletail's loop: each change is the first after a freeze."""
    count = 500_000 if plan.quick else 5_000_000
    result: dict = {}
    name = next(iter(plan.servers))
    with plan.start(name, ["--enable-debug-command", "local"]) as server:
        server.wire("CONFIG", "RESETSTAT")
        load_random(server.port, 0, count)
        result[f"HSET up to {count:,}"] = turns(server)
        for phase, command in (
            ("HSET of a field that is there", ("HSET", "large", known_field(), "x" * 15)),
            ("HSET of a new field", ("HSET", "large", "new", "x")),
            ("HDEL", ("HDEL", "large", "new")),
            ("HINCRBY", ("HINCRBY", "large", "count", 1)),
            ("RENAME", ("RENAME", "large", "moved")),
            ("DEL", ("DEL", "moved")),
        ):
            after_freeze(plan, server, result, phase, command)
        load_random(server.port, 0, count)
        after_freeze(plan, server, result, "SET over it", ("SET", "large", "x"))
        server.wire("DEL", "large")
        load_random(server.port, 0, count)
        server.wire("CONFIG", "RESETSTAT")
        server.wire("DEL", "large")
        result["DEL without a view"] = turns(server)
    return {f"{phase}, {count / 1e6:g} M fields": figures for phase, figures in result.items()}


def known_field() -> bytes:
    """The first one that `load_random` makes."""
    return b"".join(column[:1] for column in wire.random_columns(random.Random("field 0"), wire.BATCH, len(FIELD)))


def after_freeze(plan: Plan, server: Server, result: dict, phase: str, command: tuple) -> None:
    server.wire("DEBUG", "FREEZE")
    server.wire("CONFIG", "RESETSTAT")
    server.wire(*command)
    result[phase] = turns(server)
    server.wire("DEBUG", "FREEZE-CANCEL")
    plan.note(f"latency {phase}: {result[phase]}")


def turns(server: Server) -> dict[str, str]:
    fields = loop_fields(server)
    return {field: fields[field] for field in ("loop_turn_max_usec", "loop_turns_over_limit") if field in fields} or fields

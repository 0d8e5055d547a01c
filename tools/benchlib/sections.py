"""What tools/bench measures, one function a section. Each returns plain data, which report.py prints."""

import contextlib
import dataclasses
import random
import resource
import socket
import time
from collections.abc import Callable

from . import benchmark, wire
from .benchmark import Load
from .servers import Cpu, Server

NEEDLETAIL = "Needletail"


@dataclasses.dataclass
class Plan:
    """What a run is asked to do."""

    servers: dict[str, str]  # name to binary, Needletail first
    rounds: int
    seconds: float  # a sample's length
    quick: bool
    note: Callable[[str], None]
    # Of the section on eviction; None is all of its parts, its own choice of policies and pace.
    parts: list[str] | None = None
    policies: list[str] | None = None
    keys: int | None = None
    rate: float | None = None

    def start(self, name: str, options: list[str] | None = None, label: str | None = None) -> Server:
        return Server(label or name, self.servers[name], options)


# Throughput

VALUE = "x" * 16
KEY = "key:__rand_int__"


def set_load(name: str, pipeline: int, clients: int = 50) -> Load:
    return Load(name, ["SET", KEY, VALUE], pipeline, clients)


def get_load(name: str, pipeline: int, clients: int = 50) -> Load:
    return Load(name, ["GET", KEY], pipeline, clients)


def throughput_groups(quick: bool) -> list[tuple[str, Callable[[int], None], list[Load]]]:
    """(name, what to load first, loads). Each group has servers and a keyspace of its own, so that no load meets the
    leavings of another, nor the processor time of a very different one (see Cpu)."""
    count = 500_000 if quick else 3_000_000
    large_count = 50_000 if quick else 300_000
    large = "x" * 1024
    plain = [
        set_load("SET -P 64", 64),
        get_load("GET -P 64", 64),
        set_load("SET -P 16", 16),
        get_load("GET -P 16", 16),
        Load("MSET of 10 -P 16", ["MSET", *([KEY, VALUE] * 10)], 16),
    ]
    single = []
    for clients in (50,) if quick else (1, 10, 50, 200):
        single.append(set_load(f"SET -P 1 -c {clients}", 1, clients))
        single.append(get_load(f"GET -P 1 -c {clients}", 1, clients))
    groups = [
        ("pipelined strings", lambda port: wire.load_numbered(port, count), plain),
        (
            "transactions",
            lambda port: wire.load_numbered(port, count),
            [Load("MULTI, 10 SET, EXEC", [], 1), Load("MULTI, 10 SET, EXEC -P 8", [], 8)],
        ),
        ("single strings", lambda port: wire.load_numbered(port, count), single),
        (
            "counters",
            lambda port: wire.load_numbered(port, count, b"num:", b"1000"),
            [Load("INCR -P 16", ["INCR", "num:__rand_int__"], 16)],
        ),
        (
            "expiring",
            lambda port: wire.load_numbered(port, count),
            [Load("SET EX -P 16", ["SET", KEY, VALUE, "EX", "100000"], 16)],
        ),
        (
            "large",
            lambda port: wire.load_numbered(port, large_count, b"kib:", large.encode()),
            [
                Load("SET 1 KiB -P 16", ["SET", "kib:__rand_int__", large], 16),
                Load("GET 1 KiB -P 16", ["GET", "kib:__rand_int__"], 16),
            ],
        ),
    ]
    for _, _, loads in groups:
        for load in loads:
            load.keys = large_count if "1 KiB" in load.name else count
    quick_groups = ("pipelined strings", "single strings", "counters")
    return [group for group in groups if not quick or group[0] in quick_groups]


def throughput(plan: Plan) -> dict:
    """{load: {server: {rate, total, user, ...}}}"""
    result: dict = {}
    for name, fill, loads in throughput_groups(plan.quick):
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(plan.start(server)) for server in plan.servers]
            for server in servers:
                plan.note(f"loading {name} into {server.name}")
                fill(server.port)
            result |= benchmark.interleaved(servers, loads, plan.rounds, plan.seconds, plan.note)
    return result


# Memory


def memory(plan: Plan) -> dict:
    """{measure: {server: bytes a key}}"""
    result: dict = {}
    for server in plan.servers:
        for kind in ("random",) if plan.quick else ("random", "expiry", "integers"):
            for count, size in bytes_a_key(plan, server, kind).items():
                result.setdefault(f"{kind}, {count / 1e6:g} M", {})[server] = size
        for measure, size in ({} if plan.quick else after_changes(plan, server)).items():
            result.setdefault(measure, {})[server] = size
    return result


def bytes_a_key(plan: Plan, name: str, kind: str) -> dict[int, float]:
    """(resident loaded - resident fresh) / keys, at several sizes of one keyspace that grows."""
    counts = [1_000_000] if plan.quick else [900_000, 1_000_000, 1_400_000, 2_000_000, 10_000_000]
    sizes = {}
    with plan.start(name) as server:
        fresh, loaded = server.settled(), 0
        for count in counts:
            wire.load_random(server.port, wire.RandomKeys(1), loaded, count, kind)
            loaded = count
            held = server.wire("DBSIZE")
            if held != count:
                raise RuntimeError(f"{name} holds {held} keys instead of {count}")
            sizes[count] = (server.settled() - fresh) / count
            plan.note(f"memory {kind} {count:,} {name}: {sizes[count]:.1f} bytes a key")
    return sizes


def after_changes(plan: Plan, name: str) -> dict[str, float]:
    """Resident MB of a fresh server, and over that: loaded, after deleting 90 % of the keys at random, and after
    giving all keys a longer value in random order. The last two are what an allocator that never moves anything is worst
    at."""
    count = 500_000 if plan.quick else 5_000_000
    million = count / 1e6
    result = {}
    keys = wire.RandomKeys(2)
    order = wire.shuffled(keys.blob(count), keys.WIDTH, seed=3)
    with plan.start(name) as server:
        fresh = server.settled()
        result["MB of a fresh server"] = fresh / 1e6
        wire.load_random(server.port, keys, 0, count, "random")
        result[f"MB with {million:g} M"] = (server.settled() - fresh) / 1e6
        head = b"*2\r\n$3\r\nDEL\r\n$16\r\n"
        wire.send_each(server.port, order[: count * 9 // 10], head, b"\r\n", len(b":1\r\n"))
        result[f"MB after deleting 90 % of {million:g} M"] = (server.settled() - fresh) / 1e6
    with plan.start(name) as server:
        fresh = server.settled()
        wire.load_random(server.port, keys, 0, count, "random")
        head = b"*3\r\n$3\r\nSET\r\n$16\r\n"
        tail = b"\r\n$40\r\n" + b"y" * 40 + b"\r\n"
        wire.send_each(server.port, order, head, tail, len(b"+OK\r\n"))
        result[f"MB after rewriting {million:g} M from 16 to 40 bytes"] = (server.settled() - fresh) / 1e6
        tail = b"\r\n$8\r\n" + b"z" * 8 + b"\r\n"
        random.Random(4).shuffle(order)
        wire.send_each(server.port, order, head, tail, len(b"+OK\r\n"))
        result[f"MB after rewriting {million:g} M from 40 to 8 bytes"] = (server.settled() - fresh) / 1e6
    for measure, size in result.items():
        plan.note(f"{measure} {name}: {size:.1f}")
    return result


# Connections


def raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connections(plan: Plan) -> dict:
    """{"count": connections, "idle": {server: bytes a connection}}"""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(1_000 if plan.quick else 9_000, soft - 500)
    return {"count": count, "idle": {name: idle_connection_bytes(plan, name, count) for name in plan.servers}}


def idle_connection_bytes(plan: Plan, name: str, count: int) -> float:
    """Resident bytes a connection that has sent one PING and then nothing, once the server has seen to it."""
    with plan.start(name) as server, contextlib.ExitStack() as stack:
        fresh = server.settled()
        clients = []
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            client.sendall(b"PING\r\n")
            clients.append(client)
        for client in clients:
            if client.recv(7) != b"+PONG\r\n":
                raise RuntimeError(f"{name} turned a connection away")
        time.sleep(5)  # servers that shrink idle clients' buffers do so within seconds
        size = (server.settled() - fresh) / count
        plan.note(f"idle connection {name}: {size:.0f} bytes")
        return size


# Latency: the loop's own figures


def loop_fields(server: Server) -> dict[str, str]:
    """The fields with which a server reports its own turns; servers without them give none."""
    return {field: value for field, value in server.wire.info("everything").items() if field.startswith("loop_")}


def latency(plan: Plan) -> dict:
    """{phase: {field: value}} for Needletail: growing from empty, loads, and shrinking to nothing."""
    count = 1_000_000 if plan.quick else 10_000_000
    keys = wire.RandomKeys(5)
    result: dict = {}
    with plan.start(next(iter(plan.servers))) as server:

        def phase(name: str, action: Callable[[], object]) -> None:
            server.wire("CONFIG", "RESETSTAT")
            start = time.monotonic()
            action()
            result[name] = loop_fields(server) | {"seconds": f"{time.monotonic() - start:.1f}"}
            plan.note(f"latency {name}: {result[name]}")

        def delete_all() -> None:
            order = wire.shuffled(keys.blob(count), keys.WIDTH, seed=6)
            head = b"*2\r\n$3\r\nDEL\r\n$16\r\n"
            wire.send_each(server.port, order, head, b"\r\n", len(b":1\r\n"))

        small = max(count // 10, wire.BATCH)
        requests = 300_000 if plan.quick else 3_000_000
        phase(f"grow to {count:,}", lambda: wire.load_random(server.port, keys, 0, count, "random"))
        phase("SET -P 16", lambda: benchmark.run(server, set_load("SET", 16), requests))
        phase("SET -P 1", lambda: benchmark.run(server, set_load("SET", 1), requests // 10))
        phase("FLUSHALL ASYNC", lambda: server.wire("FLUSHALL", "ASYNC"))
        wire.load_random(server.port, keys, 0, count, "random")
        phase("shrink to nothing, DEL at random", delete_all)
        phase(f"grow to {small:,} with expiry", lambda: wire.load_random(server.port, keys, 0, small, "expiry"))
        phase("idle", lambda: time.sleep(3))
    return result


def idle_cpu(server: Server, seconds: float) -> float:
    """Per cent of a core."""
    start, began = server.cpu(), time.monotonic()
    time.sleep(seconds)
    used: Cpu = server.cpu().since(start)
    return 100 * used.total / (time.monotonic() - began)

"""What evicting costs a command at the limit, and that neither a lower limit nor a large key makes a turn long."""

import contextlib
import dataclasses
import itertools
import statistics
import subprocess
import time
from collections.abc import Iterator

from . import benchmark, report, wire
from .benchmark import Load
from .hitratios import steady_memory
from .persistence import Meanwhile, wait_for_save
from .sections import KEY, Plan
from .servers import LOAD_CORE, Server, pinned
from .wire import Wire

NEW_KEYS = 2_000_000_000  # of so many, one drawn at random is hardly ever there


def new_keys(name: str, command: list[str]) -> Load:
    return Load(name, command, pipeline=16, keys=NEW_KEYS, prefixes=itertools.count())


# Throughput


def policies(own: str) -> list[tuple[str, int]]:
    return [("allkeys-lru", 5), ("allkeys-lfu", 5), ("allkeys-random", 5), (own, 5)]


def at_limit(plan: Plan, own: str, load: Load, count: int) -> dict:
    """{load and policy: {server: rate and time a command}} once memory is full of the load's own keys."""
    found: dict = {}
    names = list(plan.servers)[:2]
    with plan.start(names[0]) as server:
        known_here = [(policy, samples) for policy, samples in policies(own) if takes(server.wire, policy)]
    for policy, samples in known_here:
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(plan.start(name)) for name in names]
            for server in servers:
                benchmark.run(server, load, count)
                limit = steady_memory(server.wire)
                # What only ours has is held against what a peer does by default.
                known = policy if takes(server.wire, policy) else "allkeys-lru"
                settings = ("maxmemory", limit, "maxmemory-policy", known, "maxmemory-samples", samples)
                server.wire("CONFIG", "SET", *settings)
            each = dataclasses.replace(load, name=f"{load.name}, {policy}")
            found |= benchmark.interleaved(servers, [each], plan.rounds, plan.seconds, plan.note)
            for server in servers:
                if int(server.wire.info("stats")["evicted_keys"]) == 0:
                    raise RuntimeError(f"{server.name} has evicted nothing")
    return found


def takes(control: Wire, policy: str) -> bool:
    return control.pipeline(("CONFIG", "SET", "maxmemory-policy", policy))[0] == b"OK"


def throughput_table(plan: Plan, title: str, results: dict) -> dict:
    names = list(plan.servers)[:2]
    header = ["load, policy"]
    header += [f"{name} {unit}" for unit in ("req/s", "µs", "user µs") for name in names]
    header += [f"{unit} to {peer}" for unit in ("µs", "user") for peer in names[1:]]
    rows = []
    for load, by_server in results.items():
        cells = [by_server[name] for name in names]
        cell = [load, *(f"{one['rate']:,.0f}" for one in cells)]
        for field in ("total", "user"):
            cell += [f"{one[field]:.2f}" for one in cells]
        for field in ("total", "user"):
            cell += report.ratios(cells[0][field], {name: one[field] for name, one in zip(names, cells)}, names[1:])
        rows.append(cell)
    return {"title": title, "header": header, "rows": rows}


def strings(plan: Plan, own: str) -> list[dict]:
    small, large = (50_000, 10_000) if plan.quick else (1_000_000, 200_000)
    found = at_limit(plan, own, new_keys("SET 16/16 bytes", ["SET", KEY, "x" * 16]), small)
    found |= at_limit(plan, own, new_keys("SET 1 KiB", ["SET", KEY, "x" * 1024]), large)
    return [throughput_table(plan, "New keys at the limit, -P 16: processor time a command", found)]


def collections(plan: Plan, own: str) -> list[dict]:
    count = 5_000 if plan.quick else 50_000
    fields = itertools.chain.from_iterable((f"field:{field}", "x" * 16) for field in range(10))
    found = at_limit(plan, own, new_keys("HSET of 10", ["HSET", KEY, *fields]), 2 * count)
    found |= at_limit(plan, own, new_keys("RPUSH of 100", ["RPUSH", KEY, *["x" * 16] * 100]), count)
    return [throughput_table(plan, "New collections at the limit, -P 16: processor time a command", found)]


# Long steps


class Probe(Meanwhile):
    """How long a PING takes meanwhile, in milliseconds: what clients see of the longest turn."""

    def __init__(self, server: Server):
        super().__init__(pause=0.0005)
        self.wire = Wire(server.port)
        self.times: list[float] = []

    def once(self) -> None:
        began = time.monotonic()
        self.wire("PING")
        self.times.append(1000 * (time.monotonic() - began))

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        self.wire.close()

    def figures(self) -> dict[str, float]:
        times = sorted(self.times)
        return {
            "PING median ms": statistics.median(times),
            "PING 99.9 % ms": times[min(len(times) - 1, int(0.999 * len(times)))],
            "PING longest ms": times[-1],
        }


@contextlib.contextmanager
def background(server: Server, command: list[str], pipeline: int = 1, keys: int = NEW_KEYS) -> Iterator[None]:
    """redis-benchmark at work, without end."""
    options = ["redis-benchmark", "-p", str(server.port), "-q", "-n", "2000000000", "-c", "50", "-P", str(pipeline)]
    process = subprocess.Popen(
        pinned(LOAD_CORE, [*options, "-r", str(keys), *command]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(1)
        yield
    finally:
        process.kill()
        process.wait()


def longest_turn(server: Server) -> dict[str, float]:
    turn = server.wire.info("everything").get("loop_turn_max_usec")
    return {} if turn is None else {"longest turn ms": int(turn) / 1000}


def figures_table(plan: Plan, title: str, found: dict[str, dict]) -> dict:
    """A row a figure, a column a server."""
    names = [name for name in plan.servers if name in found]
    fields = dict.fromkeys(field for name in names for field in found[name])
    shown = [[field, *(cell(found[name].get(field)) for name in names)] for field in fields]
    return {"title": title, "header": ["", *names], "rows": shown}


def cell(value: object) -> str:
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return "-" if value is None else str(value)


def lowered(server: Server, limit: int, seconds: float = 60) -> dict[str, object]:
    """What setting a lower limit costs, until no more is used."""
    server.wire("CONFIG", "RESETSTAT")
    with Probe(server) as probe:
        began = time.monotonic()
        server.wire("CONFIG", "SET", "maxmemory", limit)
        answered = time.monotonic() - began
        # Beside a limit that others' writes reach again and again, a hair above it is down.
        while (used := int(server.wire.info("memory")["used_memory"])) > 1.005 * limit:
            if time.monotonic() - began > seconds:
                break
            time.sleep(0.01)
        took = time.monotonic() - began
    evicted = int(server.wire.info("stats")["evicted_keys"])
    figures: dict[str, object] = {"until it is down, s": took, "CONFIG SET ms": 1000 * answered}
    figures |= {"keys evicted": evicted, "used of the limit": used / limit}
    return figures | longest_turn(server) | probe.figures()


def halving(plan: Plan) -> list[dict]:
    count = 200_000 if plan.quick else 5_000_000
    tables = []
    for busy in (False, True):
        found = {}
        for name in list(plan.servers)[:2]:
            with plan.start(name, ["--maxmemory-policy", "allkeys-lru"]) as server:
                wire.load_numbered(server.port, count)
                used = steady_memory(server.wire)
                server.wire("CONFIG", "SET", "maxmemory", used)
                with background(server, ["GET", KEY], 1, count) if busy else contextlib.nullcontext():
                    found[name] = lowered(server, used // 2)
            plan.note(f"half the memory, {'busy' if busy else 'idle'}, {name}: {found[name]}")
        meanwhile = "GET -P 1 meanwhile" if busy else "idle"
        tables.append(figures_table(plan, f"maxmemory lowered by half, {count:,} keys, {meanwhile}", found))
    return tables


def large_set(plan: Plan) -> list[dict]:
    """One set that has to go so that what little is asked for fits."""
    count = 200_000 if plan.quick else 5_000_000
    found = {}
    for name in list(plan.servers)[:2]:
        with plan.start(name, ["--maxmemory-policy", "allkeys-random"]) as server:
            empty = steady_memory(server.wire)
            for first in range(0, count, 1000):
                server.wire("SADD", "set", *(b"member:%09d" % number for number in range(first, first + 1000)))
            found[name] = lowered(server, empty + (8 << 20))
            found[name] |= {"keys left": server.wire("DBSIZE")}
        plan.note(f"large set {name}: {found[name]}")
    return [figures_table(plan, f"A set of {count:,} evicted", found)]


# A save meanwhile


def least_held(server: Server, seconds: float, until=lambda: False) -> int:
    """The fewest keys while new ones come in."""
    least, deadline = server.wire("DBSIZE"), time.monotonic() + seconds
    while time.monotonic() < deadline and not until():
        least = min(least, server.wire("DBSIZE"))
        time.sleep(0.01)
    return least


def saving(plan: Plan) -> list[dict]:
    """How many keys are held at the limit while a snapshot is taken, as a part of those without one."""
    count = 200_000 if plan.quick else 2_000_000
    found = {}
    for name in list(plan.servers)[:2]:
        with plan.start(name, ["--maxmemory-policy", "allkeys-lru"]) as server:
            benchmark.run(server, new_keys("fill", ["SET", KEY, "x" * 16]), count)
            server.wire("CONFIG", "SET", "maxmemory", steady_memory(server.wire))
            with background(server, ["SET", KEY, "x" * 16], 16):
                without = least_held(server, 5)
                evicted = int(server.wire.info("stats")["evicted_keys"])
                server.wire("BGSAVE")
                began = time.monotonic()

                def saved(server: Server = server) -> bool:
                    return server.wire.info("persistence")["rdb_bgsave_in_progress"] == "0"

                during = least_held(server, 120, saved)
                seconds = time.monotonic() - began
                wait_for_save(server)
                more = int(server.wire.info("stats")["evicted_keys"]) - evicted
            found[name] = {
                "keys without": without, "keys during": during, "of those without": during / without,
                "save s": seconds, "keys evicted meanwhile": more,
            } | longest_turn(server)  # fmt: skip
        plan.note(f"save at the limit {name}: {found[name]}")
    return [figures_table(plan, "Filling at the limit during BGSAVE", found)]

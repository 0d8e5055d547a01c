"""How late expired keys are gone and counted, and what far deadlines cost."""

import random
import subprocess
import time

from . import wire
from .sections import Plan, get_load, idle_cpu, loop_fields
from .servers import LOAD_CORE, Server, pinned

DIGITS = 13  # of a time in milliseconds


def expiry(plan: Plan) -> dict:
    """{measure: {server: figures}}"""
    count = 200_000 if plan.quick else 1_000_000
    far = 1_000_000 if plan.quick else 10_000_000
    result: dict = {}
    for name in plan.servers:
        for measure, spread in ((f"{count:,} keys, one deadline", 0), (f"{count:,} keys over 10 s", 10_000)):
            with plan.start(name) as server:
                result.setdefault(measure, {})[name] = lag(plan, server, count, spread)
                plan.note(f"expiry {measure} {name}: {result[measure][name]}")
        with plan.start(name) as server:
            wire.load_random(server.port, wire.RandomKeys(7), 0, far, "expiry")
            time.sleep(3)
            measure = f"{far:,} far deadlines, idle"
            result.setdefault(measure, {})[name] = {"cpu %": round(idle_cpu(server, 3 if plan.quick else 10), 3)}
            plan.note(f"expiry {measure} {name}: {result[measure][name]}")
    return result


def lag(plan: Plan, server: Server, count: int, spread_ms: int) -> dict:
    """Milliseconds between deadlines and when `expired_keys` counted them, by the server's own clock, under GET."""
    wire.load_numbered(server.port, 100_000)
    loading_ms = 4_000 + count // 100  # at least 100,000 keys a second are hoped for
    first = round(time.time() * 1000) + loading_ms
    deadlines = [first + (random.Random(8).randrange(spread_ms) if spread_ms else 0)] * count
    if spread_ms:
        rng = random.Random(8)
        deadlines = [first + rng.randrange(spread_ms) for _ in range(count)]
    load_deadlines(server, deadlines)
    if time.time() * 1000 > first:
        raise RuntimeError(f"{server.name} took longer to load than the deadlines allow")
    server.wire("CONFIG", "RESETSTAT")
    load = get_load("GET", 1)
    command = ["redis-benchmark", "-p", str(server.port), "-q", "-c", "50", "-r", "100000", "-n", "1000000000"]
    background = subprocess.Popen(
        pinned(LOAD_CORE, command + load.command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        polls = poll(server, first, count, spread_ms)
    finally:
        background.kill()
        background.wait()
    return figures(sorted(deadlines), polls) | loop_fields(server)


def load_deadlines(server: Server, deadlines: list[int]) -> None:
    value, deadline = b"V" * 16, b"8" * DIGITS
    records = wire.Records(b"SET", wire.RandomKeys.MARK, value, b"PXAT", deadline)
    keys = wire.RandomKeys(9)
    with wire.Stream(server.port) as stream:
        for batch, start in enumerate(range(0, len(deadlines), wire.BATCH)):
            part = deadlines[start : start + wire.BATCH]
            text = b"".join(b"%d" % each for each in part)
            times = [text[position::DIGITS] for position in range(DIGITS)]
            columns = [column[: len(part)] for column in keys.columns(batch)]
            fields = {records.column(wire.RandomKeys.MARK): columns, records.column(deadline): times}
            stream.send(records.fill(len(part), fields), len(part))


def poll(server: Server, first: int, count: int, spread_ms: int) -> list[tuple[float, int]]:
    """(server's time in ms, keys expired so far), each few milliseconds until all are gone or far too late."""
    polls = []
    time.sleep(max(0, first / 1000 - time.time() - 0.3))
    while True:
        info, clock = server.wire.pipeline(("INFO", "stats"), ("TIME",))
        expired = next(line for line in info.decode().splitlines() if line.startswith("expired_keys:"))
        now = int(clock[0]) * 1000 + int(clock[1]) / 1000
        polls.append((now, int(expired.partition(":")[2])))
        if polls[-1][1] >= count or now > first + spread_ms + 30_000:
            return polls
        time.sleep(0.002)


def figures(deadlines: list[int], polls: list[tuple[float, int]]) -> dict:
    """The i-th deadline is met when the i-th key was counted: keys due at once may go in any order."""
    lags, done = [], 0
    for now, expired in polls:
        lags += [now - deadline for deadline in deadlines[done:expired]]
        done = max(done, expired)
    missing = len(deadlines) - len(lags)
    lags.sort()
    if not lags:
        return {"never": missing}
    return {
        "99.9 % ms": round(lags[min(len(lags) - 1, int(len(deadlines) * 0.999))], 1),
        "all ms": round(lags[-1], 1),
        "never": missing,
    }

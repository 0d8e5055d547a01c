"""Thousands of connections that are all busy.

redis-benchmark opens 64 connections in 50 ms, so that 10,000 take it eight seconds: far longer than a sample. Each load is
therefore connected once for each server and kept: its process stands still (SIGSTOP) while others are measured, and a
sample is a stretch of its steady state."""

import contextlib
import resource
import signal
import subprocess
import time
from collections.abc import Iterator

from . import benchmark, wire
from .benchmark import Load, Sample
from .sections import Plan, get_load, set_load
from .servers import LOAD_CORE, Server, pinned

ENDLESS = 2_000_000_000  # requests: more than any run takes
SETTLING = 0.2  # seconds from going on to the steady state


def active(plan: Plan) -> dict:
    """{"count": connections, "loads": {load: {server: sample}}}"""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(1_000 if plan.quick else 10_000, soft - 500)
    keys = 500_000 if plan.quick else 3_000_000
    loads = [
        get_load(f"GET -P 16 -c {count}", 16, count),
        set_load(f"SET -P 16 -c {count}", 16, count),
        get_load(f"GET -P 1 -c {count}", 1, count),
        set_load(f"SET -P 1 -c {count}", 1, count),
    ]
    result = {}
    with contextlib.ExitStack() as stack:
        options = ["--maxclients", str(count + 100)]
        servers = [stack.enter_context(plan.start(server, options)) for server in plan.servers]
        for server in servers:
            plan.note(f"loading active connections into {server.name}")
            wire.load_numbered(server.port, keys)
        for load in loads:
            load.keys = keys
            taken = samples(servers, load, plan)
            result[load.name] = {server: benchmark.median(values) for server, values in taken.items()}
    return {"count": count, "loads": result}


def samples(servers: list[Server], load: Load, plan: Plan) -> dict[str, list[Sample]]:
    taken: dict[str, list[Sample]] = {server.name: [] for server in servers}
    with contextlib.ExitStack() as stack:
        running = {server.name: stack.enter_context(busy(server, load)) for server in servers}
        for server in servers:
            wait_for_clients(server, lambda connected: connected > load.clients)
            running[server.name].send_signal(signal.SIGSTOP)
        for number in range(plan.rounds):
            for server in servers if number % 2 == 0 else servers[::-1]:
                one = sample(server, running[server.name], plan.seconds)
                taken[server.name].append(one)
                plan.note(f"round {number + 1}/{plan.rounds} {load.name} {server.name}: {one.rate:,.0f}/s {one.total:.3f} us")
    for server in servers:
        wait_for_clients(server, lambda connected: connected < 10)
    return taken


@contextlib.contextmanager
def busy(server: Server, load: Load) -> Iterator[subprocess.Popen]:
    command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-q", "-n", str(ENDLESS)]
    command += ["-c", str(load.clients), "-P", str(load.pipeline), "-r", str(load.keys), *load.command]
    process = subprocess.Popen(
        pinned(LOAD_CORE, command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()  # also one that stands still
        process.wait()


def wait_for_clients(server: Server, is_reached) -> None:
    deadline = time.monotonic() + 120
    while not is_reached(int(server.wire.info("clients")["connected_clients"])):
        if time.monotonic() > deadline:
            raise RuntimeError(f"connections of {server.name} did not come or go")
        time.sleep(0.05)


def sample(server: Server, process: subprocess.Popen, seconds: float) -> Sample:
    process.send_signal(signal.SIGCONT)
    time.sleep(SETTLING)
    commands, used, began = server.commands(), server.cpu(), time.monotonic()
    time.sleep(seconds)
    count = server.commands() - commands
    used, took = server.cpu().since(used), time.monotonic() - began
    process.send_signal(signal.SIGSTOP)
    if process.poll() is not None or count < 100:
        raise RuntimeError(f"the load on {server.name} stands still")
    return Sample(count / took, used.total / count * 1e6, used.user, used.user + used.system)

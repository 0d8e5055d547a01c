"""Crowds: thousands that connect at once, and a few clients at work among thousands that are idle or rude."""

import contextlib
import os
import pathlib
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from . import benchmark, wire
from .active import wait_for_clients
from .sections import Plan, get_load, set_load
from .servers import CAN_PIN, LOAD_CORE, Server, pinned

KEYS = 100_000
LARGE_BYTES = 20_000
FILLING = 3.0  # seconds until those that do not read have all that their buffers hold
SETTLING = 1.0  # seconds until the rude clients are spread over time again, after they stood still
PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"


def crowds(plan: Plan) -> dict:
    """{"connecting": {measure: {server: seconds}}, "among": {measure: {load: value}}}"""
    count, rude_count = (1_000, 100) if plan.quick else (10_000, 1_000)
    return {"connecting": connecting(plan, count), "among": among(plan, count, rude_count)}


def roomy(plan: Plan, name: str, count: int) -> Server:
    return plan.start(name, ["--maxclients", str(count + 500)])


def connecting(plan: Plan, count: int) -> dict:
    result: dict = {}
    for name in plan.servers:
        taken = []
        for _ in range(plan.rounds):
            with roomy(plan, name, count) as server, on_load_core():
                taken.append(seconds_to_greet(server.port, count))
        result.setdefault(f"{count:,} connect and PING, s", {})[name] = statistics.median(taken)
        plan.note(f"connecting {name}: {', '.join(f'{value:.2f}' for value in taken)} s")
    return result


def seconds_to_greet(port: int, count: int) -> float:
    """All begin to connect at once, each asks one PING as soon as it is connected. One that the kernel had no room for
    in its queue, and reset when it spoke, connects again, as clients do."""
    began = time.monotonic()
    with selectors.EpollSelector() as events:
        try:
            for _ in range(count):
                begin(events, port)
            left = count
            while left:
                left -= sum(greeted(events, key, port) for key, _ in events.select(30))
                if time.monotonic() - began > 60:
                    raise RuntimeError(f"{left} of {count} connections were not answered")
            return time.monotonic() - began
        finally:
            for key in list(events.get_map().values()):
                key.fileobj.close()


@contextlib.contextmanager
def on_load_core() -> Iterator[None]:
    """This process is the load: it must not take the server's core."""
    before = os.sched_getaffinity(0)
    if CAN_PIN:
        os.sched_setaffinity(0, {LOAD_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def begin(events: selectors.EpollSelector, port: int) -> None:
    client = socket.socket()
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.connect(("127.0.0.1", port))
    events.register(client, selectors.EVENT_WRITE)


def greeted(events: selectors.EpollSelector, key: selectors.SelectorKey, port: int) -> bool:
    client = key.fileobj
    try:
        if key.events == selectors.EVENT_WRITE:
            client.send(PING)
            events.modify(client, selectors.EVENT_READ)
            return False
        if client.recv(100) != PONG:
            raise RuntimeError("a connection was turned away")
    except ConnectionError:
        events.unregister(client)
        client.close()
        begin(events, port)
        return False
    # It stays open and silent to the end.
    events.modify(client, 0)
    return True


def among(plan: Plan, count: int, rude_count: int) -> dict:
    """What fifty clients get with all the others there, to what they get alone, round by round; and the loop's longest
    turn meanwhile."""
    name = next(iter(plan.servers))
    loads = [get_load("GET -P 1", 1), set_load("SET -P 1", 1), get_load("GET -P 16", 16)]
    result: dict = {}
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(roomy(plan, name, count))
        crowded = stack.enter_context(roomy(plan, name, count + rude_count))
        for server in (alone, crowded):
            wire.load_numbered(server.port, KEYS)
            server.wire("SET", "large", "x" * LARGE_BYTES)
        stack.enter_context(idle(crowded, count))
        rude = stack.enter_context(rude_clients(crowded, rude_count))
        time.sleep(FILLING)
        for load in loads:
            load.keys = KEYS
            result[load.name] = side_by_side(plan, alone, crowded, rude, load)
    return result


def side_by_side(plan: Plan, alone: Server, crowded: Server, rude: subprocess.Popen, load: benchmark.Load) -> dict:
    rude.send_signal(signal.SIGSTOP)
    requests = benchmark.calibrate(alone, load, plan.seconds, plan.note)
    shares, costs, longest = [], [], 0
    for number in range(plan.rounds):
        rude.send_signal(signal.SIGSTOP)
        one = benchmark.sample(alone, load, requests)
        rude.send_signal(signal.SIGCONT)
        time.sleep(SETTLING)
        crowded.wire("CONFIG", "RESETSTAT")
        other = benchmark.sample(crowded, load, requests)
        longest = max(longest, int(crowded.wire.info("everything").get("loop_turn_max_usec", 0)))
        shares.append(other.rate / one.rate)
        costs.append(other.total / one.total)
        plan.note(f"round {number + 1}/{plan.rounds} {load.name}: {one.rate:,.0f}/s alone, {other.rate:,.0f}/s in the crowd")
    return {
        "throughput share": round(statistics.median(shares), 3),
        "least": round(min(shares), 3),
        "CPU a command": round(statistics.median(costs), 3),
        "longest turn ms": longest / 1000,
    }


@contextlib.contextmanager
def idle(server: Server, count: int) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            client.sendall(PING)
            if client.recv(100) != PONG:
                raise RuntimeError("an idle connection was turned away")
        yield


@contextlib.contextmanager
def rude_clients(server: Server, count: int) -> Iterator[subprocess.Popen]:
    before = int(server.wire.info("clients")["connected_clients"])
    program = str(pathlib.Path(__file__).with_name("rude.py"))
    command = pinned(LOAD_CORE, [sys.executable, program, str(server.port), str(count)])
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the rude clients did not come")
        wait_for_clients(server, lambda connected: connected >= before + count // 2)
        yield process
    finally:
        process.kill()  # also one that stands still
        process.wait()
        process.stdout.close()

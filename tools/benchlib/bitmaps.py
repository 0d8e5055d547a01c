"""Bitmaps: processor time of counting and combining large ones, and of single bits."""

import contextlib
import random
import statistics

from . import benchmark
from .benchmark import Load
from .sections import Plan
from .servers import Server

REPEATS = 10


def commands() -> dict[str, tuple[str, ...]]:
    return {
        "BITCOUNT": ("BITCOUNT", "big"),
        "BITCOUNT of a range of bits": ("BITCOUNT", "big", "5", "-5", "BIT"),
        "BITPOS of the last bit": ("BITPOS", "zeros", "1"),
        "BITOP AND": ("BITOP", "AND", "out", "big", "other"),
        "BITOP XOR": ("BITOP", "XOR", "out", "big", "other"),
        "BITOP NOT": ("BITOP", "NOT", "out", "big"),
        "BITOP ONE": ("BITOP", "ONE", "out", "big", "other"),
    }


def bitmaps(plan: Plan) -> dict:
    """{"large": {command: {server: milliseconds}}, "loads": {load: {server: sample}}}"""
    byte_count = (10 if plan.quick else 100) << 20
    large: dict = {}
    loads = [
        Load("SETBIT -P 64", ["SETBIT", "big", "123456", "1"], 64),
        Load("GETBIT -P 64", ["GETBIT", "big", "654321"], 64),
        Load("BITCOUNT of 1 KiB -P 16", ["BITCOUNT", "small"], 16),
    ]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(plan.start(server)) for server in plan.servers]
        for server in servers:
            fill(server, byte_count)
        for _ in range(plan.rounds):
            for name, command in commands().items():
                for server in servers:
                    if (taken := milliseconds(server, command)) is not None:
                        by_server = large.setdefault(f"{name}, {byte_count >> 20} MiB", {})
                        by_server.setdefault(server.name, []).append(taken)
        speed = benchmark.interleaved(servers, loads, plan.rounds, plan.seconds, plan.note)
    medians = {name: {s: statistics.median(v) for s, v in taken.items()} for name, taken in large.items()}
    return {"large": medians, "loads": speed}


def fill(server: Server, byte_count: int) -> None:
    rng = random.Random(1)
    for key in ("big", "other"):
        server.wire("SET", key, rng.randbytes(byte_count))
    server.wire("SETRANGE", "zeros", str(byte_count - 1), b"\x01")
    server.wire("SET", "small", rng.randbytes(1024))


def milliseconds(server: Server, command: tuple[str, ...]) -> float | None:
    """Processor time of one command, the mean of some in a row: the system counts it in steps of 10 ms. None of a server
    that does not know it."""
    if isinstance(server.wire.pipeline(command)[0], Exception):
        return None
    start = server.cpu()
    for _ in range(REPEATS):
        server.wire(*command)
    return server.cpu().since(start).total / REPEATS * 1e3

"""Lists: processor time of the usual commands, and memory an element of a large one."""

import contextlib

from . import benchmark, wire
from .benchmark import Load
from .sections import Plan
from .servers import Server

VALUE = b"x" * 16
KEY, LARGE = b"mylist", b"large"


def fill(port: int, key: bytes, count: int, value: bytes = VALUE) -> None:
    """Pushes elements of the value's size, each with its number in its last digits."""
    records = wire.Records(b"RPUSH", key, value)
    last = records.column(value) + len(value) - 12
    # A reply is the list's length, so they are counted by bytes.
    with wire.Stream(port, 1) as stream:
        for first in range(0, count, wire.BATCH):
            size = min(wire.BATCH, count - first)
            replies = sum(len(b":%d\r\n" % length) for length in range(first + 1, first + size + 1))
            stream.send(records.fill(size, {last: wire.numbered(size, first)}), replies)


def load_groups(large: int) -> list[tuple[str, list[tuple[bytes, int, bytes]], list[Load]]]:
    """(name, lists to fill first and with what, loads); each with servers of its own, as the other loads have them."""
    ends = [Load(f"{name} -P 64", [name, "mylist", "x" * 16], 64) for name in ("LPUSH", "RPUSH")]
    ranges = [Load(f"LRANGE_{n} -P 16", ["LRANGE", "mylist", "0", str(n - 1)], 16) for n in (100, 300, 500, 600)]
    # Redis goes from node to node of 8 KiB: the longer the elements, the more of them.
    middles = [
        (f"the middle of {size}", [(LARGE, large, b"x" * size)],
         [Load(f"LINDEX in the middle of {large:,} of {size} bytes", ["LINDEX", "large", str(large // 2)], 64)])
        for size in (16, 100, 500)
    ]
    single = [Load("LPUSH -P 1", ["LPUSH", "mylist", "x" * 16], 1)]
    return [
        ("ends of lists", [], ends),
        ("parts of lists", [(KEY, large, VALUE)], ranges),
        *middles,
        ("single elements", [(KEY, large, VALUE)], single),
    ]


def lists(plan: Plan) -> dict:
    """{"loads": {load: {server: sample}}, "memory": {measure: {server: bytes}}}"""
    large = 200_000 if plan.quick else 1_000_000
    loads: dict = {}
    for name, lists_to_fill, group in load_groups(large):
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(plan.start(server)) for server in plan.servers]
            for server in servers:
                plan.note(f"loading {name} into {server.name}")
                for key, count, value in lists_to_fill:
                    fill(server.port, key, count, value)
            loads |= benchmark.interleaved(servers, group, plan.rounds, plan.seconds, plan.note)
    for command in ("LPOP", "RPOP"):
        loads[f"{command} -P 64"] = popping(plan, command, large)
    return {"loads": loads, "memory": memory(plan)}


def popping(plan: Plan, command: str, count: int) -> dict:
    """Most of a list is taken off, and filled in again for the next round."""
    load = Load(command, [command, "mylist"], 64)
    taken: dict = {}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(plan.start(server)) for server in plan.servers]
        for _ in range(plan.rounds):
            for server in servers:
                server.wire("DEL", "mylist")
                fill(server.port, KEY, count)
                taken.setdefault(server.name, []).append(benchmark.sample(server, load, count * 4 // 5))
                plan.note(f"{command} {server.name}: {taken[server.name][-1].total:.3f} us")
    return {name: benchmark.median(samples) for name, samples in taken.items()}


def memory(plan: Plan) -> dict:
    result: dict = {}
    for server in plan.servers:
        for size in (15, 16):
            for count, taken in bytes_an_element(plan, server, size).items():
                result.setdefault(f"elements of {size}, {count / 1e6:g} M", {})[server] = taken
    return result


def bytes_an_element(plan: Plan, name: str, size: int) -> dict[int, float]:
    """Resident bytes over fresh, at several sizes of one list."""
    counts = [500_000] if plan.quick else [900_000, 1_000_000, 1_400_000, 2_000_000]
    sizes = {}
    for count in counts:
        server: Server
        with plan.start(name) as server:
            fresh = server.settled()
            fill(server.port, LARGE, count, b"x" * size)
            held = server.wire("LLEN", "large")
            if held != count:
                raise RuntimeError(f"{name} holds {held} elements instead of {count}")
            sizes[count] = (server.settled() - fresh) / count
            plan.note(f"memory list of {size} {count:,} {name}: {sizes[count]:.1f} bytes an element")
    return sizes

"""Snapshots: what one costs the commands served meanwhile, in processor time, in throughput and in memory, and how long
saving and loading take."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Self

from . import wire
from .sections import KEY, NEEDLETAIL, VALUE, Plan
from .servers import LOAD_CORE, SERVER_CORE, Server, pinned


def persistence(plan: Plan) -> dict:
    """{measure: {server: figures}}"""
    count = 500_000 if plan.quick else 3_000_000
    rounds = min(plan.rounds, 3)
    # One peer: this is about the fork, and all have the same.
    names = list(plan.servers)[:2]
    result: dict = {}
    one_core: dict[str, list[dict]] = {name: [] for name in names}
    two_cores: dict[str, list[dict]] = {name: [] for name in names}
    idle: dict[str, list[dict]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else names[::-1]:
            for core, samples in ((SERVER_CORE, one_core), (None, two_cores)):
                with Server(name, plan.servers[name], core=core) as server:
                    wire.load_numbered(server.port, count)
                    samples[name].append(save_under_load(server, count))
                    plan.note(f"round {number + 1}/{rounds} save under load, core {core}, {name}: {samples[name][-1]}")
            idle[name].append(save_and_load(plan.servers[name], name, count))
            plan.note(f"round {number + 1}/{rounds} idle {name}: {idle[name][-1]}")
    for name in names:
        measure = f"BGSAVE of {count / 1e6:g} M keys under SET -P 16"
        # Where all threads share a core, whatever else runs takes throughput, and the contents of the core's caches.
        result.setdefault(f"{measure}, one core", {})[name] = medians(one_core[name])
        result.setdefault(f"{measure}, two cores", {})[name] = medians(two_cores[name])
        result.setdefault(f"{count / 1e6:g} M keys, nothing else to do, two cores", {})[name] = medians(idle[name])
    many = 1_000_000 if plan.quick else 10_000_000
    with Server(NEEDLETAIL, plan.servers[names[0]], core=None) as server:
        wire.load_numbered(server.port, many)
        freezes = [freeze_microseconds(server) for _ in range(3)]
        result[f"{many / 1e6:g} M keys"] = {names[0]: {"freeze us": max(freezes)}}
    return result


def medians(samples: list[dict]) -> dict:
    found = {}
    for field in samples[0]:
        value = statistics.median(sample[field] for sample in samples)
        found[field] = round(value, 3) if isinstance(value, float) else value
    return found


# Under load


class Usage:
    """What the thread that runs commands has used, and what it has done."""

    def __init__(self, server: Server):
        self.server = server
        self.commands = server.commands() or 0
        # The scheduler's own account of the main thread, in nanoseconds.
        self.nanoseconds = int(pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/schedstat").read_text().split()[0])
        self.time = time.monotonic()

    def since(self) -> tuple[float, float]:
        """Microseconds a command, commands a second."""
        now = Usage(self.server)
        commands = max(1, now.commands - self.commands)
        return (now.nanoseconds - self.nanoseconds) / 1000 / commands, commands / (now.time - self.time)


@contextlib.contextmanager
def load(server: Server, count: int) -> Iterator[None]:
    """SET of random keys, as much as the server takes."""
    command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-q", "-n", "2000000000", "-c", "50", "-P", "16"]
    process = subprocess.Popen(
        pinned(LOAD_CORE, [*command, "-r", str(count), "SET", KEY, VALUE]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield
    finally:
        process.kill()
        process.wait()


class Meanwhile:
    """Does `once` again and again on a thread of its own, while its block runs."""

    def __init__(self, pause: float):
        self.pause = pause
        self.ends = False
        self.thread = threading.Thread(target=self._run)

    def once(self) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        while not self.ends:
            self.once()
            time.sleep(self.pause)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends = True
        self.thread.join()


class Watcher(Meanwhile):
    """The most memory that a server holds in a while, without its children."""

    def __init__(self, server: Server):
        super().__init__(pause=0.02)
        self.server = server
        self.most = 0

    def once(self) -> None:
        self.most = max(self.most, resident(self.server.pid))


def resident(pid: int) -> int:
    """Bytes resident in a process, quicker than `Server.resident`."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_for_save(server: Server, pause: float = 0.02) -> dict[str, str]:
    deadline = time.monotonic() + 120
    while (info := server.wire.info("persistence"))["rdb_bgsave_in_progress"] != "0":
        if time.monotonic() > deadline:
            raise RuntimeError(f"{server.name} has not saved in two minutes")
        time.sleep(pause)
    if info["rdb_last_bgsave_status"] != "ok":
        raise RuntimeError(f"{server.name} could not save")
    return info


def save_under_load(server: Server, count: int) -> dict:
    with load(server, count):
        before = Usage(server)
        time.sleep(2)
        idle_cost, idle_rate = before.since()
        server.wire("CONFIG", "RESETSTAT")
        rest = resident(server.pid)
        with Watcher(server) as watcher:
            during = Usage(server)
            server.wire("BGSAVE")
            info = wait_for_save(server)
            cost, rate = during.since()
            seconds = time.monotonic() - during.time
        longest = server.wire.info("everything").get("loop_turn_max_usec")
        behind = Usage(server)
        time.sleep(1)
        cost_behind, _ = behind.since()
    # Of a server that forks: the pages of which its child, which is not watched, had to keep copies. Here: what the view
    # has kept from being freed, which is part of what is resident.
    kept = int(info["rdb_last_cow_size"])
    figures = {
        "us/command idle": idle_cost, "during": cost, "ratio": cost / idle_cost, "after": cost_behind,
        "throughput share": rate / idle_rate, "save s": seconds,
        "MB kept": kept / 1e6, "MB added": max(kept, watcher.most - rest) / 1e6,
    }
    if longest is not None:
        figures |= {"longest turn ms": int(longest) / 1000, "freeze us": int(info["rdb_last_freeze_usec"])}
    return figures


def freeze_microseconds(server: Server) -> int:
    server.wire("BGSAVE")
    return int(wait_for_save(server)["rdb_last_freeze_usec"])


# With nothing else to do


def seconds_until_new(path: pathlib.Path, before: int, start: float) -> float:
    """Until another file has taken that place."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino != before:
                return time.monotonic() - start
        time.sleep(0.001)


def save_and_load(binary: str, name: str, count: int) -> dict:
    with Server(name, binary, core=None) as server:
        wire.load_numbered(server.port, count)
        path = pathlib.Path(server.directory, "dump.rdb")
        start = time.monotonic()
        server.wire("SAVE")
        save = time.monotonic() - start
        size = path.stat().st_size
        before, start = path.stat().st_ino, time.monotonic()
        server.wire("BGSAVE")
        background = seconds_until_new(path, before, start)
        wait_for_save(server)
        start = time.monotonic()
        server.restart()
        while server.wire.info("persistence")["loading"] != "0":
            time.sleep(0.005)
        load = time.monotonic() - start
        if server.wire("DBSIZE") != count:
            raise RuntimeError(f"{name} has not loaded all keys")
    return {"SAVE s": save, "BGSAVE s": background, "load s": load, "file MB": size / 1e6}

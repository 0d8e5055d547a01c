"""Running a load, mostly redis-benchmark's, on its core and measuring what it costs the server."""

import csv
import dataclasses
import io
import statistics
import subprocess
from collections.abc import Iterator

from . import transactions
from .servers import LOAD_CORE, Server, pinned


@dataclasses.dataclass
class Load:
    """One load: a redis-benchmark command and how it is sent; without a command, transactions."""

    name: str
    command: list[str]
    pipeline: int = 1
    clients: int = 50
    keys: int = 3_000_000
    # Numbers of runs whose keys begin with them, so that none has those of another: redis-benchmark draws the same keys
    # in two runs whose time and process id come to the same.
    prefixes: Iterator[int] | None = None

    def arguments(self) -> list[str]:
        if self.prefixes is None:
            return self.command
        prefix = f"{next(self.prefixes):03}:"
        return [argument.replace("key:", prefix) for argument in self.command]


@dataclasses.dataclass
class Sample:
    """What one run gave: requests/s, and the server's processor time in microseconds a command."""

    rate: float
    total: float
    user_ticks: float
    all_ticks: float


def run(server: Server, load: Load, requests: int) -> float:
    """Requests a second, by the load generator's account."""
    if not load.command:
        return transactions.run(server, load.keys, load.clients, load.pipeline, requests)
    command = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "--csv", "-n", str(requests)]
    command += ["-c", str(load.clients), "-P", str(load.pipeline), "-r", str(load.keys), *load.arguments()]
    done = subprocess.run(
        pinned(LOAD_CORE, command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )
    rows = [row for row in csv.reader(io.StringIO(done.stdout)) if len(row) > 2]
    if done.returncode != 0 or len(rows) < 2:
        raise RuntimeError(f"{load.name} on {server.name}: {(done.stdout + done.stderr)[-500:]}")
    return float(rows[-1][1])


def sample(server: Server, load: Load, requests: int) -> Sample:
    commands, start = server.commands(), server.cpu()
    rate = run(server, load, requests)
    used = server.cpu().since(start)
    now = server.commands()
    count = requests
    if commands is not None and now is not None and now - commands >= requests:
        count = now - commands - 1  # the INFO that ended the count before
    return Sample(rate, used.total / count * 1e6, used.user, used.user + used.system)


def calibrate(server: Server, load: Load, seconds: float, note) -> int:
    """How many requests take `seconds`; the trial run warms the server up as well."""
    trial = max(2_000, 2 * load.clients) * (load.pipeline if load.pipeline > 1 else 4)
    rate = run(server, load, trial)
    note(f"calibrated {load.name} {server.name}")
    return max(trial, int(rate * seconds))


def interleaved(servers: list[Server], loads: list[Load], rounds: int, seconds: float, note) -> dict:
    """{load: {server: median Sample}}. Servers take turns within a load and loads within a round, so that whatever
    else the machine does falls on all of them alike."""
    requests = {(load.name, s.name): calibrate(s, load, seconds, note) for load in loads for s in servers}
    samples: dict = {}
    for number in range(rounds):
        for load in loads:
            for server in servers if number % 2 == 0 else servers[::-1]:
                taken = sample(server, load, requests[load.name, server.name])
                samples.setdefault(load.name, {}).setdefault(server.name, []).append(taken)
                note(f"round {number + 1}/{rounds} {load.name} {server.name}: {taken.rate:,.0f}/s {taken.total:.3f} us")
    return {
        name: {server: median(taken) for server, taken in by_server.items()} for name, by_server in samples.items()
    }


def median(samples: list[Sample]) -> dict[str, float]:
    """Medians, and user time as its part of all samples' ticks together: one sample has too few to divide."""
    totals = [one.total for one in samples]
    total = statistics.median(totals)
    user = sum(one.user_ticks for one in samples) / max(sum(one.all_ticks for one in samples), 1e-9)
    return {
        "rate": statistics.median(one.rate for one in samples),
        "total": total,
        "user": total * user,
        "least": min(totals),
        "most": max(totals),
    }

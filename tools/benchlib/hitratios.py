"""How often a cache finds what it is asked for, beside a peer whose memory holds as many keys, or that has as many
bytes."""

import concurrent.futures
import dataclasses
import itertools
import statistics
import sys
import time

from . import traces
from .sections import Plan
from .traces import Player, Shape, Trace
from .wire import Wire

SHARES = (0.1, 0.3)
WARM_UP = 1 / 3  # of a trace
STEPS = 120  # of a trace, after each of which the keys are counted and the limit is corrected
REAL_BYTES = 8 << 20  # from there on, what an empty server takes is no reason not to set the same limit
TOLERANCE = 0.01  # by how much the keys held may miss the share, on the average


@dataclasses.dataclass(frozen=True)
class Rule:
    """Whose keys go, and after how many were looked at."""

    policy: str
    samples: int

    def __str__(self) -> str:
        return f"{self.policy}, {self.samples}"


@dataclasses.dataclass(frozen=True)
class Need:
    """What a server's memory is with that many keys and no limit."""

    empty: int
    bytes: int
    bytes_a_key: float


@dataclasses.dataclass
class Outcome:
    """One trace, played to one server."""

    ratio: float
    limit: int
    held: float  # keys on the average, as a part of those wanted
    seconds: float  # in which it was played, warming up included

    def __str__(self) -> str:
        found, held = f"{100 * self.ratio:.2f} %", f"{100 * self.held:.1f} % of the keys wanted"
        return f"{found}, {held}, {self.limit:,} bytes, {self.seconds:.0f} s"


@dataclasses.dataclass(frozen=True)
class Run:
    """What a server is asked to do. A `limit` in bytes stays; without one it is what the keys wanted take."""

    server: str
    trace: str
    share: float
    rule: Rule
    limit: int | None = None


class HitRatios:
    """Plays runs side by side, as many as one client can keep at their pace."""

    REQUESTS_A_SECOND = 250_000  # of all players together

    def __init__(self, plan: Plan, played: list[Trace], shape: Shape, rate: float | None):
        """`rate`: requests a second of each run. Redis counts idle time in seconds and use in minutes, so it ranks keys
        the better the slower they are asked for; None is as fast as it can."""
        self.plan, self.shape, self.rate = plan, shape, rate
        self.traces = {trace.name: trace for trace in played}
        self.keys = traces.key_names(max(trace.numbers for trace in played))
        self.needs: dict[tuple[str, int], Need] = {}

    def play(self, runs: list[Run]) -> dict[Run, Outcome]:
        for run in runs:
            self._need(run.server, self._wanted(run))
        at_once = max(1, int(self.REQUESTS_A_SECOND / self.rate)) if self.rate else 1
        with concurrent.futures.ThreadPoolExecutor(at_once) as threads:
            return dict(zip(runs, threads.map(self._play, runs)))

    def same_bytes(self, ours: str, peer: str, place: tuple[str, float], limit: int) -> int:
        """The peer's limit. Of a small one that an empty server might not even keep to, what it leaves for data."""
        if limit >= REAL_BYTES:
            return limit
        count = round(self.traces[place[0]].keys * place[1])
        return limit - self._need(peer, count).empty + self._need(ours, count).empty

    def _wanted(self, run: Run) -> int:
        return round(self.traces[run.trace].keys * run.share)

    def _need(self, name: str, count: int) -> Need:
        if (name, count) not in self.needs:
            with self.plan.start(name) as server, Player(server.port, self.shape, self.keys[:count]) as player:
                before = steady_memory(server.wire)
                player.write(range(count))
                after = steady_memory(server.wire)
                self.needs[name, count] = Need(before, after, (after - before) / count)
            self.plan.note(f"{count:,} keys, {self.shape.name}, {name}: {after:,} bytes")
        return self.needs[name, count]

    def _play(self, run: Run) -> Outcome:
        trace, wanted, need = self.traces[run.trace], self._wanted(run), self._need(run.server, self._wanted(run))
        with self.plan.start(run.server) as server, Player(server.port, self.shape, self.keys) as player:
            limits = [run.limit or need.bytes]
            server.wire("CONFIG", "SET", "maxmemory", limits[0], "maxmemory-policy", run.rule.policy,
                        "maxmemory-samples", run.rule.samples)
            player.write(range(trace.numbers - wanted, trace.numbers))
            if run.rule.policy.endswith("-lfu"):
                wait_for_half_minute()
            began, hits, counted, held = time.monotonic(), 0, 0, []
            for number, (first, end) in enumerate(itertools.pairwise(spaced(len(trace.requests), STEPS))):
                found = player.play(trace.requests, first, end, self.rate)
                count = server.wire("DBSIZE")
                if number >= STEPS * WARM_UP:
                    hits, counted = hits + found, counted + end - first
                    held.append(count / wanted)
                if not run.limit:
                    # Clients' buffers, tables that grow or shrink and the allocator take their part, which changes.
                    limits.append(limits[-1] + round((wanted - count) * need.bytes_a_key / 2))
                    server.wire("CONFIG", "SET", "maxmemory", limits[-1])
            limit = round(statistics.mean(limits[-len(held) :]))
            outcome = Outcome(hits / counted, limit, statistics.mean(held), time.monotonic() - began)
        self.plan.note(f"{run.server}, {run.trace}, {run.share:.0%}, {run.rule}: {outcome}")
        return outcome


def wait_for_half_minute() -> None:
    """Counters of use fall when a minute of the clock ends: every run is to meet that half a minute after its start."""
    time.sleep((90 - time.time() % 60) % 60)


def spaced(end: int, parts: int) -> list[int]:
    return [end * part // parts for part in range(parts + 1)]


def steady_memory(wire: Wire) -> int:
    """Used bytes once they stand still: tables may still be growing."""
    last, steady = 0, 0
    while steady < 3:
        time.sleep(0.1)
        now = int(wire.info("memory")["used_memory"])
        steady = steady + 1 if abs(now - last) < 4096 else 0
        last = now
    return last


def supported(plan: Plan, names: list[str], rules: list[Rule]) -> dict[str, list[Rule]]:
    """Which of the rules each server knows."""
    found: dict[str, list[Rule]] = {}
    for name in names:
        with plan.start(name) as server:
            answers = server.wire.pipeline(*(("CONFIG", "SET", "maxmemory-policy", rule.policy) for rule in rules))
            found[name] = [rule for rule, answer in zip(rules, answers) if answer == b"OK"]
    return found


def compare(ratios: HitRatios, rules: list[Rule], shares: tuple[float, ...] = SHARES) -> list[list[str]]:
    """A row for each trace, share and rule: both servers' hit ratios with memory for as many keys, ours with the peer's
    bytes, and by how many percentage points ours are above. What only ours knows is held against the peer's best."""
    ours, peer = list(ratios.plan.servers)[:2]
    known = supported(ratios.plan, [ours, peer], rules)
    if not known[peer]:
        sys.exit(f"--policies: at least one that {peer} has as well, to compare with")
    outcomes: dict[Run, Outcome] = {}
    places = list(itertools.product(ratios.traces, shares))
    for rule in rules:
        names = [name for name in (ours, peer) if rule in known[name]]
        outcomes |= ratios.play([Run(name, *place, rule) for place in places for name in names])
    peers = {place: {rule: outcomes[Run(peer, *place, rule)] for rule in known[peer]} for place in places}
    best = {place: max(peers[place].values(), key=lambda outcome: outcome.ratio) for place in places}
    same: dict[tuple, list[Run]] = {}
    most = max(rule.samples for rule in rules)
    for place, rule in itertools.product(places, [rule for rule in rules if rule.samples == most]):
        limit = peers[place].get(rule, best[place]).limit
        same[place, rule] = [
            Run(name, *place, rule, limit if name == peer else ratios.same_bytes(ours, peer, place, limit))
            for name in (ours, peer) if rule in known[name]
        ]  # fmt: skip
    outcomes |= ratios.play([run for runs in same.values() for run in runs])
    rows = []
    for place, rule in itertools.product(places, rules):
        by_server = {run.server: outcomes[run] for run in same.get((place, rule), [])}
        mine, theirs = outcomes.get(Run(ours, *place, rule)), peers[place].get(rule)
        rows.append(row(place, rule, mine, theirs, best[place]) + bytes_cells(by_server.get(ours), by_server.get(peer)))
    return rows


HEADER = ["trace, share, policy, samples", "ours %", "peer %", "points", "to its best", "held % of keys wanted",
          "in MB", "ours %", "peer %", "points "]  # fmt: skip


def percent(outcome: Outcome | None) -> str:
    return f"{100 * outcome.ratio:.2f}" if outcome else "-"


def points(left: Outcome | None, right: Outcome | None) -> str:
    return f"{100 * (left.ratio - right.ratio):+.2f}" if left and right else "-"


def holds(outcome: Outcome | None) -> str:
    if not outcome:
        return "-"
    return f"{100 * outcome.held:.1f}" + ("!" if abs(outcome.held - 1) > TOLERANCE else "")


def row(place: tuple[str, float], rule: Rule, mine: Outcome | None, theirs: Outcome | None, best: Outcome) -> list[str]:
    return [
        f"{place[0]}, {place[1]:.0%}, {rule}", percent(mine), percent(theirs), points(mine, theirs),
        points(mine, best), f"{holds(mine)} / {holds(theirs)}",
    ]  # fmt: skip


def bytes_cells(mine: Outcome | None, theirs: Outcome | None) -> list[str]:
    limits = " / ".join(f"{one.limit / 1e6:.2f}" if one else "-" for one in (mine, theirs))
    return [limits, percent(mine), percent(theirs), points(mine, theirs)]

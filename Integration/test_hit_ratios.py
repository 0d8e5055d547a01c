"""How often a cache finds what it is asked for, beside Redis with memory for as many keys: tools/bench's traces, short."""

import itertools
import sys

import pytest

from harness import LONG, ORACLE, OURS, ROOT, Server

sys.path.insert(0, str(ROOT / "tools"))

from benchlib import hitratios, traces  # noqa: E402
from benchlib.wire import Wire  # noqa: E402

KEYS = 100_000 if LONG else 20_000
REQUESTS = 10 * KEYS
SHARE = 0.2
# What chance makes of a run this short.
MARGIN = 0.005 if LONG else 0.01
TRACES = {trace.name: trace for trace in traces.traces(KEYS, REQUESTS)}
NAMES = traces.key_names(2 * KEYS)


def hit_ratio(binary: str, trace: traces.Trace, policy: str) -> float:
    wanted = int(KEYS * SHARE)
    options = ["--maxmemory-policy", policy, "--maxmemory-samples", "10"]
    with Server(binary, *options) as server, traces.Player(server.port, traces.strings(), NAMES) as player:
        control = Wire(server.port)
        before = hitratios.steady_memory(control)
        player.write(range(trace.numbers - wanted, trace.numbers))
        bytes_a_key = (hitratios.steady_memory(control) - before) / wanted
        limit = int(control.info("memory")["used_memory"])
        hits = counted = 0
        for number, (first, end) in enumerate(itertools.pairwise(hitratios.spaced(len(trace.requests), 60))):
            control("CONFIG", "SET", "maxmemory", limit)
            found = player.play(trace.requests, first, end)
            limit += round((wanted - control("DBSIZE")) * bytes_a_key / 2)
            if number >= 20:
                hits, counted = hits + found, counted + end - first
        assert int(control.info("stats")["evicted_keys"]) > wanted
        control.close()
        return hits / counted


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
@pytest.mark.parametrize("name", TRACES)
def test_as_good_as_redis(name: str, policy: str) -> None:
    ours, theirs = (hit_ratio(binary, TRACES[name], policy) for binary in (OURS, ORACLE))
    assert ours >= theirs - MARGIN, f"{ours:.3%} where Redis has {theirs:.3%}"

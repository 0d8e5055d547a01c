"""Eviction: what a cache still finds at its limit, what evicting costs, and that nothing about it takes long."""

from collections.abc import Callable

from . import evictioncosts, memoryreturn, traces
from .hitratios import HEADER, SHARES, HitRatios, Rule, compare
from .sections import Plan

OWN = "allkeys-lrfu"  # the policy that only Needletail has
POLICIES = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "allkeys-lrm", OWN]
VOLATILE = ["volatile-ttl", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-lrm"]
SAMPLED = ("lru", "lfu")  # are also taken with Redis's default of 5
COLLECTIONS = ["allkeys-lru", "allkeys-lfu", OWN]


def eviction(plan: Plan) -> list[dict]:
    """Tables: a title, a header, rows."""
    tables = []
    for part in plan.parts or PARTS:
        tables += PARTS[part](plan)
    return tables


def rules(policies: list[str]) -> list[Rule]:
    few = [Rule(policy, 5) for policy in policies if policy.rpartition("-")[2] in SAMPLED]
    return few + [Rule(policy, 10) for policy in policies]


def ratio_table(plan: Plan, shape: traces.Shape, chosen: list[Rule], count: int, only: int | None = None) -> dict:
    played = traces.traces(count, 10 * count)[:only]
    rate = count / 5 if plan.rate is None else plan.rate or None
    found = compare(HitRatios(plan, played, shape, rate), chosen, SHARES)
    pace = f"{rate:,.0f} requests/s" if rate else "as fast as it can"
    return {"title": f"Hit ratios, {count:,} keys, {shape.name}, {pace}", "header": HEADER, "rows": found}


def keys_of(plan: Plan) -> int:
    return plan.keys or (20_000 if plan.quick else 100_000)


def hits(plan: Plan) -> list[dict]:
    return [ratio_table(plan, traces.strings(), rules(plan.policies or POLICIES), keys_of(plan))]


def volatile(plan: Plan) -> list[dict]:
    """Every key has a deadline, from one hour ahead to two."""
    chosen = [Rule(policy, 10) for policy in plan.policies or VOLATILE]
    return [ratio_table(plan, traces.strings(deadlines=True), chosen, keys_of(plan))]


def collections(plan: Plan) -> list[dict]:
    chosen = [Rule(policy, 10) for policy in plan.policies or COLLECTIONS]
    tables = [ratio_table(plan, shape, chosen, keys_of(plan), 2) for shape in (traces.hashes(), traces.lists())]
    return [*tables, *evictioncosts.collections(plan, OWN)]


def throughput(plan: Plan) -> list[dict]:
    return evictioncosts.strings(plan, OWN)


PARTS: dict[str, Callable[[Plan], list[dict]]] = {
    "hits": hits,
    "volatile": volatile,
    "throughput": throughput,
    "collections": collections,
    "halving": evictioncosts.halving,
    "large-set": evictioncosts.large_set,
    "saving": evictioncosts.saving,
    "readers": memoryreturn.readers,
    "defragmentation": memoryreturn.defragmentation,
}

"""Measuring one form after the other, at more and more connections."""

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable

from . import limits
from .forms import Form, Memory, Service
from .load import Load


@dataclasses.dataclass
class Plan:
    binaries: pathlib.Path
    counts: list[int]
    seconds: int  # of each measurement; one more goes before it
    rate: int  # requests a second of the paced load
    stop_at: int  # connections at which looking for a form's end stops
    deadline: float  # time.monotonic() after which nothing more is begun
    note: Callable[[str], None]


@dataclasses.dataclass
class Row:
    """One form at one number of connections under one load."""

    form: str
    connections: int
    load: str  # all: each asks again when answered; paced: so many a second, of all; few: ten of them, the others idle
    requests_per_second: float
    p50_us: float
    p99_us: float
    max_us: float
    cpu_us_per_request: float
    switches_per_request: float
    generator_core_share: float


@dataclasses.dataclass
class Cost:
    """What connections cost a form while they do nothing."""

    form: str
    connections: int
    private_bytes: float  # a connection
    page_table_bytes: float
    kernel_stack_bytes: float
    shared_bytes: int  # in all, and only once
    connects_per_second: float  # each asks one PING and leaves
    seconds_to_connect: float  # what was missing to this number


@dataclasses.dataclass
class End:
    """Where a form stopped, or why it was not led further."""

    form: str
    connections: int
    reason: str
    is_refusal: bool
    next_limits: list[limits.Limit]


@dataclasses.dataclass
class Results:
    rows: list[Row] = dataclasses.field(default_factory=list)
    costs: list[Cost] = dataclasses.field(default_factory=list)
    ends: list[End] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)


class OutOfTime(Exception):
    pass


def measure(forms: list[Form], plan: Plan) -> Results:
    results = Results()
    for form in forms:
        try:
            one_form(form, plan, results)
        except OutOfTime:
            plan.note(f"{form.label}: out of time")
            results.left_out.append(form.key)
    return results


def one_form(form: Form, plan: Plan, results: Results) -> None:
    check_time(plan)
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(Service(form, plan.binaries, plan.stop_at + 100, limits.service_descriptors()))
        load = stack.enter_context(Load(plan.binaries, service.port))
        load("fill")
        time.sleep(0.3)
        empty, mappings = service.memory(), service.mappings()
        open_count = 0
        for count in plan.counts:
            check_time(plan)
            plan.note(f"{form.label}: {count:,} connections")
            opened = load("connect", count - open_count, 64, 30)
            open_count += opened["connected"]
            if opened["refusal"] or open_count < count:
                reason = opened["refusal"] or "it took too long"
                results.ends.append(End(form.key, open_count, reason, True, []))
                return
            results.costs.append(cost(form, count, service, load, empty, opened["seconds"]))
            results.rows += loads(form, count, service, load, plan)
        results.ends.append(end(form, open_count, service, load, plan, empty, mappings))
        plan.note(f"{form.label}: {results.ends[-1].connections:,} connections, {results.ends[-1].reason}")


def check_time(plan: Plan) -> None:
    if time.monotonic() > plan.deadline:
        raise OutOfTime


def cost(form: Form, count: int, service: Service, load: Load, empty: Memory, seconds: float) -> Cost:
    time.sleep(0.5)
    now = service.memory()
    churn = load("churn", 32, 1)
    return Cost(
        form.key,
        count,
        private_bytes=(now.private - empty.private) / count,
        page_table_bytes=(now.page_tables - empty.page_tables) / count,
        kernel_stack_bytes=(now.stacks - empty.stacks) / count,
        shared_bytes=now.shared,
        connects_per_second=churn["connected"] / churn["seconds"],
        seconds_to_connect=seconds,
    )


def loads(form: Form, count: int, service: Service, load: Load, plan: Plan) -> list[Row]:
    asked = [("all", count, 0), ("paced", count, plan.rate)]
    if count > 10:
        asked.append(("few", 10, 0))
    return [row(form, count, name, active, rate, service, load, plan) for name, active, rate in asked]


def row(form: Form, count: int, name: str, active: int, rate: int, service: Service, load: Load, plan: Plan) -> Row:
    before = service.usage()
    found = load("run", active, 1, plan.seconds, 1, rate)
    used = service.usage().since(before)
    if found["wrong"] or found["lost"] or found["unanswered"]:
        raise RuntimeError(f"{form.label}, {count} connections, {name}: {found}")
    requests = max(1, found["requests"])
    return Row(
        form.key,
        count,
        name,
        requests_per_second=found["rate"],
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        max_us=found["max_us"],
        cpu_us_per_request=used.nanoseconds / 1000 / requests,
        switches_per_request=used.switches / requests,
        generator_core_share=found["generator_cpu"],
    )


def end(form: Form, count: int, service: Service, load: Load, plan: Plan, empty: Memory, mappings: int) -> End:
    """Leads a form on until it refuses a connection, or as far as this tool goes: never to where the machine itself has
    no process or memory left for others."""
    now = service.memory()
    a_connection = (now.private + now.kernel - empty.private - empty.kernel) / count
    following = limits.of(form, count, a_connection, (service.mappings() - mappings) / count)
    _, left = limits.tasks() if form.key in ("process", "thread") else ("", 1 << 30)
    _, available = limits.available_bytes()
    room = min(left * 2 // 3, int(available / 2 / max(1, a_connection)))
    goal = min(plan.stop_at, limits.descriptors() - 100, count + room)
    if goal <= count or form.is_slow:
        return End(form.key, count, "not led further", False, following)
    opened = load("connect", goal - count, 64, 30)
    reached = count + opened["connected"]
    if opened["refusal"]:
        reason = ", ".join(filter(None, [opened["refusal"].removeprefix("-ERR "), last_words(service)]))
        return End(form.key, reached, reason, True, following)
    reason = "as far as this tool goes" if reached >= goal else "as far as 30 s went"
    return End(form.key, reached, reason, False, following)


def last_words(service: Service) -> str:
    lines = [line for line in service.log().splitlines() if line.startswith("c10k: ")]
    return lines[-1].removeprefix("c10k: ") if lines else ""

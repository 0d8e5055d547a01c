"""What `huge-pages` gives and what it takes: the same server with and without, at sizes far beyond the caches."""

import contextlib
import pathlib
import re

from . import benchmark, wire
from .sections import NEEDLETAIL, Plan, get_load, set_load
from .servers import Server

VARIANTS = {f"huge-pages {value}": ["--huge-pages", value] for value in ("yes", "no")}


def huge_pages(plan: Plan) -> dict:
    """{"loads": {load: {variant: sample}}, "costs": {measure: {variant: figure}}}"""
    loads: dict = {}
    costs: dict = {}
    for count in [500_000] if plan.quick else [3_000_000, 10_000_000]:
        size = f"{count / 1e6:g} M"
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(plan.start(NEEDLETAIL, options, name)) for name, options in VARIANTS.items()]
            for server in servers:
                plan.note(f"loading {size} into {server.name}")
                for measure, figure in fill(server, count).items():
                    costs.setdefault(f"{measure}, {size}", {})[server.name] = figure
            chosen = [get_load(f"GET -P 64, {size}", 64), set_load(f"SET -P 64, {size}", 64)]
            for load in chosen:
                load.keys = count
            loads |= benchmark.interleaved(servers, chosen, plan.rounds, plan.seconds, plan.note)
    return {"loads": loads, "costs": costs}


def fill(server: Server, count: int) -> dict[str, float]:
    fresh = server.settled()
    server.wire("CONFIG", "RESETSTAT")
    wire.load_numbered(server.port, count)
    longest = float(server.wire.info("everything")["loop_command_max_usec"])
    resident = server.settled()
    return {
        "resident bytes a key": (resident - fresh) / count,
        "MB in huge pages": huge_bytes(server) / 1e6,
        "longest command while loading, us": longest,
    }


def huge_bytes(server: Server) -> int:
    text = pathlib.Path(f"/proc/{server.pid}/smaps_rollup").read_text()
    found = re.search(r"^AnonHugePages:\s+(\d+)", text, re.M)
    return int(found[1]) << 10 if found else 0

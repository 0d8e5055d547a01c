"""Measures Needletail beside Debian's Redis 7.0.15 and Redis 8.2.3, interleaved in one run: the servers on one core,
redis-benchmark on another. Installs what it needs."""

import argparse
import json
import pathlib
import platform
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from benchlib import active, bitmaps, crowds, eviction, expiry, hashes, hugepages, lists, persistence  # noqa: E402
from benchlib import report, sections, servers, sets, sortedsets  # noqa: E402

SECTIONS = {
    "throughput": sections.throughput,
    "memory": sections.memory,
    "connections": sections.connections,
    "active": active.active,
    "crowds": crowds.crowds,
    "latency": sections.latency,
    "expiry": expiry.expiry,
    "sets": sets.sets,
    "hashes": hashes.hashes,
    "lists": lists.lists,
    "sorted-sets": sortedsets.sorted_sets,
    "bitmaps": bitmaps.bitmaps,
    "persistence": persistence.persistence,
    "eviction": eviction.eviction,
    "huge-pages": hugepages.huge_pages,
}
QUICK = ["throughput", "memory"]


def names(text: str) -> list[str]:
    return text.split(",")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer loads, rounds and keys")
    parser.add_argument("--only", help=f"sections, separated by commas: {', '.join(SECTIONS)}")
    parser.add_argument("--persistence", action="store_const", dest="only", const="persistence", help="only that section")
    parser.add_argument("--rounds", type=int, help="interleaved runs of each load, of which the median counts (5; with --quick 3)")
    parser.add_argument("--seconds", type=float, help="length of one run (2; with --quick 0.5)")
    parser.add_argument("--server", help="this Needletail binary, instead of building one")
    parser.add_argument("--peers", default="8.2.3,7.0.15", help="which peers to run beside it")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    group = parser.add_argument_group("eviction")
    group.add_argument("--parts", type=names, help=f"of that section: {', '.join(eviction.PARTS)}")
    group.add_argument("--policies", type=names, help="whose hit ratios are taken (default: all that evict any key)")
    group.add_argument("--keys", type=int, help="that traces ask for (100,000); a run makes ten requests for each")
    group.add_argument("--rate", type=float, help="requests a second of each run (a fifth of the keys); 0: no limit")
    options = parser.parse_args()
    chosen = options.only.split(",") if options.only else QUICK if options.quick else list(SECTIONS)
    if unknown := [name for name in chosen if name not in SECTIONS]:
        parser.error(f"no such section: {', '.join(unknown)}")
    if unknown := [name for name in options.parts or [] if name not in eviction.PARTS]:
        parser.error(f"no such part of eviction: {', '.join(unknown)}")
    options.sections = chosen
    return options


def prepare(build: bool) -> None:
    """Packages, peers and, unless a binary was given, the release build."""
    steps = ["need_peer_packages", "need_python"] + (["need_build_packages", "build_server"] if build else [])
    script = "set -euo pipefail; source tools/lib/setup.sh; " + "; ".join(steps)
    subprocess.run(["bash", "-c", f'root=$PWD; {script}'], cwd=ROOT, check=True)


def note(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> int:
    options = arguments()
    prepare(build=options.server is None)
    binaries = {sections.NEEDLETAIL: options.server or str(ROOT / ".build/release/needletail-server")}
    for version in filter(None, options.peers.split(",")):
        binaries[f"Redis {version}"] = str(ROOT / f".build-python/bin/redis-server-{version.rpartition('.')[0]}")
    sections.raise_descriptor_limit()
    servers.stop_all_at_exit()
    if not servers.CAN_PIN:
        note("one core or no taskset: servers and load share what there is, so figures are rough")
    plan = sections.Plan(
        binaries,
        rounds=options.rounds or (3 if options.quick else 5),
        seconds=options.seconds or (0.5 if options.quick else 2.0),
        quick=options.quick,
        note=note,
        parts=options.parts,
        policies=options.policies,
        keys=options.keys,
        rate=options.rate,
    )
    data: dict = {"machine": platform.platform(), "rounds": plan.rounds}
    try:
        for name in options.sections:
            data[name] = SECTIONS[name](plan)
    finally:
        servers.stop_all()
        if options.json:
            options.json.write_text(json.dumps(data, indent=2) + "\n")
        print(report.render(data, list(binaries), options.markdown))
    return 0


sys.exit(main())

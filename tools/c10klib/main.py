"""Serves GET and SET in several forms (a process a connection, a thread a connection, Needletail's event loop, a bare
loop with and without a slow handler) and measures each from 10 to 10,000 connections: requests a second, latency,
processor time, context switches, memory, connections a second, and where it stops. The service has one core, the load
generator another; all is over in ten minutes. Prints tables, writes CSV and draws plots."""

import argparse
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from c10klib import forms, measure, plot, report  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/c10k", description=__doc__)
    parser.add_argument("--only", help=f"forms, separated by commas: {', '.join(form.key for form in forms.FORMS)}")
    parser.add_argument("--connections", default="10,100,1000,10000", help="numbers of connections, separated by commas")
    parser.add_argument("--seconds", type=int, default=2, help="length of each measurement (2)")
    parser.add_argument("--rate", type=int, default=20_000, help="requests a second of the paced load (20,000)")
    parser.add_argument("--stop-at", type=int, default=20_000, help="look no further for where a form stops (20,000)")
    parser.add_argument("--minutes", type=float, default=9, help="begin nothing after that (9)")
    parser.add_argument("--binaries", type=pathlib.Path, help="where c10k and needletail-server are, instead of building")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs", help="directory of CSV and plots (docs)")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    options = parser.parse_args()
    known = {form.key: form for form in forms.FORMS}
    chosen = options.only.split(",") if options.only else list(known)
    if unknown := [key for key in chosen if key not in known]:
        parser.error(f"no such form: {', '.join(unknown)}")
    options.forms = [known[key] for key in chosen]
    try:
        options.counts = sorted({int(text) for text in options.connections.split(",")})
    except ValueError:
        parser.error("--connections: numbers, separated by commas")
    if options.counts[0] < 10 or options.seconds < 1 or options.rate < 1:
        parser.error("at least 10 connections, one second and one request a second")
    return options


def build() -> pathlib.Path:
    script = "set -euo pipefail; source tools/lib/setup.sh; need_build_packages; build_server; build_c10k"
    subprocess.run(["bash", "-c", f"root=$PWD; {script}"], cwd=ROOT, check=True)
    return ROOT / ".build/release"


def note(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> int:
    options = arguments()
    binaries = (options.binaries or build()).resolve()
    forms.stop_all_at_exit()
    if not forms.CAN_PIN:
        note("one core: services and load share it, so figures are rough")
    deadline = time.monotonic() + options.minutes * 60
    plan = measure.Plan(binaries, options.counts, options.seconds, options.rate, options.stop_at, deadline, note)
    try:
        results = measure.measure(options.forms, plan)
    finally:
        forms.stop_all()
    print(report.render(results, options.forms, options.rate, options.markdown))
    options.output.mkdir(parents=True, exist_ok=True)
    table = options.output / "concurrency.csv"
    report.write_csv(results, table)
    plot.draw(report.read_csv(table), options.forms, options.output)
    return 0


sys.exit(main())

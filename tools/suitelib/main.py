"""Runs units of Redis 7.0.15's Tcl suite against Needletail and counts test by test.

Each unit runs against Needletail and, when that has not been done before, against Redis 7.0.15, to know which tests it
has, and against Redis 8.2.3: what that fails too is what newer servers do otherwise. A test that needs a command which
does not exist yet, or that was never reached, is skipped as well, with the reason. Tests that passed stand in
Integration/redis-suite/MODE: one that no longer passes is a failure, --write adds new ones.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import report
import results
import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUITE = ROOT / ".build-suite"
# No single test takes as long; what waits for replies that will not come does.
IDLE_SECONDS = 60
UNITS = """
unit/protocol unit/type/string unit/type/incr unit/type/list unit/type/list-2 unit/type/list-3 unit/type/set
unit/type/hash unit/type/zset unit/sort unit/bitops unit/bitfield unit/multi unit/limits unit/querybuf unit/expire
unit/keyspace unit/scan unit/introspection unit/introspection-2 unit/info unit/info-command unit/slowlog
unit/latency-monitor unit/other unit/dump unit/client-eviction unit/obuf-limits unit/networking unit/oom-score-adj
unit/replybufsize unit/violations unit/lazyfree unit/pause unit/maxmemory unit/memefficiency
""".split()
# These look at buffers of Redis's own sizes: their counts are told and no test is expected to pass.
COUNTED_ONLY = ["unit/replybufsize", "unit/querybuf", "unit/client-eviction"]
SHORT_UNITS = """
unit/protocol unit/type/string unit/type/incr unit/type/hash unit/sort unit/bitfield unit/keyspace unit/scan
""".split()


class Runner:
    """Runs one unit in one mode against one server."""

    def __init__(self, mode: str, server: servers.Server, timeout: float, port: int) -> None:
        self.mode = mode
        self.server = server
        self.timeout = timeout
        self.port = port

    def place(self) -> pathlib.Path:
        return SUITE / "runs" / self.server.name / self.mode

    def once(self, unit: str) -> results.Record:
        """The record there is, or a new one."""
        path = self.place() / f"{unit.replace('/', '-')}.record"
        return results.Record.read(path) if path.exists() else self.run(unit)

    def run(self, unit: str) -> results.Record:
        place = self.place()
        place.mkdir(parents=True, exist_ok=True)
        name = unit.replace("/", "-")
        record, log = place / f"{name}.record", place / f"{name}.log"
        record.unlink(missing_ok=True)
        command = ["tclsh", "tests/test_helper.tcl", "--single", unit, "--clients", "1", "--durable"]
        command += ["--baseport", str(self.port + 100), "--portcount", "400", "--timeout", str(int(self.timeout))]
        environment = dict(os.environ, NEEDLETAIL_SUITE=str(ROOT / "tools/suitelib/harness.tcl"))
        environment |= {"NEEDLETAIL_RECORD": str(record), "TERM": "dumb"} | self.server.environment()
        began = time.monotonic()
        with log.open("wb") as output, self.server.external(self.mode, self.port, place) as external:
            command += external
            process = subprocess.Popen(
                command, cwd=SUITE / "src", env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True)
            try:
                stuck = self.wait(process, record)
            finally:
                end_group(process)
        read = results.Record.read(record)
        read.seconds = time.monotonic() - began
        if stuck:
            read.outside.append(stuck)
        return read

    def wait(self, process: subprocess.Popen, record: pathlib.Path) -> str:
        """Why the unit has to be ended; nothing when it ended."""
        began = time.monotonic()
        while time.monotonic() - began < self.timeout:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                return ""
            if record.exists() and time.time() - record.stat().st_mtime > IDLE_SECONDS:
                return f"no test ended for {IDLE_SECONDS} s"
        return f"no end within {self.timeout:.0f} s"


def end_group(process: subprocess.Popen) -> None:
    """The harness and every server it started are one process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def arguments_given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("units", nargs="*", metavar="UNIT", help="as in unit/type/list; by default all that count")
    parser.add_argument("--mode", choices=["own", "external", "both"], default="both",
                        help="own: the suite starts the servers; external: it is given a running one")
    parser.add_argument("--short", action="store_true",
                        help="units that take seconds, and only whether what is expected passes")
    parser.add_argument("--write", action="store_true", help="adds what passed to the lists of expected tests")
    parser.add_argument("--table", action="store_true", help="prints README's table of the last counts; runs nothing")
    parser.add_argument("--timeout", type=float, default=300, help="seconds a unit may take")
    parser.add_argument("--port", type=int, help="500 ports from here are used; by default some that are free")
    parser.add_argument("--server", type=pathlib.Path, default=ROOT / ".build/release/needletail-server")
    parser.add_argument("--quiet", action="store_true", help="counts, regressions and what is not explained, only")
    return parser.parse_args()


def main() -> int:
    arguments = arguments_given()
    counted = report.Counted(SUITE / "counts.json")
    if arguments.table:
        print(counted.table(UNITS, COUNTED_ONLY), end="")
        return 0
    units = arguments.units or (SHORT_UNITS if arguments.short else UNITS)
    modes = ["own", "external"] if arguments.mode == "both" else [arguments.mode]
    port = arguments.port or servers.free_block()
    ours, others = servers.needletail(arguments.server), [servers.redis7(), servers.redis8(ROOT)]
    explanations = report.Explanations(ROOT / "Integration/redis-suite/explained.toml")
    regressions = 0
    for mode in modes[:1] if arguments.short else modes:
        runner = Runner(mode, ours, arguments.timeout, port)
        for unit in units:
            expected = report.Expected(ROOT / "Integration/redis-suite" / mode, unit)
            record = runner.run(unit)
            compared = [results.Record(), results.Record()]
            if not arguments.short:
                compared = [Runner(mode, server, arguments.timeout, port).once(unit) for server in others]
            judged = results.judge(*compared, record)
            explanations.explain(unit, mode, judged)
            counts = report.Counts(judged)
            print(f"{mode} {unit}: {counts} ({record.seconds:.0f} s)", flush=True)
            if not arguments.short:
                counted.note(mode, unit, counts)
                report.show(judged, arguments.quiet or unit in COUNTED_ONLY)
            missing = expected.missing(judged)
            if missing:
                # Some tests depend on the machine's pace: what passes the second time has not been lost.
                missing &= expected.missing(results.judge(*compared, runner.run(unit)))
            for name in sorted(missing):
                print(f"  NO LONGER PASSES {unit}: {name}")
            regressions += len(missing)
            if arguments.write and unit not in COUNTED_ONLY:
                expected.add(judged)
    return 1 if regressions else 0


if __name__ == "__main__":
    sys.exit(main())

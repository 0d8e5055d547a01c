"""Counts, and the lists of tests that are expected to pass."""

import dataclasses
import fnmatch
import json
import pathlib
import tomllib

import results


@dataclasses.dataclass
class Counts:
    passed: int
    failed: int
    explained: int
    skipped: int

    def __init__(self, judged: list[results.Result]) -> None:
        self.passed, self.failed, self.skipped = (
            sum(1 for result in judged if result.outcome == outcome) for outcome in ("passed", "failed", "skipped"))
        self.explained = sum(1 for result in judged if result.outcome == "failed" and result.explanation)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed ({self.explained} explained), {self.skipped} skipped"


class Counted:
    """A file with the last counts of each unit in each mode."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.counts = json.loads(path.read_text()) if path.exists() else {}

    def note(self, mode: str, unit: str, counts: Counts) -> None:
        self.counts.setdefault(mode, {})[unit] = dataclasses.asdict(counts)
        self.path.write_text(json.dumps(self.counts, indent=1))

    def table(self, units: list[str], counted_only: list[str]) -> str:
        rows = [
            [f"{unit} (counts only)" if unit in counted_only else unit]
            + [self.cell([unit], mode) for mode in ("own", "external")]
            for unit in units]
        rows.append(["all"] + [self.cell(units, mode) for mode in ("own", "external")])
        return "| unit | own servers | a running server |\n|---|---:|---:|\n" + "".join(
            f"| {' | '.join(row)} |\n" for row in rows)

    def cell(self, units: list[str], mode: str) -> str:
        """Of all units together that were counted: passed, failed and skipped."""
        found = [counts for unit in units if (counts := self.counts.get(mode, {}).get(unit))]
        return " / ".join(str(sum(counts[name] for counts in found)) for name in ("passed", "failed", "skipped"))


def show(judged: list[results.Result], briefly: bool) -> None:
    """Failures one by one, skipped tests by their reasons; briefly: only failures that nothing explains."""
    reasons: dict[str, list[str]] = {}
    for result in judged:
        if result.outcome == "failed" and result.explanation:
            if not briefly:
                print(f"  failed as explained {result.name}: {result.explanation}")
        elif result.outcome == "failed" or (result.outcome == "note" and not briefly):
            print(f"  {result.outcome} {result.name}: {result.reason}")
        elif result.outcome == "skipped":
            reasons.setdefault(result.explanation or result.reason, []).append(result.name)
    for reason, names in reasons.items():
        if not briefly or reason.startswith(results.NOT_REACHED):
            print(f"  skipped {len(names)}: {reason}")


class Explanations:
    """Why tests fail, or are not reached, that are not going to pass: entries with a unit, tests (globs), a reason and
    perhaps a mode."""

    def __init__(self, path: pathlib.Path) -> None:
        self.entries = tomllib.loads(path.read_text())["explanation"]

    def explain(self, unit: str, mode: str, judged: list[results.Result]) -> None:
        entries = [entry for entry in self.entries if entry["unit"] == unit and entry.get("mode", mode) == mode]
        for result in judged:
            for entry in entries:
                if any(fnmatch.fnmatchcase(result.name, glob) for glob in entry["tests"]):
                    result.explanation = entry["why"]


class Expected:
    """The tests of one unit that are expected to pass: a sorted file, a name a line. Tests are only ever added."""

    def __init__(self, folder: pathlib.Path, unit: str) -> None:
        self.path = folder / f"{unit.removeprefix('unit/').replace('/', '-')}.txt"
        self.names = set(self.path.read_text().splitlines()) if self.path.exists() else set()

    def missing(self, judged: list[results.Result]) -> set[str]:
        return self.names - passed(judged)

    def add(self, judged: list[results.Result]) -> None:
        self.names |= passed(judged)
        if self.names:
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text("".join(f"{name}\n" for name in sorted(self.names)))


def passed(judged: list[results.Result]) -> set[str]:
    return {result.name.replace("\n", "\\n") for result in judged if result.outcome == "passed"}

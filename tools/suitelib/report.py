"""Counts, and the lists of tests that are expected to pass."""

import fnmatch
import pathlib
import tomllib

import results


class Counts:
    def __init__(self, judged: list[results.Result] = ()) -> None:
        self.passed, self.failed, self.skipped = (
            sum(1 for result in judged if result.outcome == outcome) for outcome in ("passed", "failed", "skipped"))
        self.explained = sum(1 for result in judged if result.outcome == "failed" and result.explanation)

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.explained += other.explained

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed ({self.explained} explained), {self.skipped} skipped"


def show(judged: list[results.Result]) -> None:
    """Failures one by one, skipped tests by their reasons."""
    reasons: dict[str, list[str]] = {}
    for result in judged:
        if result.outcome == "failed" and result.explanation:
            print(f"  failed as explained {result.name}: {result.explanation}")
        elif result.outcome in ("failed", "note"):
            print(f"  {result.outcome} {result.name}: {result.reason}")
        elif result.outcome == "skipped":
            reasons.setdefault(result.reason, []).append(result.name)
    for reason, names in reasons.items():
        print(f"  skipped {len(names)}: {reason}")


class Explanations:
    """Why tests fail that are not going to pass: entries with a unit, tests (globs) and a reason."""

    def __init__(self, path: pathlib.Path) -> None:
        self.entries = tomllib.loads(path.read_text())["explanation"]

    def explain(self, unit: str, judged: list[results.Result]) -> None:
        for result in judged:
            for entry in self.entries:
                if entry["unit"] == unit and any(fnmatch.fnmatchcase(result.name, glob) for glob in entry["tests"]):
                    result.explanation = entry["why"]


class Expected:
    """A file of lines `unit: test`, in order. Tests are only ever added."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.lines = path.read_text().splitlines() if path.exists() else []

    def missing(self, unit: str, judged: list[results.Result]) -> list[str]:
        passed = {f"{unit}: {result.name}" for result in judged if result.outcome == "passed"}
        return [line for line in self.lines if line.startswith(f"{unit}: ") and line not in passed]

    def add(self, unit: str, judged: list[results.Result]) -> None:
        known = set(self.lines)
        self.lines += [
            line for result in judged if result.outcome == "passed" and (line := f"{unit}: {result.name}") not in known]

    def write(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text("".join(f"{line}\n" for line in sorted(self.lines, key=lambda line: line.split(": ")[0])))

"""What the harness recorded, and what it says about each test."""

import dataclasses
import pathlib
import re

NOT_REACHED = "not reached"
UNKNOWN = [
    (re.compile(r"unknown command '([^']*)'", re.I), "command {}"),
    (re.compile(r"unknown command `([^`']*)[`']", re.I), "command {}"),
    (re.compile(r"unknown subcommand or wrong number of arguments for '([^']*)'", re.I), "subcommand {}"),
    (re.compile(r"unknown subcommand '([^']*)'", re.I), "subcommand {}"),
    (re.compile(r"This server does not replicate()"), "replication"),
    (re.compile(r"nothing is evicted yet()"), "eviction"),
    (re.compile(r"there is no (append-only file|replication|cluster|TLS) yet"), "{}"),
    (re.compile(r"Unknown option or number of arguments for CONFIG SET - '([^']*)'"), "setting {}"),
]


@dataclasses.dataclass
class Result:
    """passed, failed or skipped; the reason is a line."""

    name: str
    outcome: str
    reason: str = ""
    # Of what is known and meant to stay.
    explanation: str = ""


@dataclasses.dataclass
class Record:
    """Tests by name, in order. A name that comes again gets a number."""

    tests: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    outside: list[str] = dataclasses.field(default_factory=list)
    died: list[str] = dataclasses.field(default_factory=list)
    seconds: float = 0

    @staticmethod
    def read(path: pathlib.Path) -> "Record":
        record = Record()
        if not path.exists():
            record.outside.append("nothing was recorded")
            return record
        seen: dict[str, int] = {}
        for line in path.read_text(errors="replace").split("\n")[:-1]:
            status, name, message = (unescape(part) for part in line.split("\t"))
            if status == "died":
                record.died.append(name)
            elif not name:
                record.outside.append(message)
            else:
                seen[name] = seen.get(name, 0) + 1
                record.tests[name if seen[name] == 1 else f"{name} #{seen[name]}"] = (status, message)
        return record


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"t": "\t", "n": "\n", "r": "\r"}.get(found[1], found[1]), text)


def judge(redis7: Record, redis8: Record, record: Record) -> list[Result]:
    """One result for each test that Redis or Needletail ran."""
    judged = []
    for name, (status, message) in record.tests.items():
        if is_repeated(name, redis7):
            continue
        if status == "ok":
            judged.append(Result(name, "passed"))
        elif status in ("skip", "ignore"):
            judged.append(Result(name, "skipped", message.removeprefix(f"{name}: ")))
        elif missing := not_built(message):
            judged.append(Result(name, "skipped", missing))
        elif redis7.tests.get(name, ("ok", ""))[0] == "err":
            judged.append(Result(name, "skipped", "Redis 7.0.15 itself fails"))
        elif redis8.tests.get(name, ("ok", ""))[0] == "err":
            judged.append(Result(name, "skipped", "Redis 8.2.3 fails too"))
        else:
            judged.append(Result(name, "failed", reason(message)))
    causes = [not_built(message) or reason(message) for message in record.outside]
    for name in redis7.tests:
        if name not in record.tests:
            judged.append(Result(name, "skipped", f"{NOT_REACHED}: {causes[0] if causes else 'no cause recorded'}"))
    for cause in causes:
        judged.append(Result("(outside of tests)", "note", cause))
    for name in record.died:
        judged.append(Result(name, "note", "the server ended"))
    return judged


def is_repeated(name: str, redis7: Record) -> bool:
    """Whether the harness ran a test once more, as it does when a server could not be started at first."""
    plain = re.sub(r" #\d+$", "", name)
    return name not in redis7.tests and plain != name and plain in redis7.tests


def not_built(message: str) -> str:
    for pattern, what in UNKNOWN:
        if found := pattern.search(message):
            return "not built: " + what.format(found[1].lower())
    return ""


def reason(message: str) -> str:
    """The message without the line that names the test, cut to a length to be read."""
    lines = message.split("\n")
    if " in tests/" in lines[0]:
        lines = lines[1:]
    text = " / ".join(line.strip() for line in lines[:4] if line.strip())
    return re.sub(r" \(context: type .*", "", text)[:300]

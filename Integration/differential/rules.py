"""When two replies agree."""

import fnmatch
import pathlib
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .grammar import Command
from .replies import Simple, elements_of, pairs_of, value_of
from .generator import Request

DIFFERENCES = pathlib.Path(__file__).resolve().parent.parent / "differences.toml"

# Tips that make a reply a matter of chance, but it is none in the test.
EXACT = {"object|encoding"}
# Unordered without a tip that says so.
UNORDERED = {"config|get", "acl|cat"}
# Chance, identity or time without a tip that says so.
BY_KIND = {"client|id", "client|getredir", "lolwut", "acl|genpass", "acl|log", "xinfo|stream"}
# Arrays that are pairs in RESP2.
PAIRS = {"config|get", "hgetall"}
# Moments and spans of time: in milliseconds or seconds.
TIMES = re.compile(r"h?p?(ttl|expiretime)$")
# What connections are compared by.
OPEN, CLOSED = b"(open)", b"(closed)"
# How far apart the servers may be, which are asked one after the other.
TOLERANCE_MILLISECONDS = 3_000


class Rules:
    """Decides about pairs of replies."""

    def __init__(self, commands: Sequence[Command], path: pathlib.Path = DIFFERENCES):
        table = tomllib.loads(path.read_text())
        entries = [entry for entry in table["difference"] if "commands" in entry]
        self.differences = [entry for entry in entries if "compare" in entry]
        self.excluded = table["excluded"]
        self.commands = {command.name: command for command in commands}
        alone = [pattern for entry in entries if entry.get("alone") for pattern in entry["commands"]]
        self.alone = {command.words[0] for command in commands if matches(command.name, alone)}

    def excludes(self, name: str) -> str | None:
        """Why random commands leave a command out."""
        for entry in self.excluded:
            if matches(name, entry["commands"]):
                return entry["why"]
        return None

    def command_of(self, request: Request) -> Command | None:
        name = request[0].decode("latin-1").lower()
        command = self.commands.get(name)
        if command and command.is_container and len(request) > 1:
            return self.commands.get(f"{name}|{request[1].decode('latin-1').lower()}", command)
        return command

    def agree(self, request: Request, ours: bytes, theirs: bytes) -> bool:
        if ours == theirs:
            return True
        command = self.command_of(request)
        if command is None:
            return False
        name, tips = command.name, command.tips
        for entry in self.differences:
            concerns = matches(name, entry["commands"])
            if concerns and re.search(entry.get("request", "").encode(), b" ".join(request)):
                if agree_but_for(entry, ours, theirs):
                    return True
        # From here on, an error is an error, and the same one.
        if ours[:1] == b"-" or theirs[:1] == b"-":
            return False
        if name in EXACT:
            return False
        if TIMES.match(name):
            return are_close(value_of(ours), value_of(theirs), in_seconds=name.lstrip("h")[0] != "p")
        if name in UNORDERED or "nondeterministic_output_order" in tips:
            return unordered(name, ours) == unordered(name, theirs)
        if name in BY_KIND or "nondeterministic_output" in tips:
            return same_shape(value_of(ours), value_of(theirs))
        return False

    def agree_in_transaction(self, queue: Sequence[Request], ours: bytes, theirs: bytes) -> bool:
        """Of EXEC: each reply by the rules of its command."""
        if ours == theirs:
            return True
        if ours[:1] != b"*" or theirs[:1] != b"*" or ours[:3] == b"*-1" or theirs[:3] == b"*-1":
            return False
        our_replies, their_replies = elements_of(ours), elements_of(theirs)
        return len(our_replies) == len(their_replies) == len(queue) and all(
            self.agree(*triple) for triple in zip(queue, our_replies, their_replies)
        )


def matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def agree_but_for(entry: dict[str, Any], ours: bytes, theirs: bytes) -> bool:
    match entry["compare"]:
        case "nothing":
            return True
        case "ours":
            return re.search(entry["ours"].encode(), ours, re.S) is not None
        case "theirs":
            return re.search(entry["theirs"].encode(), theirs, re.S) is not None
        case "open":
            return {ours, theirs} == {OPEN, CLOSED}
        case "shape":
            return same_shape(value_of(ours), value_of(theirs))
        case "fields":
            left_out = {field.encode() for field in entry["fields"]}
            if not all(reply[:1] in b"*%" for reply in (ours, theirs)):
                return False
            return fields_without(left_out, ours) == fields_without(left_out, theirs)
        case other:
            raise ValueError(f"differences.toml: compare = {other!r}")


def fields_without(left_out: set[bytes], reply: bytes) -> list[tuple[Any, Any]]:
    return [(key, item) for key, item in pairs_of(value_of(reply)) if key not in left_out]


def are_close(ours: Any, theirs: Any, in_seconds: bool) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(are_close(a, b, in_seconds) for a, b in zip(ours, theirs))
    if type(ours) is not int or type(theirs) is not int:
        return ours == theirs
    if ours < 0 or theirs < 0:
        return ours == theirs
    return abs(ours - theirs) <= (TOLERANCE_MILLISECONDS // 1000 if in_seconds else TOLERANCE_MILLISECONDS)


def unordered(name: str, reply: bytes) -> Any:
    """The members of the outermost array, set or map, whatever their order."""
    value = value_of(reply)
    if not isinstance(value, list):
        return value
    return Counter(map(repr, pairs_of(value) if name in PAIRS else value))


def same_shape(ours: Any, theirs: Any) -> bool:
    """Whether both are the same kind of reply; arrays may have different numbers of elements, also none."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, Simple):
        return ours.kind == theirs.kind
    if isinstance(ours, list):
        return not ours or not theirs or all(map(same_shape, ours, theirs))
    return not isinstance(ours, tuple) or all(map(same_shape, ours, theirs))

"""The commands that both servers know, with their arguments, as the running servers tell them."""

import dataclasses
from typing import Any

from harness import Connection, Server

from .replies import Map, pairs_of, value_of


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument as COMMAND DOCS describes it."""

    name: str
    type: str
    token: bytes | None
    flags: frozenset[str]
    arguments: tuple["Argument", ...]


@dataclasses.dataclass(frozen=True)
class Command:
    """A command or a subcommand."""

    name: str  # "config|get"
    words: tuple[bytes, ...]  # what a request starts with
    group: str
    flags: frozenset[str]
    tips: frozenset[str]
    arguments: tuple[Argument, ...]
    is_container: bool

    @property
    def is_write(self) -> bool:
        return "write" in self.flags


def text_of(value: Any) -> str:
    return (value if isinstance(value, bytes) else value.text).decode("latin-1")


def fields_of(value: Any) -> dict[str, Any]:
    return {text_of(key): item for key, item in pairs_of(value)}


def arguments_of(docs: dict[str, Any]) -> tuple[Argument, ...]:
    found = []
    for entry in docs.get("arguments", []):
        fields = fields_of(entry)
        found.append(
            Argument(
                name=text_of(fields["name"]),
                type=text_of(fields["type"]),
                token=fields.get("token"),
                flags=frozenset(text_of(flag) for flag in fields.get("flags", [])),
                arguments=arguments_of(fields),
            )
        )
    return tuple(found)


def ask(server: Server, *request: str) -> Any:
    """One command in RESP3 on a connection of its own."""
    with server.connect() as client:
        connection = Connection(client)
        connection.call("HELLO", 3)
        return value_of(connection.call(*request))


def known_names(server: Server) -> list[str]:
    return [text_of(name) for name in ask(server, "COMMAND", "LIST")]


def load(ours: Server, oracle: Server) -> list[Command]:
    """Every command and subcommand that both servers know, in order of their names, so that a seed means the same
    everywhere. Their arguments are Redis's: ours may have newer ones (test_command_tables.py compares the rest)."""
    shared = sorted(set(known_names(ours)) & set(known_names(oracle)))
    infos: dict[str, Any] = {}
    for row in ask(oracle, "COMMAND", "INFO", *shared):
        infos[text_of(row[0])] = row
    docs: dict[str, dict[str, Any]] = {}
    for name, entry in ask(oracle, "COMMAND", "DOCS", *[name for name in shared if "|" not in name]):
        docs[text_of(name)] = fields_of(entry)
        for subname, subentry in docs[text_of(name)].get("subcommands", Map()):
            docs[text_of(subname)] = fields_of(subentry)
    commands = []
    for name in shared:
        row = infos[name]
        commands.append(
            Command(
                name=name,
                words=tuple(word.upper().encode() for word in name.split("|")),
                group=text_of(docs[name]["group"]),
                flags=frozenset(text_of(flag) for flag in row[2]),
                tips=frozenset(text_of(tip) for tip in row[7]),
                arguments=arguments_of(docs[name]),
                is_container=bool(row[9]),
            )
        )
    return commands

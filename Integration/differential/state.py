"""All that a server stores."""

import dataclasses
from typing import Any

from .pair import Endpoint, encoded
from .replies import elements_of, pairs_of, value_of

DATABASES = 16
# How the value of each type is read.
CONTENTS = {
    b"string": [b"GET", b"key"],
    b"list": [b"LRANGE", b"key", b"0", b"-1"],
    b"set": [b"SMEMBERS", b"key"],
    b"zset": [b"ZRANGE", b"key", b"0", b"-1", b"WITHSCORES"],
    b"hash": [b"HGETALL", b"key"],
    b"stream": [b"XRANGE", b"key", b"-", b"+"],
}


@dataclasses.dataclass
class Stored:
    """One key's value and what belongs to it."""

    type: bytes
    encoding: bytes
    expires_milliseconds: int  # since 1970; -1: never
    contents: Any

    def differs(self, other: "Stored", tolerance_milliseconds: int, encodings: bool) -> str | None:
        """The first thing that is not the same; encodings only if asked for."""
        if self.type != other.type:
            return f"type {self.type!r}, {other.type!r}"
        if self.contents != other.contents:
            return f"contents {short(self.contents)}, {short(other.contents)}"
        if encodings and self.encoding != other.encoding:
            return f"encoding {self.encoding!r}, {other.encoding!r}"
        expiries = self.expires_milliseconds, other.expires_milliseconds
        if min(expiries) < 0 and expiries[0] != expiries[1] or abs(expiries[0] - expiries[1]) > tolerance_milliseconds:
            return f"expiry {expiries[0]}, {expiries[1]}"
        return None


State = dict[tuple[int, bytes], Stored]


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:200]}... ({len(text)} characters)"


def snapshot(endpoint: Endpoint) -> State:
    """Everything, read on a connection that is then in database 0."""
    state: State = {}
    questions = [request for n in range(DATABASES) for request in ([b"SELECT", b"%d" % n], [b"KEYS", b"*"])]
    listed = call(endpoint, *questions)
    for database in range(DATABASES):
        keys = sorted(value_of(listed[2 * database + 1]))
        if keys:
            call(endpoint, [b"SELECT", b"%d" % database])
            read_keys(endpoint, database, scanned(endpoint, keys), state)
    call(endpoint, [b"SELECT", b"0"])
    return state


def read_keys(endpoint: Endpoint, database: int, keys: list[bytes], state: State) -> None:
    questions = [[b"TYPE"], [b"OBJECT", b"ENCODING"], [b"PEXPIRETIME"]]
    answers = [value_of(reply) for reply in call(endpoint, *([*words, key] for key in keys for words in questions))]
    types = [kind.text for kind in answers[::3]]
    requests = [[key if word == b"key" else word for word in CONTENTS[kind]] for key, kind in zip(keys, types)]
    contents = call(endpoint, *requests)
    for index, key in enumerate(keys):
        _, encoding, expiry = answers[3 * index : 3 * index + 3]
        state[database, key] = Stored(types[index], encoding, expiry, in_order(types[index], contents[index]))


def in_order(kind: bytes, reply: bytes) -> Any:
    """A value whose order is not part of it, sorted; a set or map of RESP3 as an array."""
    value = value_of(reply)
    if kind == b"set":
        return sorted(value)
    if kind == b"hash":
        return sorted(map(tuple, pairs_of(value)))
    return value


def scanned(endpoint: Endpoint, keys: list[bytes]) -> list[bytes]:
    """A scan in small steps gives every key, but those whose time has come meanwhile; the rest."""
    found: set[bytes] = set()
    cursor = b"0"
    for _ in range(100 + 10 * len(keys)):
        cursor_reply, keys_reply = elements_of(call(endpoint, [b"SCAN", cursor, b"COUNT", b"3"])[0])
        cursor = value_of(cursor_reply)
        found.update(value_of(keys_reply))
        if cursor == b"0":
            break
    lost = set(keys) - found
    if lost:
        lost &= set(value_of(call(endpoint, [b"KEYS", b"*"])[0]))
    if cursor != b"0" or lost or not found <= set(keys):
        raise AssertionError(f"SCAN found {sorted(found)}, KEYS {keys}")
    return sorted(found)


def call(endpoint: Endpoint, *requests: list[bytes]) -> list[bytes]:
    endpoint.send(b"".join([encoded(request) for request in requests]))
    replies = endpoint.replies(len(requests))
    if len(replies) != len(requests):
        raise ConnectionError(f"{len(replies)} of {len(requests)} replies about the state")
    return replies


def difference(ours: State, theirs: State, tolerance_milliseconds: int, encodings: bool = True) -> str | None:
    """The first difference of two states in words."""
    for place in sorted(ours.keys() ^ theirs.keys()):
        holder = "ours" if place in ours else "the other's"
        return f"database {place[0]}: only {holder} has {place[1]!r}"
    for place in sorted(ours):
        if what := ours[place].differs(theirs[place], tolerance_milliseconds, encodings):
            return f"database {place[0]}, {short(place[1])}: {what}"
    return None


def digest(endpoint: Endpoint) -> bytes | None:
    """DEBUG DIGEST; None where there is none."""
    (reply,) = call(endpoint, [b"DEBUG", b"DIGEST"])
    return None if reply[:1] == b"-" else reply

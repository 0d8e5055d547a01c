"""RESP2 and RESP3 replies: where one ends, and what it says."""

from typing import Any, NamedTuple

LINES = frozenset(b"+-:_,#(")
BULKS = frozenset(b"$=!")
ARRAYS = frozenset(b"*~>")
MAP, ATTRIBUTE, PUSH = b"%|>"


def end_of_reply(data: bytearray, start: int) -> int:
    """Where the reply at `start` ends; -1 when the rest of it has not come yet."""
    missing, position, size = 1, start, len(data)
    find = data.find
    while missing:
        line_end = find(b"\r\n", position)
        if line_end < 0:
            return -1
        kind = data[position]
        if kind in BULKS:
            length = int(data[position + 1 : line_end])
            position = line_end + 2 if length < 0 else line_end + length + 4
            if position > size:
                return -1
            missing -= 1
        elif kind in LINES:
            position = line_end + 2
            missing -= 1
        else:
            count = int(data[position + 1 : line_end])
            position = line_end + 2
            if kind == MAP:
                missing += 2 * count - 1
            elif kind == ATTRIBUTE:
                missing += 2 * count  # It goes before the element it belongs to.
            elif kind in ARRAYS:
                missing += max(count, 0) - 1
            else:
                raise ValueError(f"no reply: {bytes(data[start : start + 80])!r}")
    return position


class Simple(NamedTuple):
    """A status, an error, a double, a big number or a verbatim string: its kind, and its text."""

    kind: str
    text: bytes


class Map(list):
    """The pairs of a map, in the order in which they came."""


class Set(list):
    """The members of a set, in the order in which they came."""


def parse(reply: bytes, position: int = 0) -> tuple[Any, int]:
    """The value at `position` (None, int, bool, bytes, list or one of the above), and where it ends."""
    line_end = reply.index(b"\r\n", position)
    kind, head, following = reply[position : position + 1], reply[position + 1 : line_end], line_end + 2
    if kind == b"$":
        if head == b"-1":
            return None, following
        end = following + int(head)
        return reply[following:end], end + 2
    if kind == b":":
        return int(head), following
    if kind == b"_":
        return None, following
    if kind == b"#":
        return head == b"t", following
    if kind in b"=!":
        end = following + int(head)
        return Simple(kind.decode(), reply[following:end]), end + 2
    if kind in b"*~>%|":
        if head == b"-1":
            return None, following
        is_map = kind in b"%|"
        items: list[Any] = []
        for _ in range(int(head) * (2 if is_map else 1)):
            item, following = parse(reply, following)
            items.append(item)
        if kind == b"~":
            return Set(items), following
        if is_map:
            return Map(zip(items[::2], items[1::2])), following
        return items, following
    return Simple(kind.decode(), head), following


def value_of(reply: bytes) -> Any:
    return parse(reply)[0]


def pairs_of(value: Any) -> list[tuple[Any, Any]]:
    """A map as RESP3 or RESP2 gives it."""
    return list(value) if isinstance(value, Map) else list(zip(value[::2], value[1::2]))


def elements_of(reply: bytes) -> list[bytes]:
    """The replies an array consists of, unparsed."""
    data = bytearray(reply)
    position = data.index(b"\r\n") + 2
    found = []
    while position < len(data):
        end = end_of_reply(data, position)
        found.append(reply[position:end])
        position = end
    return found

"""Traces for a cache, and a client that plays them: a read of each key, and a write where that found nothing."""

import array
import dataclasses
import itertools
import random
import socket
import time

from .wire import encode

WINDOW = 64  # reads sent at once


@dataclasses.dataclass
class Trace:
    """Which keys are asked for, by number, one after the other."""

    name: str
    keys: int  # by which a cache's share is counted
    numbers: int  # those that occur are below
    requests: array.array


def zipf(rng: random.Random, keys: int, requests: int, exponent: float = 0.99) -> array.array:
    """The key of rank r with a probability in proportion to 1 / r ** exponent. Complexity: O(requests · log keys)."""
    weights = list(itertools.accumulate(rank**-exponent for rank in range(1, keys + 1)))
    drawn = array.array("I")
    for first in range(0, requests, 1 << 20):
        drawn.extend(rng.choices(range(keys), cum_weights=weights, k=min(1 << 20, requests - first)))
    return drawn


def with_scans(popular: array.array, keys: int, again: int | None = None) -> array.array:
    """Now and then something else reads on through records of its own, as many as there are popular keys, each of its
    reads between two others': a quarter of all requests, in bursts of a fifth of the keys.

    `again`: it comes back to each record once, after so many requests (it changes what it has read, say, or reads another
    part). Keys that are asked for once only are no harm to any policy that counts; these are."""
    length, lag = max(1, keys // 5), again // 4 if again else 0
    mixed, at, scanned = array.array("I"), 0, 0
    while at < len(popular):
        mixed.extend(popular[at : at + 2 * length])
        at += 2 * length
        burst = popular[at : at + length]
        at += len(burst)
        # Each position in the burst is a new record's, or in turn a new one's and that of `lag` before.
        steps = [(0, lag)] * (len(burst) // 2 + 1) if lag else [(0,)] * len(burst)
        reads = [keys + (scanned + number - back) % keys for number, turn in enumerate(steps) for back in turn]
        scanned += len(steps)
        mixed.extend(itertools.chain.from_iterable(zip(burst, reads)))
    return mixed


def shifting(popular: array.array, keys: int) -> array.array:
    """The order of popularity turns by a twentieth of the keys each time that as many requests as there are keys have
    been made: what was most asked for is then asked for least, and what was seldom asked for most."""
    step = max(1, keys // 20)
    moved = array.array("I")
    for phase, first in enumerate(range(0, len(popular), keys)):
        offset = phase * step
        moved.extend([(number + offset) % keys for number in popular[first : first + keys]])
    return moved


def traces(keys: int, requests: int, seed: int = 1) -> list[Trace]:
    """Those that eviction is judged by."""
    popular = zipf(random.Random(seed), keys, requests)
    # Three popular requests become four.
    part = popular[: requests * 3 // 4]
    return [
        Trace("Zipf 0.99", keys, keys, popular),
        Trace("Zipf with scans", keys, 2 * keys, with_scans(part, keys)),
        Trace("Zipf with scans, twice", keys, 2 * keys, with_scans(part, keys, again=1000)),
        Trace("shifting hot set", keys, keys, shifting(popular, keys)),
    ]


@dataclasses.dataclass
class Shape:
    """What is cached under a key, and how it is read and written. All replies of a kind are alike, so that counting
    them is a search for their bytes."""

    name: str
    read: tuple[bytes, ...]  # the command up to and without its key
    read_rest: tuple[bytes, ...]
    hit: bytes
    miss: bytes
    write: tuple[bytes, ...]
    write_rest: tuple[bytes, ...]
    written: bytes
    deadlines: bool = False  # writes end in PX and a time


def strings(size: int = 16, deadlines: bool = False) -> Shape:
    value = b"x" * size
    hit = b"$%d\r\n%s\r\n" % (size, value)
    return Shape(f"{size}-byte values", (b"GET",), (), hit, b"$-1\r\n", (b"SET",), (value,), b"+OK\r\n", deadlines)


def hashes(fields: int = 10) -> Shape:
    pairs = tuple(part for field in range(fields) for part in (b"field:%d" % field, b"x" * 16))
    hit = b"$16\r\n" + b"x" * 16 + b"\r\n"
    return Shape(
        f"hashes of {fields} fields", (b"HGET",), (pairs[-2],), hit, b"$-1\r\n", (b"HSET",), pairs, b":%d\r\n" % fields
    )


def lists(elements: int = 100) -> Shape:
    hit = b"$16\r\n" + b"x" * 16 + b"\r\n"
    return Shape(
        f"lists of {elements} elements", (b"LINDEX",), (b"%d" % (elements // 2),), hit, b"$-1\r\n",
        (b"RPUSH",), (b"x" * 16,) * elements, b":%d\r\n" % elements,
    )


KEY_MARK = b"\0" * 16


def around_key(before: tuple[bytes, ...], after: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """A command's bytes before and after its key of 16 bytes."""
    head, _, tail = encode((*before, KEY_MARK, *after)).partition(KEY_MARK)
    return head, tail


def key_names(numbers: int) -> list[bytes]:
    return [b"key:%012d" % number for number in range(numbers)]


def lifetime(number: int) -> int:
    """Milliseconds that a key lives, from one hour to two, always the same for a key."""
    return 3_600_000 + number * 2_654_435_761 % 3_600_000


class Player:
    """Plays traces over one connection; reads go in windows, before each the writes that the one before it asked for."""

    def __init__(self, port: int, shape: Shape, keys: list[bytes]):
        """`keys`: by number."""
        self.shape = shape
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.keys = keys
        self.head, self.tail = around_key(shape.read, shape.read_rest)
        if shape.deadlines:
            parts = (around_key(shape.write, (*shape.write_rest, b"PX", b"%d" % lifetime(n))) for n in range(len(keys)))
            self.writes = [head + name + tail for (head, tail), name in zip(parts, self.keys)]
        else:
            head, tail = around_key(shape.write, shape.write_rest)
            self.writes = None
            self.write_head, self.write_tail = head, tail
        self.missed: list[int] = []

    def play(self, requests: array.array, first: int, end: int, rate: float | None = None) -> int:
        """How many of the requests found their key. `rate`: so many a second at most."""
        hits, began = 0, time.monotonic()
        for start in range(first, end, WINDOW):
            if rate and (wait := began + (start - first) / rate - time.monotonic()) > 0:
                time.sleep(wait)
            hits += self._window(requests[start : min(end, start + WINDOW)])
        return hits

    def write(self, numbers: range) -> None:
        """Writes keys that are not there yet. Also of use when nobody asks for them: the last of them are then what a
        cache is full of at first."""
        for start in range(numbers.start, numbers.stop, WINDOW):
            self.missed = list(range(start, min(numbers.stop, start + WINDOW)))
            self._window(array.array("I"))
        self._window(array.array("I"))

    def _window(self, window: array.array) -> int:
        names, missed = self.keys, self.missed
        written = len(missed) * len(self.shape.written)
        reads = self.head + (self.tail + self.head).join(map(names.__getitem__, window)) + self.tail if window else b""
        self.socket.sendall(self._writes(missed) + reads)
        marks = self._replies(written, len(window))
        # One write for a key, however often a window asks for it.
        self.missed = list(dict.fromkeys(itertools.compress(window, map(b"-".__contains__, marks))))
        return marks.count(b"+")

    def _writes(self, numbers: list[int]) -> bytes:
        if not numbers:
            return b""
        if self.writes:
            return b"".join(map(self.writes.__getitem__, numbers))
        head, tail = self.write_head, self.write_tail
        return head + (tail + head).join(map(self.keys.__getitem__, numbers)) + tail

    def _replies(self, written: int, count: int) -> bytes:
        """A plus for each key found, a minus for each that was not."""
        data = b""
        shape = self.shape
        while True:
            if len(data) >= written:
                marks = data[written:].replace(shape.hit, b"+").replace(shape.miss, b"-")
                if len(marks) == count and not marks.strip(b"+-"):
                    break
            try:
                more = self.socket.recv(1 << 18)
            except TimeoutError:
                raise RuntimeError(f"not what a cache answers: {data[:100]!r}") from None
            if not more:
                raise ConnectionError("the server closed the connection")
            data += more
        if data[:written].replace(shape.written, b""):
            raise RuntimeError(f"a write was refused: {data[:100]!r}")
        return marks

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

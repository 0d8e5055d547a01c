"""Talking to a server: a small client, and loaders that fill a keyspace as fast as one socket takes it."""

import array
import random
import socket
import threading

Reply = bytes | int | list | None | Exception

BATCH = 20_000  # records a chunk: some 1 MB, so that Python's share of the time stays small


class Wire:
    """One RESP2 connection that sends a command and reads its reply."""

    def __init__(self, port: int, timeout: float = 120):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def __call__(self, *args: object) -> Reply:
        reply = self.pipeline(args)[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def pipeline(self, *commands: tuple) -> list[Reply]:
        self.socket.sendall(b"".join(encode(command) for command in commands))
        return [self._read() for _ in commands]

    def info(self, section: str = "") -> dict[str, str]:
        text = self("INFO", section) if section else self("INFO")
        lines = (line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        return {name: value for name, value in lines}

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def _read(self) -> Reply:
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._read() for _ in range(int(rest))]
        raise ConnectionError(f"not a reply: {line!r}")


def encode(args: tuple) -> bytes:
    parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Records:
    """Requests of one shape and length, made by the thousand: a template whose variable columns are overwritten by
    strided copies, which costs about a nanosecond a byte where formatting costs a microsecond a request."""

    def __init__(self, *args: bytes):
        self.template = encode(args)
        self.length = len(self.template)

    def column(self, argument: bytes) -> int:
        """Where an argument's placeholder starts in the template."""
        return self.template.index(argument)

    def fill(self, count: int, fields: dict[int, list[bytes]]) -> bytearray:
        """`fields` maps a column to one bytes object (of `count` bytes) for each byte position from there."""
        chunk = bytearray(self.template * count)
        for start, positions in fields.items():
            for offset, values in enumerate(positions):
                chunk[start + offset :: self.length] = values
        return chunk


def numbered(count: int, first: int, digits: int = 12) -> list[bytes]:
    """Decimal numbers from `first`, as columns."""
    text = b"".join(b"%0*d" % (digits, number) for number in range(first, first + count))
    return [text[position::digits] for position in range(digits)]


def random_columns(rng: random.Random, count: int, width: int) -> list[bytes]:
    return [rng.randbytes(count) for _ in range(width)]


DIGITS = bytes(ord("0") + value % 10 for value in range(256))
FIRST_DIGITS = bytes(ord("1") + value % 9 for value in range(256))


def random_digits(rng: random.Random, count: int, width: int) -> list[bytes]:
    """Numbers of exactly `width` digits, as columns."""
    columns = random_columns(rng, count, width)
    return [column.translate(DIGITS if index else FIRST_DIGITS) for index, column in enumerate(columns)]


class Stream:
    """Sends chunks while a thread drains the replies; leaving the block waits until all were answered.
    An error reply ends the run: a load that half failed is worth nothing."""

    def __init__(self, port: int, reply_length: int = len(b"+OK\r\n")):
        self.wire = Wire(port)
        self.reply_length = reply_length
        self.expected = 0
        self.received = 0
        self.error = ""
        self.done = False
        self.changed = threading.Condition()

    def __enter__(self) -> "Stream":
        threading.Thread(target=self._drain, daemon=True).start()
        return self

    def send(self, chunk: bytes | bytearray, records: int) -> None:
        self.expected += records * self.reply_length
        self.wire.socket.sendall(chunk)

    def __exit__(self, kind: type | None, *_: object) -> None:
        with self.changed:
            while kind is None and not self.done and self.received < self.expected:
                if not self.changed.wait(120):
                    self.error = "no reply for two minutes"
                    break
        self.wire.close()
        if self.error and kind is None:
            raise RuntimeError(f"loading failed: {self.error}")

    def _drain(self) -> None:
        buffer = bytearray(1 << 20)
        view = memoryview(buffer)
        try:
            while size := self.wire.socket.recv_into(buffer):
                minus = buffer.find(b"-", 0, size)
                with self.changed:
                    if minus >= 0:
                        self.error = bytes(view[minus : min(size, minus + 100)]).decode("latin-1")
                        break
                    self.received += size
                    self.changed.notify()
        except OSError:
            pass
        with self.changed:
            self.done = True
            self.error = self.error or ("closed by the server" if self.received < self.expected else "")
            self.changed.notify()


def load_numbered(port: int, count: int, prefix: bytes = b"key:", value: bytes = b"x" * 16) -> None:
    """SET prefix + 12 digits for every number below `count`: the keys that redis-benchmark's __rand_int__ draws."""
    records = Records(b"SET", prefix + b"0" * 12, value)
    start = records.column(prefix) + len(prefix)
    with Stream(port) as stream:
        for first in range(0, count, BATCH):
            size = min(BATCH, count - first)
            stream.send(records.fill(size, {start: numbered(size, first)}), size)


class RandomKeys:
    """Keys of 16 random bytes, the same for the same seed, in batches that can be made again and again."""

    WIDTH = 16
    MARK = b"K" * WIDTH

    def __init__(self, seed: int):
        self.seed = seed

    def columns(self, batch: int) -> list[bytes]:
        return random_columns(random.Random(f"{self.seed} {batch}"), BATCH, self.WIDTH)

    def blob(self, count: int) -> bytearray:
        """The first `count` keys, one after the other."""
        blob = bytearray()
        for batch in range((count + BATCH - 1) // BATCH):
            chunk = bytearray(self.WIDTH * BATCH)
            for position, column in enumerate(self.columns(batch)):
                chunk[position :: self.WIDTH] = column
            blob += chunk
        return blob[: count * self.WIDTH]


def load_random(port: int, keys: RandomKeys, first: int, end: int, kind: str) -> None:
    """SET for keys `first`..<`end` (multiples of BATCH), with values by `kind`: `random` bytes, small `integers`, or
    random bytes and a far `expiry`."""
    value, deadline = (b"7" * 4 if kind == "integers" else b"V" * 16), b"8" * 6
    records = Records(b"SET", keys.MARK, value, *((b"EX", deadline) if kind == "expiry" else ()))
    with Stream(port) as stream:
        for batch in range(first // BATCH, end // BATCH):
            rng = random.Random(batch)
            fields = {records.column(keys.MARK): keys.columns(batch)}
            fields[records.column(value)] = (
                random_digits(rng, BATCH, 4) if kind == "integers" else random_columns(rng, BATCH, 16)
            )
            if kind == "expiry":
                fields[records.column(deadline)] = random_digits(rng, BATCH, 6)
            stream.send(records.fill(BATCH, fields), BATCH)


def shuffled(blob: bytearray, width: int, seed: int) -> list[bytes]:
    """The keys of a blob in random order."""
    order = array.array("I", range(len(blob) // width))
    random.Random(seed).shuffle(order)
    return [bytes(blob[index * width : index * width + width]) for index in order]


def send_each(port: int, keys: list[bytes], head: bytes, tail: bytes, reply_length: int) -> None:
    """One request a key: `head`, the key, `tail`."""
    with Stream(port, reply_length) as stream:
        for first in range(0, len(keys), BATCH):
            batch = keys[first : first + BATCH]
            stream.send(head + (tail + head).join(batch) + tail, len(batch))

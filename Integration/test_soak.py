"""A soak under mixed load with a memory limit, saves and expiry on: every reply is checked against what the key's name says
it must be, memory stays flat, and nothing leaks. Five minutes with NEEDLETAIL_LONG=1."""

import asyncio
import collections
import contextlib
import os
import random
import statistics
import time

from harness import LONG, OURS, Server, encode, eventually

SECONDS = 300 if LONG else 14
# Memory may grow that long; from then on it is flat.
SETTLING = 60 if LONG else 6
CLIENTS = 30
MEMORY_LIMIT = (48 if LONG else 16) << 20
# Of strings, which are most of the memory: more than fits under the limit, or what is soon held when there is none.
KEYS_LIMITED, KEYS_UNLIMITED = 200_000, 30_000 if LONG else 4_000
SMALL_KEYS = 300  # of each collection type


def value_of(number: int) -> bytes:
    """A string key's value follows from its name; one in a thousand is large."""
    size = 100_000 if number % 1000 == 999 else number * 7919 % 1500
    return (b"%d:" % number) * (size // 8 + 1)


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


NULL = b"$-1\r\n"
ZERO_OR_ONE = (b":0\r\n", b":1\r\n")
Expectation = tuple[bytes, ...] | None  # one of these; None: any integer


class Soak:
    def __init__(self, server: Server, key_count: int, seed: int):
        self.server, self.key_count = server, key_count
        self.chance = random.Random(seed)
        self.end = time.monotonic() + SECONDS
        self.checked = 0
        self.expiring = 0
        # Keys with a deadline that has been set for certain, and when that is past for certain.
        self.overdue: collections.deque[tuple[float, bytes]] = collections.deque(maxlen=10_000)

    def request(self, deadlines: list[tuple[float, bytes]]) -> tuple[bytes, Expectation]:
        """A request, and what it may be answered: whatever was there may have been evicted, but is never another.
        Seconds and key of one that expires are added to `deadlines`."""
        number = self.chance.randrange(self.key_count)
        small = self.chance.randrange(SMALL_KEYS)
        member = self.chance.randrange(200)
        word = b"member:%d" % member
        match self.chance.randrange(20):
            case 0 | 1 | 2 | 3 | 4:
                return encode("SET", f"s:{number}", value_of(number)), (b"+OK\r\n",)
            case 5 | 6 | 7 | 8:
                return encode("GET", f"s:{number}"), (NULL, bulk(value_of(number)))
            case 9:
                return encode("DEL", f"s:{number}"), ZERO_OR_ONE
            case 10:
                return encode("HSET", f"h:{small}", f"field:{member}", word), ZERO_OR_ONE
            case 11:
                return encode("HGET", f"h:{small}", f"field:{member}"), (NULL, bulk(word))
            case 12:
                return encode("ZADD", f"z:{small}", member, word), ZERO_OR_ONE
            case 13:
                return encode("ZSCORE", f"z:{small}", word), (NULL, bulk(b"%d" % member))
            case 14:
                return encode("RPUSH", f"l:{small}", f"element of {small}"), None
            case 15:
                return encode("LPOP", f"l:{small}"), (NULL, bulk(b"element of %d" % small))
            case 16:
                return encode("SADD", f"set:{small}", word), ZERO_OR_ONE
            case 17:
                kind = self.chance.choice(["h", "z", "l", "set"])
                if self.chance.random() < 0.05:
                    return encode("EXPIRE", f"{kind}:{small}", self.chance.randrange(1, 5)), ZERO_OR_ONE
                return encode("EXISTS", f"{kind}:{small}"), ZERO_OR_ONE
            case 18:
                self.expiring += 1
                name, milliseconds = b"x:%d" % self.expiring, self.chance.randrange(1, 3000)
                deadlines.append((milliseconds / 1000, name))
                return encode("SET", name, name * 10, "PX", milliseconds), (b"+OK\r\n",)
            case _:
                if self.overdue and self.overdue[0][0] < time.monotonic():
                    return encode("GET", self.overdue.popleft()[1]), (NULL,)
                return encode("DBSIZE"), None

    async def client(self) -> None:
        while time.monotonic() < self.end:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, limit=1 << 20)
            for _ in range(self.chance.randrange(1, 200)):
                await self.exchange(reader, writer)
                if time.monotonic() > self.end:
                    break
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deadlines: list[tuple[float, bytes]] = []
        asked = [self.request(deadlines) for _ in range(self.chance.choice([1, 10, 50]))]
        writer.write(b"".join(request for request, _ in asked))
        for request, wanted in asked:
            check(request, await asyncio.wait_for(reply(reader), 30), wanted)
        self.checked += len(asked)
        now = time.monotonic()
        self.overdue.extend((now + seconds, name) for seconds, name in deadlines)

    async def watch(self) -> list[tuple[float, int]]:
        """Seconds since the start, and resident bytes then."""
        start, sizes = time.monotonic(), []
        while time.monotonic() < self.end:
            sizes.append((time.monotonic() - start, self.server.resident()))
            await asyncio.sleep(0.25)
        return sizes

    async def run(self) -> list[tuple[float, int]]:
        sizes, *_ = await asyncio.gather(self.watch(), *(self.client() for _ in range(CLIENTS)))
        return sizes


async def reply(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readuntil(b"\r\n")
    if line[:1] == b"$" and line != NULL:
        return line + await reader.readexactly(int(line[1:]) + 2)
    return line


def check(request: bytes, answer: bytes, wanted: Expectation) -> None:
    right = answer in wanted if wanted else answer[:1] == b":"
    assert right, f"{request[:200]!r} was answered {answer[:200]!r}"


def test_soak() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    with Server(OURS, "--save", "3 100", "--maxmemory-policy", "allkeys-lru") as server:
        is_limited = server.call("CONFIG", "SET", "maxmemory", MEMORY_LIMIT) == b"+OK\r\n"
        descriptors = len(os.listdir(f"/proc/{server.pid}/fd"))
        soak = Soak(server, KEYS_LIMITED if is_limited else KEYS_UNLIMITED, seed)
        sizes = asyncio.run(soak.run())
        assert server.alive(), server.log()[-3000:]
        assert soak.checked > 1000 * SECONDS
        assert eventually(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= descriptors + 1, 10)
        assert eventually(lambda: server.info("rdb_bgsave_in_progress") == "0", 20)
        assert server.info("rdb_last_bgsave_status") == "ok" and int(server.info("rdb_saves")) > SECONDS // 6
        assert int(server.info("expired_keys")) > 0
        if is_limited:
            assert int(server.info("evicted_keys")) > 0
            assert int(server.info("used_memory")) < MEMORY_LIMIT * 1.1
        check_flat(sizes)
        check_file(server)


def check_flat(sizes: list[tuple[float, int]]) -> None:
    """What the end has on top of the time just after settling is noise: views of saves come and go."""
    early = [size for at, size in sizes if SETTLING <= at < SETTLING + (SECONDS - SETTLING) / 4]
    late = [size for at, size in sizes if at > SECONDS - (SECONDS - SETTLING) / 4]
    before, after = statistics.median(early), statistics.median(late)
    print(f"resident: {before / 1e6:.1f} MB, then {after / 1e6:.1f} MB")
    assert after < before * 1.1 + (4 << 20), f"{before / 1e6:.1f} MB, then {after / 1e6:.1f} MB"


def check_file(server: Server) -> None:
    """What was saved can be loaded, and no unfinished file is left."""
    assert server.call("SAVE") == b"+OK\r\n"
    count = int(server.call("DBSIZE")[1:])
    left = {path.name for path in server.directory.iterdir()} - {"log"}
    assert left == {"dump.rdb"}, left
    server.process.kill()
    server.process.wait()
    server.start()
    assert eventually(lambda: server.info("loading") == "0")
    # Some expire meanwhile.
    assert count - 3000 <= int(server.call("DBSIZE")[1:]) <= count

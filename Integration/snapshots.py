"""What the tests of snapshots and payloads share: the servers, random keys, comparing."""

import os
import pathlib
import random
import time

import redis

from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually

REDIS7 = str(pathlib.Path(ORACLE).with_name("redis-server-7.0"))
BINARIES = {"ours": OURS, "redis 8.2": ORACLE, "redis 7.0": REDIS7}
PEERS = [name for name in BINARIES if name != "ours"]
COUNT = 1_000_000 if LONG else 100_000

# Database, key, value, expiry in Unix milliseconds.
Keys = list[tuple[int, bytes, bytes, int | None]]


def start(binary: str, directory: pathlib.Path, *options: str, waits: bool = True) -> Server:
    """A server in a directory that outlives it, with what is there loaded."""
    server = Server(binary, "--dir", str(directory), *options)
    assert not waits or eventually(lambda: loaded(server), 60)
    return server


def make_keys(count: int = COUNT) -> Keys:
    generator = random.Random(int(os.environ.get("NEEDLETAIL_SEED", 20)))
    now = int(time.time() * 1000)
    edges = [0, 127, 128, -128, -129, 32767, 32768, -32768, -32769, 12345678901]
    edges += [2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63)]
    found = {}
    for number in range(count):
        kind = generator.randrange(8)
        if kind == 0:
            value = str(generator.choice(edges)).encode()
        elif kind == 1:
            value = str(generator.randrange(-(2**40), 2**40)).encode()
        elif kind == 2:
            value = generator.choice([b"007", b"-0", b"+1", b" 1", b"", b"\r\n\0", b"99999999999999999999"])
        elif kind == 3:
            value = bytes([generator.randrange(97, 100)]) * generator.randrange(1, 300)
        elif kind == 4:
            value = generator.randbytes(generator.randrange(100))
        else:
            value = generator.randbytes(generator.randrange(20)).hex().encode()
        key = b"%d" % generator.randrange(10**6) if number % 5 == 0 else b"key:%d:" % number + generator.randbytes(4)
        expiry = now + generator.randrange(10**6, 10**12) if generator.randrange(3) == 0 else None
        found[(generator.choice([0, 0, 0, 1, 15]), key)] = (value, expiry)
    for size in (1023, 1024, 1025, 16383, 16384, 65535, 65536, 300_000, 3_000_000):
        found[(0, b"random:%d" % size)] = (generator.randbytes(size), None)
        found[(0, b"same:%d" % size)] = (b"ab" * (size // 2), now + 10**9)
        found[(1, b"k" * size)] = (b"a long key", now + 10**9)
    return [(database, key, value, expiry) for (database, key), (value, expiry) in found.items()]


def fill(server: Server, keys: Keys) -> None:
    with server.connect(60) as client:
        connection = Connection(client)
        for database in {key[0] for key in keys}:
            connection.call("SELECT", database)
            requests = [
                encode("SET", key, value, *(("PXAT", expiry) if expiry else ()))
                for number, key, value, expiry in keys
                if number == database
            ]
            for first in range(0, len(requests), 1000):
                part = requests[first : first + 1000]
                assert set(connection.send(b"".join(part), len(part))) == {b"+OK\r\n"}


def contents(server: Server) -> dict[tuple[int, bytes], tuple[bytes, int]]:
    found = {}
    for database in (0, 1, 15):
        with redis.Redis(port=server.port, db=database, socket_timeout=60) as client:
            names = list(client.scan_iter(count=1000))
            for first in range(0, len(names), 1000):
                part = names[first : first + 1000]
                pipe = client.pipeline(transaction=False)
                for name in part:
                    pipe.get(name)
                    pipe.execute_command("PEXPIRETIME", name)
                replies = pipe.execute()
                for name, value, expiry in zip(part, replies[::2], replies[1::2]):
                    found[(database, name)] = (value, expiry)
    return found


def loaded(server: Server) -> bool:
    return server.call("GET", "x")[:8] != b"-LOADING"


def dump(server: Server, value: object) -> bytes:
    server.call("SET", "dumped", value)
    reply = server.call("DUMP", "dumped")
    server.call("DEL", "dumped")
    return reply[reply.index(b"\r\n") + 2 : -2]


def crc64(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x95AC9329AC4BC9B5 if crc & 1 else crc >> 1
    return crc


def sealed(body: bytes, version: int = 6) -> bytes:
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")

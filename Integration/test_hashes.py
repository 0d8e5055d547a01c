"""Hashes in snapshots and payloads: exchanged with Redis 7.0 and 8.2, written in the background under full load, damaged."""

import os
import pathlib
import random
from collections.abc import Iterator

import pytest

from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually
from snapshots import BINARIES, PEERS, sealed, start

DEBUG = ("--enable-debug-command", "yes")
SIZES = [1, 2, 10, 40, 100, 511, 512, 513, 3000]
Hash = dict[bytes, bytes]


def texts() -> list[bytes]:
    """What packed forms, snapshots and old encodings treat differently."""
    edges = [0, 1, -1, 12, 13, 53, 54, 127, 128, -128, -129, 4095, 4096, 32767, 32768, -32769, 2**23 - 1, 2**23, -(2**23)]
    edges += [2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**47, -(2**47) - 1, 2**63 - 1, -(2**63)]
    odd = [b"", b"007", b"-0", b"+1", b" 1", b"1.0", b"\r\n\0", b"\xff\x00", b"9223372036854775808", b"\xc3\xa9"]
    return [b"%d" % edge for edge in edges] + odd


def make_hashes(seed: int = 6) -> dict[bytes, Hash]:
    generator = random.Random(int(os.environ.get("NEEDLETAIL_SEED", seed)))
    found = {b"edges": {text: text for text in texts()}, b"turned": dict(zip(texts(), reversed(texts())))}
    for size in SIZES:
        found[b"plain:%d" % size] = {b"field:%d" % number: b"value:%d" % number for number in range(size)}
        found[b"numbers:%d" % size] = {
            b"%d" % (number * number): b"%d" % generator.randrange(-(2**40), 2**40) for number in range(size)
        }
        found[b"random:%d" % size] = {
            generator.randbytes(8) + b"%d" % number: generator.randbytes(generator.randrange(64)) for number in range(size)
        }
    for count in (63, 64, 65, 191, 192, 253, 254, 255, 16383, 16384, 65535, 65536, 300_000):
        found[b"value:%d" % count] = {b"f": b"ab" * (count // 2) + b"c" * (count % 2), b"g": b"1"}
        found[b"field:%d" % count] = {generator.randbytes(count): b"x"}
    return found


def fill(server: Server, hashes: dict[bytes, Hash]) -> None:
    with server.connect(60) as client:
        connection = Connection(client)
        for key, fields in hashes.items():
            pairs = [part for pair in fields.items() for part in pair]
            assert connection.call("HSET", key, *pairs) == b":%d\r\n" % len(fields)
        connection.call("PEXPIRE", "plain:10", 10**9)


def digest(server: Server) -> bytes:
    return server.call("DEBUG", "DIGEST")


@pytest.fixture(scope="module")
def hashes() -> dict[bytes, Hash]:
    return make_hashes()


@pytest.mark.parametrize("options", [[], ["--rdbcompression", "no"], ["--hash-max-listpack-entries", "0"]], ids=str)
def test_our_file(hashes: dict[bytes, Hash], tmp_path: pathlib.Path, options: list[str]) -> None:
    with start(OURS, tmp_path, *DEBUG, *options) as server:
        fill(server, hashes)
        expected = digest(server)
        assert server.call("SAVE") == b"+OK\r\n"
    for name, binary in BINARIES.items():
        with start(binary, tmp_path, *DEBUG) as server:
            assert digest(server) == expected, name
            assert server.call("HLEN", "random:513") == b":513\r\n"


@pytest.mark.parametrize("options", [[], ["--rdbcompression", "no"], ["--hash-max-ziplist-entries", "0"]], ids=str)
@pytest.mark.parametrize("peer", PEERS)
def test_their_file(hashes: dict[bytes, Hash], tmp_path: pathlib.Path, peer: str, options: list[str]) -> None:
    with start(BINARIES[peer], tmp_path, *DEBUG, *options) as server:
        fill(server, hashes)
        expected = digest(server)
        assert server.call("SAVE") == b"+OK\r\n"
    with start(OURS, tmp_path, *DEBUG) as server:
        assert digest(server) == expected
        # By its own settings, whatever the file's packed form was.
        for key, encoding in ((b"plain:512", b"listpack"), (b"plain:513", b"hashtable"), (b"value:65", b"hashtable")):
            assert server.call("OBJECT", "ENCODING", key).split(b"\r\n")[1] == encoding


@pytest.mark.parametrize("peer", PEERS)
def test_payloads(hashes: dict[bytes, Hash], peer: str) -> None:
    with Server(OURS, *DEBUG) as ours, Server(BINARIES[peer], *DEBUG) as other:
        for source, target in ((ours, other), (other, ours), (ours, ours)):
            source.call("FLUSHALL")
            fill(source, hashes)
            if source is not target:
                target.call("FLUSHALL")
            with source.connect(60) as first, target.connect(60) as second:
                out, into = Connection(first), Connection(second)
                for key in hashes:
                    reply = out.call("DUMP", key)
                    payload = reply[reply.index(b"\r\n") + 2 : -2]
                    assert into.call("RESTORE", key, 0, payload, "REPLACE") == b"+OK\r\n", key
                    out.call("PERSIST", key)  # an expiry is part of the digest
                    assert into.call("DEBUG", "DIGEST-VALUE", key) == out.call("DEBUG", "DIGEST-VALUE", key), key
                    assert into.call("OBJECT", "ENCODING", key) == out.call("OBJECT", "ENCODING", key), key


# In the background


def large_contents(generator: random.Random) -> Iterator[bytes]:
    """Requests: two large hashes, many small ones of every packed form, strings between them."""
    count = 400_000 if LONG else 100_000
    for name in ("large:1", "large:2"):
        for first in range(0, count, 500):
            pairs = [part for number in range(first, first + 500) for part in (f"f{number}", f"value of {number}")]
            yield encode("HSET", name, *pairs)
    for number in range(4000):
        fields = generator.choice((1, 5, 50, 300))
        yield encode("HSET", f"small:{number}", *[part for each in range(fields) for part in (f"f{each}", "v" * (each % 20))])
        yield encode("SET", f"string:{number}", "x" * number)


def random_change(generator: random.Random) -> bytes:
    key = generator.choice((f"small:{generator.randrange(4000)}", "large:1", "large:2"))
    field = f"f{generator.randrange(100_000 if key[0] == 'l' else 300)}"
    match generator.randrange(100):
        case 0:
            return encode("DEL", key)
        case 1:
            return encode("SET", key, "overwritten")
        case 2:
            return encode("RENAME", key, generator.choice((f"small:{generator.randrange(4000)}", "large:2", "large:3")))
        case 3 if key[0] == "s":
            return encode("COPY", key, f"small:{generator.randrange(4000)}", "REPLACE")
        case number if number < 30:
            return encode("HDEL", key, field, field + "1")
        case number if number < 40:
            return encode("HINCRBY", key, "counter", number)
        case number if number < 45:
            return encode("HSET", key, field, "v" * 200)
        case _:
            return encode("HSET", key, field, generator.randrange(10**9))


@pytest.mark.parametrize("seed", range(5 if LONG else 2))
def test_background_save_under_writes(tmp_path: pathlib.Path, seed: int) -> None:
    """The file holds what there was when BGSAVE was answered, whatever is done to the hashes while it is written."""
    generator = random.Random(seed)
    with start(OURS, tmp_path, *DEBUG) as server, server.connect(60) as client:
        connection = Connection(client)
        requests = list(large_contents(generator))
        for first in range(0, len(requests), 200):
            part = requests[first : first + 200]
            connection.send(b"".join(part), len(part))
        for _ in range(2):
            expected = connection.call("DEBUG", "DIGEST")
            # In one write, so that the changes begin at once.
            changes = [random_change(generator) for _ in range(3000)]
            replies = connection.send(encode("BGSAVE") + b"".join(changes), 1 + len(changes))
            assert replies[0] == b"+Background saving started\r\n"
            writes = len(changes)
            while b"rdb_bgsave_in_progress:1" in connection.call("INFO", "persistence"):
                connection.send(b"".join(random_change(generator) for _ in range(500)), 500)
                writes += 500
            assert b"rdb_last_bgsave_status:ok" in connection.call("INFO", "persistence")
            for binary in (OURS, ORACLE):
                with start(binary, tmp_path, *DEBUG) as reader:
                    assert digest(reader) == expected, (binary, seed, writes)
        assert eventually(lambda: connection.call("DEBUG", "LIMBO") == b":0\r\n")
        assert connection.call("PING") == b"+PONG\r\n"


# Damage


def bodies() -> list[bytes]:
    """Payloads without their footers, of every type of hash that Redis 8.2 writes, and old ones by hand."""
    found = []
    with Server(ORACLE) as oracle:
        for fields in (5, 40, 600):
            for value in ("v", "12345", "x" * 70):
                oracle.call("DEL", "h")
                oracle.call("HSET", "h", *[part for number in range(fields) for part in (f"f{number}", f"{value}{number}")])
                reply = oracle.call("DUMP", "h")
                found.append(reply[reply.index(b"\r\n") + 2 : -2][:-10])
    found.append(b"\x09\x0d\x02\x01a\x01\x00b\x02cd\x01\x00e\xff")  # zipmap
    return [body for body in found if len(body) < 5000] + [b"\x04\x02\x01a\x01b\x01c\xc0\x05"]


def test_restore_of_anything(ours: Server) -> None:
    """No bytes do harm, and what is taken can be read, changed, copied and removed."""
    generator = random.Random(int(os.environ.get("NEEDLETAIL_SEED", 4)))
    payloads = bodies()
    taken = 0
    with ours.connect(30) as client:
        connection = Connection(client)
        for body in payloads:
            assert connection.call("RESTORE", "k", 0, sealed(body), "REPLACE") == b"+OK\r\n", body[:1]
        for _ in range(50_000 if LONG else 4000):
            body = bytearray(generator.choice(payloads))
            for _ in range(1 + generator.randrange(3)):
                place = generator.randrange(len(body))
                special = generator.choice([0, 1, 0x40, 0x80, 0x81, 0xC0, 0xC3, 0xF0, 0xFE, 0xFF, generator.randrange(256)])
                match generator.randrange(3):
                    case 0:
                        body[place] = special
                    case 1:
                        del body[place : place + generator.randrange(1, 4)]
                    case 2:
                        body[place:place] = generator.randbytes(generator.randrange(4))
            reply = connection.call("RESTORE", "k", 0, sealed(bytes(body)), "REPLACE")
            if reply != b"+OK\r\n":
                assert reply == b"-ERR Bad data format\r\n"
                continue
            taken += 1
            if connection.call("TYPE", "k") != b"+hash\r\n":
                continue
            count = int(connection.call("HLEN", "k")[1:])
            assert count > 0 and connection.call("HKEYS", "k").startswith(b"*%d\r\n" % count)
            assert connection.call("HSET", "k", "another", "1") in (b":0\r\n", b":1\r\n")
            assert connection.call("COPY", "k", "l", "REPLACE") == b":1\r\n"
            assert connection.call("HDEL", "k", "another") == b":1\r\n"
    assert taken > 100
    assert ours.alive()


def test_twice_the_same_field(ours: Server) -> None:
    for body in (b"\x04\x02\x01a\x01b\x01a\x01c", b"\x04\x02\xc0\x05\x01b\x015\x01c"):
        assert ours.call("RESTORE", "twice", 0, sealed(body)) == b"-ERR Bad data format\r\n"
    # Without fields there is no hash.
    assert ours.call("RESTORE", "empty", 0, sealed(b"\x04\x00")) == b"-ERR Bad data format\r\n"
    assert ours.call("EXISTS", "twice", "empty") == b":0\r\n"

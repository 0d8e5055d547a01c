"""Sorted sets beside Redis: in snapshots and payloads both ways, scores as text, ranges in the order of bytes."""

import pathlib
import random
import struct

import pytest

from harness import ORACLE, OURS, Connection, Server
from snapshots import BINARIES, PEERS, start

DEBUG = ("--enable-debug-command", "yes")
SIZES = [1, 2, 10, 100, 127, 128, 129, 3000]
SortedSet = dict[bytes, bytes]


def make_sets() -> dict[bytes, SortedSet]:
    """Scores are such that Redis 7.0, which prints all their digits, prints them as 8.2 does."""
    generator = random.Random(8)
    edges = [0, 1, -1, 54, 127, -129, 4096, 32768, 2**23, 2**31, -(2**31) - 1, 2**47, 2**53, -(2**53)]
    members = [b"%d" % edge for edge in edges] + [b"", b"007", b"-0", b"\r\n\0", b"\xff\x00", b"1.0"]
    found = {b"edges": {member: b"%d" % edges[number % len(edges)] for number, member in enumerate(members)}}
    found[b"infinite"] = {b"a": b"inf", b"b": b"-inf", b"c": b"0.5"}
    for size in SIZES:
        found[b"plain:%d" % size] = {b"member:%d" % number: b"%d" % number for number in range(size)}
        found[b"equal:%d" % size] = {b"%d" % (number * number): b"7" for number in range(size)}
        found[b"random:%d" % size] = {
            generator.randbytes(8) + b"%d" % number: b"%.2f" % (generator.randrange(-4000, 4000) / 4) for number in range(size)
        }
    for count in (63, 64, 65, 191, 192, 254, 255, 65535, 65536, 300_000):
        found[b"member:%d" % count] = {generator.randbytes(count): b"1", b"short": b"2"}
    return found


def fill(server: Server, sets: dict[bytes, SortedSet]) -> None:
    with server.connect(60) as client:
        connection = Connection(client)
        for key, members in sets.items():
            pairs = [part for member, score in members.items() for part in (score, member)]
            assert connection.call("ZADD", key, *pairs) == b":%d\r\n" % len(members)
        connection.call("PEXPIRE", "plain:10", 10**9)


@pytest.fixture(scope="module")
def sets() -> dict[bytes, SortedSet]:
    return make_sets()


@pytest.mark.parametrize("options", [[], ["--rdbcompression", "no"], ["--zset-max-listpack-entries", "0"]], ids=str)
def test_our_file(sets: dict[bytes, SortedSet], tmp_path: pathlib.Path, options: list[str]) -> None:
    with start(OURS, tmp_path, *DEBUG, *options) as server:
        fill(server, sets)
        expected = server.call("DEBUG", "DIGEST")
        assert server.call("SAVE") == b"+OK\r\n"
    assert (tmp_path / "dump.rdb").read_bytes()[:9] == b"REDIS0008"
    for name, binary in BINARIES.items():
        with start(binary, tmp_path, *DEBUG) as server:
            assert server.call("DEBUG", "DIGEST") == expected, name
            assert server.call("ZRANK", "random:129", next(iter(sets[b"random:129"]))).startswith(b":"), name


@pytest.mark.parametrize("options", [[], ["--rdbcompression", "no"], ["--zset-max-ziplist-entries", "0"]], ids=str)
@pytest.mark.parametrize("peer", PEERS)
def test_their_file(sets: dict[bytes, SortedSet], tmp_path: pathlib.Path, peer: str, options: list[str]) -> None:
    with start(BINARIES[peer], tmp_path, *DEBUG, *options) as server:
        fill(server, sets)
        expected = server.call("DEBUG", "DIGEST")
        assert server.call("SAVE") == b"+OK\r\n"
    with start(OURS, tmp_path, *DEBUG) as server:
        assert server.call("DEBUG", "DIGEST") == expected
        for key, encoding in ((b"plain:128", b"listpack"), (b"plain:129", b"skiplist"), (b"member:65", b"skiplist")):
            assert server.call("OBJECT", "ENCODING", key).split(b"\r\n")[1] == encoding


@pytest.mark.parametrize("peer", PEERS)
def test_payloads(sets: dict[bytes, SortedSet], peer: str) -> None:
    with Server(OURS, *DEBUG) as ours, Server(BINARIES[peer], *DEBUG) as other:
        for source, target in ((ours, other), (other, ours), (ours, ours)):
            source.call("FLUSHALL")
            fill(source, sets)
            if source is not target:
                target.call("FLUSHALL")
            with source.connect(60) as first, target.connect(60) as second:
                out, into = Connection(first), Connection(second)
                for key in sets:
                    reply = out.call("DUMP", key)
                    payload = reply[reply.index(b"\r\n") + 2 : -2]
                    assert into.call("RESTORE", key, 0, payload, "REPLACE") == b"+OK\r\n", key
                    out.call("PERSIST", key)  # an expiry is part of the digest
                    assert into.call("DEBUG", "DIGEST-VALUE", key) == out.call("DEBUG", "DIGEST-VALUE", key), key
                    assert into.call("OBJECT", "ENCODING", key) == out.call("OBJECT", "ENCODING", key), key


@pytest.mark.parametrize("entries", [128, 0])
def test_scores_as_text(entries: int) -> None:
    """Numbers of every size are printed with the same digits."""
    generator = random.Random(9)
    option = ("--zset-max-listpack-entries", str(entries))
    with Server(OURS, *DEBUG, *option) as ours, Server(ORACLE, *DEBUG, *option) as other:
        with ours.connect() as first, other.connect() as second:
            both = Connection(first), Connection(second)
            for _ in range(200):
                values = [struct.unpack("d", generator.randbytes(8))[0] for _ in range(40)]
                values += [generator.random() * 10 ** generator.randrange(-8, 25) for _ in range(40)]
                values += [float(generator.randrange(-(2**62), 2**62) >> generator.randrange(62)) for _ in range(40)]
                pairs = [part for number, value in enumerate(values) if value == value for part in (repr(value), str(number))]
                for request in (
                    ["DEL", "z"],
                    ["ZADD", "z", *pairs],
                    ["ZRANGE", "z", "0", "-1", "WITHSCORES"],
                    ["DEBUG", "DIGEST-VALUE", "z"],
                ):
                    replies = [connection.call(*request) for connection in both]
                    assert replies[0] == replies[1]


@pytest.mark.parametrize("entries", [128, 0])
def test_ranges_by_bytes(entries: int) -> None:
    """Of members with one score: with several, what lies between two members is a matter of chance in Redis."""
    generator = random.Random(10)
    option = ("--zset-max-listpack-entries", str(entries))

    def member() -> bytes:
        return generator.choice([b"", b"a", b"ab", b"abc", b"b", b"\xff", b"7", b"12", b"m" * 40]) + b"%d" % generator.randrange(60)

    def bound() -> bytes:
        return b"-" if generator.random() < 0.1 else b"+" if generator.random() < 0.1 else generator.choice([b"[", b"("]) + member()

    with Server(OURS, *option) as ours, Server(ORACLE, *option) as other:
        with ours.connect() as first, other.connect() as second:
            both = Connection(first), Connection(second)
            for _ in range(4000):
                limit = ["LIMIT", str(generator.randrange(-1, 5)), str(generator.randrange(-1, 9))]
                limit = limit if generator.random() < 0.4 else []
                request = generator.choice([
                    ["ZADD", "z", "0", member()],
                    ["ZRANGEBYLEX", "z", bound(), bound(), *limit],
                    ["ZREVRANGEBYLEX", "z", bound(), bound(), *limit],
                    ["ZRANGE", "z", bound(), bound(), "BYLEX", "REV", *limit],
                    ["ZLEXCOUNT", "z", bound(), bound()],
                    ["ZREM", "z", member()],
                    ["ZRANGESTORE", "copy", "z", bound(), bound(), "BYLEX", *limit],
                    ["ZREMRANGEBYLEX", "copy", bound(), bound()],
                ])  # fmt: skip
                replies = [connection.call(*request) for connection in both]
                assert replies[0] == replies[1], request

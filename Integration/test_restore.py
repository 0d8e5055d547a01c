"""DUMP and RESTORE: payloads exchanged with Redis 7.0 and 8.2, and payloads that nobody made."""

import os
import random

import pytest

from harness import LONG, OURS, Connection, Server
from snapshots import BINARIES, PEERS, make_keys, sealed


@pytest.mark.parametrize("peer", PEERS)
def test_payloads(peer: str) -> None:
    keys = make_keys(4000)
    with Server(OURS) as ours, Server(BINARIES[peer]) as other:
        for source, target in ((ours, other), (other, ours)):
            # Redis 7.0 does not take what 8.2's version of the format says, and that is its business; ours it takes.
            with source.connect() as first, target.connect() as second:
                out, into = Connection(first), Connection(second)
                out.call("FLUSHALL")
                into.call("FLUSHALL")
                for _, key, value, _ in keys[:3000] + keys[-27:]:
                    out.call("SET", key, value)
                    reply = out.call("DUMP", key)
                    payload = reply[reply.index(b"\r\n") + 2 : -2]
                    assert into.call("RESTORE", key, 0, payload, "REPLACE") == b"+OK\r\n", (key, value[:100])
                    assert into.call("GET", key) == b"$%d\r\n%s\r\n" % (len(value), value)
                    assert into.call("OBJECT", "ENCODING", key) in (
                        out.call("OBJECT", "ENCODING", key), b"$3\r\nraw\r\n", b"$6\r\nembstr\r\n")


BODIES = {
    "PAYLOAD": sealed(b"\0\5hello"),
    "TRAILING": sealed(b"\0\5hello and more"),
    "UNKNOWN": sealed(b"\x63\5hello"),
    "EMPTY": sealed(b""),
    # Redis lets a string reach into the footer; longer than that is too long for everybody.
    "CUT": sealed(b"\0\x10hello"),
    "FUTURE": sealed(b"\0\5hello", 13),
    "LZF": sealed(b"\0\xc3\5\x41\x09\0x\xe0\xff\0"),
    "BADLZF": sealed(b"\0\xc3\5\x41\x08\0x\xe0\xff\0"),
    "LENGTH": sealed(b"\0\x82\0\0\0\5hello"),
}


RESTORE_CASES = [
    ("k", 0, "PAYLOAD"), ("old", 0, "PAYLOAD"), ("old", 0, "PAYLOAD", "REPLACE"), ("old", "x", "bad"),
    ("k", "x", "bad"), ("k", -1, "bad"), ("k", -1, "PAYLOAD"), ("k", 0, "bad"), ("k", 0, ""),
    ("k", 0, "PAYLOAD", "ABSTTL"), ("k", 1000, "PAYLOAD", "ABSTTL"), ("old", 1000, "PAYLOAD", "ABSTTL", "REPLACE"),
    ("k", 10**15, "PAYLOAD", "ABSTTL"), ("k", 2**63 - 1, "PAYLOAD"), ("k", 2**63 - 1, "PAYLOAD", "ABSTTL"),
    ("k", 2**62, "PAYLOAD"), ("old", 2**63 - 1, "PAYLOAD", "REPLACE"), ("k", 0, "PAYLOAD", "IDLETIME"),
    ("k", 0, "PAYLOAD", "IDLETIME", "x"), ("k", 0, "PAYLOAD", "IDLETIME", -1), ("k", 0, "PAYLOAD", "IDLETIME", 5),
    ("k", 0, "PAYLOAD", "FREQ"), ("k", 0, "PAYLOAD", "FREQ", "x"), ("k", 0, "PAYLOAD", "FREQ", -1),
    ("k", 0, "PAYLOAD", "FREQ", 256), ("k", 0, "PAYLOAD", "FREQ", 255), ("k", 0, "PAYLOAD", "FREQ", 1, "IDLETIME", 1),
    ("k", 0, "PAYLOAD", "IDLETIME", 1, "FREQ", 1), ("k", 0, "PAYLOAD", "IDLETIME", 1, "IDLETIME", 2),
    ("k", 0, "PAYLOAD", "replace", "absttl", "freq", 3), ("k", 0, "PAYLOAD", "NOSUCH"),
    ("old", 0, "PAYLOAD", "NOSUCH"), ("k", 0), ("k",), (), ("old", "x", "bad", "REPLACE"),
    ("old", 0, "bad", "REPLACE"), ("old", 0, "TRAILING", "REPLACE"), ("old", 0, "UNKNOWN", "REPLACE"),
    ("old", 0, "EMPTY", "REPLACE"), ("old", 0, "CUT", "REPLACE"), ("old", 0, "FUTURE", "REPLACE"),
    ("old", 0, "LZF", "REPLACE"), ("old", 0, "BADLZF", "REPLACE"), ("old", 0, "LENGTH", "REPLACE"),
]


@pytest.mark.parametrize("case", RESTORE_CASES, ids=lambda case: " ".join(map(str, case)))
def test_restore_like_redis(pair: tuple[Server, Server], case: tuple) -> None:
    results = []
    for server in pair:
        with server.connect() as client:
            connection = Connection(client)
            connection.call("FLUSHALL")
            connection.call("SET", "old", "1")
            arguments = [BODIES.get(part, part) if isinstance(part, str) else part for part in case]
            results.append([
                connection.call("RESTORE", *arguments),
                *(connection.call(command, key) for key in ("k", "old") for command in ("GET", "EXISTS", "PEXPIRETIME")
                  if not (command == "PEXPIRETIME" and len(case) > 2 and case[1] == 2**62)),
            ])
    assert results[0] == results[1]


def test_restore_of_anything(ours: Server) -> None:
    """No bytes do harm, also with a checksum that is right."""
    generator = random.Random(int(os.environ.get("NEEDLETAIL_SEED", 3)))
    bodies = [BODIES["PAYLOAD"][:-10], BODIES["LZF"][:-10], b"\0\xc2\1\2\3\4", b"\0\x80\0\0\1\0" + b"x" * 256]
    with ours.connect(30) as client:
        connection = Connection(client)
        for _ in range(100_000 if LONG else 5000):
            body = bytearray(generator.choice(bodies))
            for _ in range(generator.randrange(4)):
                place = generator.randrange(len(body) + 1)
                special = generator.choice([0, 0xC3, 0x80, 0x81, 0xFF, generator.randrange(256)])
                match generator.randrange(3):
                    case 0:
                        body[place : place + 1] = bytes([special])
                    case 1:
                        del body[place : place + generator.randrange(5)]
                    case 2:
                        body[place:place] = generator.randbytes(generator.randrange(5))
            reply = connection.call("RESTORE", "k", 0, sealed(bytes(body)), "REPLACE")
            assert reply in (b"+OK\r\n", b"-ERR Bad data format\r\n")
    assert ours.alive()

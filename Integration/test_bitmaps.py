"""Bitmaps and bit fields beside Redis 8.2.3: replies, what is stored, its encoding, and what counts as a change."""

import pytest

from harness import OURS, Connection, Server, encode

BITS = ["0", "1", "7", "8", "-1", "-8", "100", "-100", "9223372036854775807", "-9223372036854775808", "x", ""]

SINGLE = [
    ("SETBIT", "k", "7", "1"), ("SETBIT", "k", "7", "1"), ("SETBIT", "k", "7", "0"), ("SETBIT", "k", "100", "0"),
    ("SETBIT", "k", "3", "2"), ("SETBIT", "k", "3", "-1"), ("SETBIT", "k", "3", "x"), ("SETBIT", "k", "-1", "1"),
    ("SETBIT", "k", "x", "2"), ("SETBIT", "k", "4294967296", "1"), ("SETBIT", "k", "#1", "1"), ("SETBIT", "list", "1", "1"),
    ("SETBIT", "list", "x", "1"), ("SETBIT", "number", "1", "0"), ("SETBIT", "number", "1", "1"), ("SETBIT", "text", "1", "1"),
    ("SETBIT", "volatile", "9", "1"), ("GETBIT", "k", "7"), ("GETBIT", "k", "100000"), ("GETBIT", "none", "1"),
    ("GETBIT", "list", "1"), ("GETBIT", "list", "x"), ("GETBIT", "number", "2"), ("GETBIT", "k", "4294967296"),
    ("GETBIT", "k", "-1"), ("GETBIT", "k", "#0"), ("SETBIT", "k"), ("GETBIT", "k"),
]  # fmt: skip

COUNTS = [
    ("BITCOUNT", "text"), ("BITCOUNT", "none"), ("BITCOUNT", "list"), ("BITCOUNT", "number"), ("BITCOUNT", "empty"),
    ("BITCOUNT", "text", "0", "1", "BIT"), ("BITCOUNT", "text", "0", "1", "byte"), ("BITCOUNT", "text", "0", "1", "x"),
    ("BITCOUNT", "none", "x", "1"), ("BITCOUNT", "list", "x", "1"), ("BITCOUNT", "list", "0", "1", "x"),
    ("BITCOUNT", "text", "0", "1", "BIT", "BIT"), ("BITCOUNT", "none", "0", "1", "BIT", "BIT"),
    ("BITPOS", "text", "1"), ("BITPOS", "text", "0"), ("BITPOS", "ones", "0"), ("BITPOS", "ones", "0", "0"),
    ("BITPOS", "ones", "0", "0", "-1"), ("BITPOS", "zeros", "1"), ("BITPOS", "none", "0"), ("BITPOS", "none", "1"),
    ("BITPOS", "none", "0", "x"), ("BITPOS", "list", "0"), ("BITPOS", "list", "2"), ("BITPOS", "list", "x"),
    ("BITPOS", "text", "2"), ("BITPOS", "text", "-1"), ("BITPOS", "number", "1"), ("BITPOS", "empty", "0"), ("BITPOS", "empty", "1"),
    ("BITPOS", "empty", "0", "0"), ("BITPOS", "ones", "0", "3"), ("BITPOS", "ones", "0", "4"), ("BITPOS", "ones", "0", "100"),
    ("BITPOS", "text", "1", "0", "-1", "x"), ("BITPOS", "text", "1", "0", "x", "y"), ("BITPOS", "text", "1", "x", "0", "y"),
    ("BITPOS", "text", "1", "0", "1", "BIT", "x"), ("BITPOS", "none", "1", "0", "1", "BIT", "x"), ("BITPOS", "text"),
]  # fmt: skip

OPERATIONS = [
    *[("BITOP", name, "out", *keys) for name in ("and", "OR", "xor", "NOT", "diff", "DIFF1", "andor", "One")
      for keys in (["text"], ["text", "ones"], ["text", "zeros", "number"], ["none"], ["none", "none"], ["text", "none"],
                   ["none", "text"], ["out", "text"], ["text", "text", "ones"], ["list"], ["text", "list"], ["long", "text"])],
    ("BITOP", "nor", "out", "text"), ("BITOP", "and", "list", "text"), ("BITOP", "and", "volatile", "text"),
    ("BITOP", "and", "list", "none"), ("BITOP", "and", "out"), ("BITOP", "not", "out", "list", "list"),
]  # fmt: skip

FIELDS = [
    ("BITFIELD", "k"), ("BITFIELD", "none"), ("BITFIELD", "list"), ("BITFIELD", "none", "GET", "u8", "0"), ("EXISTS", "none"),
    ("BITFIELD", "f", "SET", "u8", "0", "255", "GET", "u8", "0", "INCRBY", "u8", "0", "10"),
    ("BITFIELD", "f", "OVERFLOW", "SAT", "INCRBY", "u8", "0", "1000", "OVERFLOW", "FAIL", "INCRBY", "u8", "0", "1"),
    ("BITFIELD", "f", "OVERFLOW", "fail", "INCRBY", "i8", "800", "1000"), ("STRLEN", "f"),
    ("BITFIELD", "f", "SET", "i5", "#3", "-17", "GET", "i5", "15", "SET", "u4", "#0", "-1"),
    ("BITFIELD", "f", "SET", "u8", "0", "0"), ("BITFIELD", "f", "SET", "u8", "0", "0"), ("BITFIELD", "f", "INCRBY", "u8", "0", "0"),
    ("BITFIELD", "f", "OVERFLOW", "SAT", "SET", "u8", "0", "-1"), ("BITFIELD", "f", "OVERFLOW", "SAT", "SET", "i8", "0", "-200"),
    ("BITFIELD", "f", "SET", "i64", "3", "-9223372036854775808", "OVERFLOW", "SAT", "INCRBY", "i64", "3", "-1"),
    ("BITFIELD", "f", "INCRBY", "u63", "1", "9223372036854775807", "INCRBY", "u63", "1", "1"),
    ("BITFIELD", "f", "GET", "u64", "0"), ("BITFIELD", "f", "GET", "i65", "0"), ("BITFIELD", "f", "GET", "u0", "0"),
    ("BITFIELD", "f", "GET", "x8", "0"), ("BITFIELD", "f", "GET", "u8", "-1"), ("BITFIELD", "f", "GET", "u8", "#-1"),
    ("BITFIELD", "f", "GET", "u8", "#9223372036854775807"), ("BITFIELD", "f", "GET", "u8", "4294967295"),
    ("BITFIELD", "f", "GET", "u8", "4294967296"), ("BITFIELD", "f", "GET", "u8", "#"), ("BITFIELD", "f", "GET", "u8"),
    ("BITFIELD", "f", "SET", "u8", "0"), ("BITFIELD", "f", "SET", "u8", "0", "x"), ("BITFIELD", "f", "OVERFLOW", "x"),
    ("BITFIELD", "f", "OVERFLOW"), ("BITFIELD", "f", "nosuch", "u8", "0"), ("BITFIELD", "list", "GET", "u8", "0"),
    ("BITFIELD", "list", "SET", "u8", "0", "1"), ("BITFIELD", "list", "SET", "u99", "0", "1"), ("BITFIELD", "number", "INCRBY", "u8", "0", "1"),
    ("BITFIELD", "text", "GET", "i16", "4", "GET", "u3", "70"), ("BITFIELD", "volatile", "SET", "u8", "0", "65"),
    ("BITFIELD_RO", "f", "GET", "u8", "0", "GET", "i7", "#2"), ("BITFIELD_RO", "f", "SET", "u8", "0", "1"),
    ("BITFIELD_RO", "f", "OVERFLOW", "SAT", "GET", "u8", "0"), ("BITFIELD_RO", "list", "SET", "u8", "0", "1"),
    ("BITFIELD_RO", "list", "GET", "u8", "0"), ("BITFIELD_RO", "none", "GET", "u8", "0"), ("BITFIELD_RO", "f"),
]  # fmt: skip

RANGES = [("BITCOUNT", "text", a, b, *unit) for a in BITS for b in BITS for unit in ([], ["BIT"])]
RANGES += [("BITPOS", key, bit, a, b, *unit) for key in ("text", "ones") for bit in "01" for a in BITS for b in BITS
           for unit in ([], ["BIT"])]  # fmt: skip
KEYS = ("k", "f", "out", "text", "number", "ones", "zeros", "empty", "volatile", "long", "list")


def prepare(connection: Connection) -> None:
    connection.call("FLUSHALL")
    connection.call("SET", "text", "Hello, bits!")
    connection.call("SET", "number", "12345")
    connection.call("SET", "ones", b"\xff" * 4)
    connection.call("SET", "zeros", b"\0" * 20)
    connection.call("SET", "empty", "")
    connection.call("SET", "volatile", "abc", "EX", "1000")
    connection.call("SET", "long", bytes(range(256)) * 200)
    connection.call("RPUSH", "list", "a")


def observed(connection: Connection, command: tuple) -> list[object]:
    """The reply and all that the command may have changed."""

    def changes() -> int:
        for line in connection.call("INFO", "persistence").split(b"\r\n"):
            if line.startswith(b"rdb_changes_since_last_save:"):
                return int(line.partition(b":")[2])
        raise KeyError("rdb_changes_since_last_save")

    before = changes()
    reply = connection.call(*command)
    changed = changes() - before
    state = [connection.call(*look, key) for key in KEYS for look in (("GET",), ("OBJECT", "ENCODING"))]
    expiries = [connection.call("TTL", key)[:2] == b":-" for key in KEYS]
    # Redis does not count it when a string has grown and nothing else has come of it.
    counts = "fail" not in command
    return [reply, changed > 0 if counts else None, *state, *expiries]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("commands", [SINGLE, COUNTS, OPERATIONS, FIELDS], ids=["single", "counts", "operations", "fields"])
def test_beside_redis(pair: tuple[Server, Server], commands: list[tuple], protocol: int) -> None:
    ours, theirs = (Connection(server.connect()) for server in pair)
    for connection in (ours, theirs):
        connection.call("HELLO", protocol)
        prepare(connection)
    for command in commands:
        assert observed(ours, command) == observed(theirs, command), command
    for connection in (ours, theirs):
        connection.close()


def test_ranges_beside_redis(pair: tuple[Server, Server]) -> None:
    replies = []
    for server in pair:
        connection = Connection(server.connect())
        prepare(connection)
        replies.append(connection.send(b"".join(encode(*command) for command in RANGES), len(RANGES)))
        connection.close()
    for command, ours, theirs in zip(RANGES, *replies):
        assert ours == theirs, command


def test_a_start_without_an_end(ours: Server) -> None:
    """As in Valkey."""
    connection = Connection(ours.connect())
    prepare(connection)
    assert connection.call("BITCOUNT", "text", "-1") == connection.call("BITCOUNT", "text", "-1", "-1")
    assert connection.call("BITCOUNT", "text", "0") == connection.call("BITCOUNT", "text")
    assert connection.call("BITCOUNT", "none", "0") == b":0\r\n"
    assert connection.call("BITCOUNT", "text", "x") == b"-ERR value is not an integer or out of range\r\n"
    connection.close()


def test_what_bitfield_does_with_its_key(pair: tuple[Server, Server]) -> None:
    forms = ["k", "k GET u8 0", "k SET u8 0 1", "k OVERFLOW SAT", "k OVERFLOW SAT GET u8 0", "k GET u8 0 x", "k nosuch",
             "k get u8 0 incrby u8 0 1", "k GET SET u8 1", "k GET u8 SET u8 0 1", "k OVERFLOW", "k GET u8"]  # fmt: skip
    for form in forms:
        ours, theirs = (server.call("COMMAND", "GETKEYSANDFLAGS", "BITFIELD", *form.split()) for server in pair)
        assert ours == theirs, form


def test_lengths_near_the_end_of_numbers() -> None:
    """With a setting that allows them, they are refused or there is no memory, and the server goes on."""
    with Server(OURS) as server:
        assert server.call("CONFIG", "SET", "proto-max-bulk-len", 2**63 - 1) == b"+OK\r\n"
        server.call("SET", "text", "abc")
        for key in ("none", "text"):
            for offset in (2**50 - 1, 2**50, 2**60, 2**62, 2**63 - 1026, 2**63 - 1, "#144115188075855871"):
                for command in (("BITFIELD", key, "SET", "u8", offset, "1"), ("BITFIELD", key, "GET", "i64", offset),
                                ("SETBIT", key, offset, "1"), ("GETBIT", key, offset), ("SETRANGE", key, offset, "x")):  # fmt: skip
                    reply = server.call(*command)
                    assert reply[:1] == b"-" or command[0] == "GETBIT" or command[2] == "GET", (command, reply)
        assert server.call("BITFIELD", "none", "GET", "u8", 2**50).startswith(b"-ERR bit offset")
        assert server.call("BITFIELD", "none", "GET", "u8", 2**50 - 1) == b"*1\r\n:0\r\n"
        assert server.call("SETRANGE", "text", 2**47, "x").startswith(b"-ERR string exceeds maximum allowed size")
        assert server.call("SETRANGE", "text", 2**47 - 1, "x").startswith(b"-OOM")
        assert server.call("EXISTS", "none") == b":0\r\n" and server.call("GET", "text") == b"$3\r\nabc\r\n"
        for count in (2**47, 2**47 + 1, 2**63 - 1):
            with server.connect() as client:
                client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\nabc" % count)
                client.settimeout(0.2)
                try:
                    client.recv(100)
                except TimeoutError:
                    pass
            assert server.alive()

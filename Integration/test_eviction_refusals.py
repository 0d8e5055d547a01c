"""What a server at its limit answers when it can make no room: the same commands refused as by Redis, in the same words,
alone and in transactions, and counted alike."""

import contextlib
from collections.abc import Iterator

import pytest

from eviction import OOM, fill, left, limit, set_policy, size, used
from harness import ORACLE, OURS, Connection, Server, eventually

BOTH = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
# What a transaction, a pause or another protocol would follow from, or the end of the connection or of the server.
LEFT_OUT = {
    "auth", "bgrewriteaof", "bgsave", "cluster", "debug", "discard", "exec", "failover", "flushall", "flushdb", "hello",
    "migrate", "module", "monitor", "multi", "psubscribe", "psync", "punsubscribe", "quit", "readonly", "readwrite",
    "replconf", "replicaof", "reset", "restore-asking", "save", "shutdown", "slaveof", "ssubscribe", "subscribe",
    "sunsubscribe", "swapdb", "sync", "unsubscribe", "wait", "waitaof", "lolwut", "time", "info", "randomkey", "acl",
    "client", "command", "config", "function", "latency", "memory", "object", "pubsub", "script", "slowlog", "xgroup",
    "xinfo", "lastsave", "role", "keys", "dbsize", "asking",
}  # fmt: skip


@contextlib.contextmanager
def full(binary: str, policy: str = "noeviction") -> Iterator[tuple[Server, Connection]]:
    """A server with a string, and no room."""
    with Server(binary, "--maxmemory-policy", policy) as server, server.connect() as client:
        connection = Connection(client)
        connection.call("SET", "text", "value")
        connection.call("RPUSH", "list", "a", "b", "c")
        limit(connection, 1)
        yield server, connection


def table(server: Server) -> dict[str, tuple[int, bool]]:
    """Each command's arity, and whether it says that it may be refused."""
    found = {}
    with server.connect() as client:
        stack = [Connection(client)]
        text = stack[0].call("COMMAND")
        parts, at = text.split(b"\r\n"), 0
        for at, part in enumerate(parts):
            # *10, the name's length, the name, the arity, the flags' count, the flags
            if part == b"*10" and parts[at + 1].startswith(b"$") and parts[at + 3].startswith(b":"):
                count = int(parts[at + 4][1:])
                flags = parts[at + 5 : at + 5 + count]
                found[parts[at + 2].decode()] = (int(parts[at + 3][1:]), b"+denyoom" in flags)
    return found


def test_each_command() -> None:
    """Whatever its flags say: the answers are compared."""
    with full(OURS) as (ours, mine), full(ORACLE) as (oracle, theirs):
        mine_all, theirs_all = table(ours), table(oracle)
        names = sorted(name for name in mine_all.keys() & theirs_all.keys() - LEFT_OUT if "|" not in name)
        assert len(names) > 100
        refused = 0
        for name in names:
            arity, denied = theirs_all[name]
            # With keys that are not there, so that what is not refused answers without much ado.
            command = [name, *["missing"] * (abs(arity) - 1)]
            answer = theirs.call(*command)
            assert mine.call(*command) == answer, command
            assert (answer == OOM) == denied, command
            refused += denied
            # The number of arguments is looked at first.
            if abs(arity) > 2:
                assert mine.call(name) == theirs.call(name)
        assert refused > 40


@BOTH
@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"])
def test_nothing_that_could_go(binary: str, policy: str) -> None:
    with full(binary, policy) as (server, connection):
        for command in (["SET", "a", "b"], ["SET", "text", "x", "EX", 10], ["LPUSH", "list", "x"], ["INCR", "number"],
                        ["SETRANGE", "text", 0, "v"], ["COPY", "text", "other"], ["GETEX", "text", "EX"],
                        ["HSET", "h", "f", "v"], ["BITOP", "NOT", "to", "text"], ["SORT", "list", "ALPHA", "STORE", "to"],
                        ["MSET", "a", "b", "c", "d"]):  # fmt: skip
            if command[0] != "GETEX":
                assert connection.call(*command) == OOM, command
        assert connection.call("GET", "text") == b"$5\r\nvalue\r\n"
        assert connection.call("PERSIST", "text") == b":0\r\n"
        assert connection.call("LPOP", "list") == b"$1\r\na\r\n"
        assert connection.call("RENAME", "list", "moved") == b"+OK\r\n"
        assert connection.call("DEL", "text", "moved") == b":2\r\n"
        assert connection.call("SET", "a", "b") == OOM
        assert server.info("evicted_keys") == "0"
        limit(connection, 0)
        assert connection.call("SET", "a", "b") == b"+OK\r\n"


@BOTH
def test_transactions(binary: str) -> None:
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        # Queued while there was room.
        assert connection.call("MULTI") == b"+OK\r\n"
        assert connection.call("SET", "a", "b") == b"+QUEUED\r\n"
        limit(Connection(server.connect()), 1)
        aborted = b"-EXECABORT Transaction discarded because of: " + OOM[1:]
        assert connection.call("EXEC") == aborted
        # Nothing of it asks for memory.
        connection.call("MULTI")
        assert connection.call("GET", "a") == b"+QUEUED\r\n"
        assert connection.call("DEL", "a") == b"+QUEUED\r\n"
        assert connection.call("EXEC") == b"*2\r\n$-1\r\n:0\r\n"
        # Refused when it is queued.
        connection.call("MULTI")
        assert connection.call("GET", "a") == b"+QUEUED\r\n"
        assert connection.call("SET", "a", "b") == OOM
        assert connection.call("GET", "a") == b"+QUEUED\r\n"
        assert connection.call("EXEC") == b"-EXECABORT Transaction discarded because of previous errors.\r\n"
        assert connection.call("GET", "a") == b"$-1\r\n"
        # DISCARD forgets that as well.
        connection.call("MULTI")
        assert connection.call("SET", "a", "b") == OOM
        assert connection.call("DISCARD") == b"+OK\r\n"
        assert connection.call("MULTI") == b"+OK\r\n"
        assert connection.call("EXEC") == b"*0\r\n"
        statistics = server.call("INFO", "errorstats", "commandstats")
        assert b"errorstat_OOM:count=2\r\n" in statistics
        assert b"errorstat_EXECABORT:count=2\r\n" in statistics
        assert b"cmdstat_set:calls=0,usec=0,usec_per_call=0.00,rejected_calls=2,failed_calls=0" in statistics


@BOTH
def test_transaction_under_a_policy(binary: str) -> None:
    """Room is made before it, not within: it runs as a whole."""
    with Server(binary, "--maxmemory-policy", "allkeys-random") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, 5_000)
        limit(connection, used(server) + (100 << 10))
        connection.call("MULTI")
        for number in range(2_000):
            assert connection.call("SET", f"new:{number}", "x" * 100) == b"+QUEUED\r\n"
        assert connection.call("EXEC") == b"*2000\r\n" + b"+OK\r\n" * 2_000
        assert eventually(lambda: used(server) <= int(server.info("maxmemory")) + (64 << 10))
        assert connection.call("PING") == b"+PONG\r\n"


@BOTH
def test_room_again(binary: str) -> None:
    """Refused at the limit, taken as soon as something was deleted."""
    with Server(binary, "--maxmemory", "3mb") as server, server.connect() as client:
        connection = Connection(client)
        number = 0
        while (answer := connection.call("SET", f"key:{number}", b"x" * 1_000)) == b"+OK\r\n":
            number += 1
            assert number < 4_000
        assert answer == OOM
        assert 500 < number
        assert used(server) <= (3 << 20) + (64 << 10)
        assert sum(left(connection, number)) == number
        for each in range(number // 2):
            assert connection.call("DEL", f"key:{each}") == b":1\r\n"
        assert eventually(lambda: connection.call("SET", "new", "x") == b"+OK\r\n")


@BOTH
def test_value_larger_than_the_limit(binary: str) -> None:
    """Whether it is taken is a matter of when memory is counted, that the server goes on is not."""
    with Server(binary, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, 1_000)
        limit(connection, used(server) + (1 << 20))
        assert connection.call("SET", "large", b"x" * (4 << 20)) in (b"+OK\r\n", OOM)
        assert eventually(lambda: used(server) <= int(server.info("maxmemory")) + (64 << 10))
        assert connection.call("EXISTS", "large") == b":0\r\n"
        # Made by a command with few arguments.
        set_policy(connection, "volatile-lru")
        assert eventually(lambda: connection.call("SETRANGE", "long", 4 << 20, "x") == b":%d\r\n" % ((4 << 20) + 1))
        assert connection.call("SET", "a", "b") == OOM
        assert connection.call("DEL", "long") == b":1\r\n"
        assert eventually(lambda: connection.call("SET", "a", "b") == b"+OK\r\n")
        assert size(connection) >= 1


@BOTH
def test_exceeded_time(binary: str) -> None:
    """Milliseconds for which more was used than may be, now and in all."""
    with full(binary) as (server, connection):
        assert connection.call("SET", "a", "b") == OOM
        assert eventually(lambda: int(server.info("current_eviction_exceeded_time")) >= 100)
        assert int(server.info("total_eviction_exceeded_time")) >= 100
        limit(connection, 1 << 30)
        connection.call("SET", "a", "b")
        assert eventually(lambda: server.info("current_eviction_exceeded_time") == "0")
        total = int(server.info("total_eviction_exceeded_time"))
        assert 100 <= total < 10_000
        assert server.info("total_eviction_exceeded_time") == str(total)
        connection.call("CONFIG", "RESETSTAT")
        assert server.info("total_eviction_exceeded_time") == "0"

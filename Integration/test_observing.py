"""What an operator looks at a running server with: SLOWLOG, COMMANDLOG, LATENCY, MONITOR, HOTKEYS, MEMORY, INFO, DEBUG.
Beside Redis 8.2.3 where it has the same."""

import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from harness import ORACLE, OURS, ROOT, Connection, Server, encode, free_port
from test_tools import cli, cli_for


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Server, Server]]:
    options = ("--enable-debug-command", "yes")
    with Server(OURS, *options) as ours, Server(ORACLE, *options) as oracle:
        yield ours, oracle


def session(server: Server) -> Connection:
    return Connection(server.connect())


class Talk:
    """The same to both servers."""

    def __init__(self, pair: tuple[Server, Server], protocol: int = 2):
        self.connections = [session(server) for server in pair]
        self.both("HELLO", protocol)

    def both(self, *request: object) -> list[bytes]:
        return [connection.call(*request) for connection in self.connections]

    def same(self, *request: object) -> bytes:
        ours, theirs = self.both(*request)
        assert ours == theirs, request
        return ours

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.close()


# --- SLOWLOG ---

SLOW_REQUESTS: list[tuple[str, ...]] = [
    ("AUTH", "x"),
    ("CONFIG", "SET", "requirepass", ""),
    ("CONFIG", "SET", "requirepass", "", "maxclients", "1000"),
    ("SET", "a", "b" * 129),
    ("SET", "a", "b" * 128),
    ("SET", "a", "b" * 70_000),
    ("MSET", *[f"x{i}" for i in range(32)]),
    ("DEL", *[f"x{i}" for i in range(31)]),
    ("DEL", *[f"x{i}" for i in range(32)]),
    ("NOSUCH",),
    ("GET",),
    ("MULTI",),
    ("GET", "a"),
    ("EXEC",),
    ("HELLO", "2", "AUTH", "default", "pw", "SETNAME", "n"),
    ("SLOWLOG", "LEN"),
    ("CLIENT", "SETNAME", "nm"),
    ("LPUSH", "a", "v"),
]


def test_slow_log_is_redis(pair: tuple[Server, Server]) -> None:
    with Talk(pair) as talk:
        talk.same("SLOWLOG", "RESET")
        talk.same("CONFIG", "SET", "slowlog-log-slower-than", "0")
        for request in SLOW_REQUESTS:
            talk.both(*request)
        talk.same("CONFIG", "SET", "slowlog-log-slower-than", "-1")
        talk.same("SLOWLOG", "LEN")
        logs = talk.both("SLOWLOG", "GET", "-1")
        plain = [entries(log) for log in logs]
        assert plain[0] == plain[1]
        talk.same("SLOWLOG", "RESET")
        talk.same("SLOWLOG", "GET")
        for bad in [("GET", "-2"), ("GET", "a"), ("GET", "1", "2"), ("LEN", "a"), ("RESET", "a"), ("nosuch",), ()]:
            talk.same("SLOWLOG", *bad)
        talk.same("SLOWLOG", "GET", "9223372036854775807")
        talk.same("SLOWLOG", "GET", "9223372036854775808")
        talk.same("CONFIG", "SET", "slowlog-log-slower-than", "10000")


def entries(log: bytes) -> list[tuple]:
    """Id, arguments and name of each entry; times and ports differ."""
    lines = log.split(b"\r\n")
    position = 0

    def value() -> object:
        nonlocal position
        line = lines[position]
        position += 1
        if line[:1] == b"*":
            return [value() for _ in range(int(line[1:]))]
        if line[:1] == b"$":
            position += 1
            return lines[position - 1]
        return int(line[1:])

    ids = value()
    first = ids[-1][0] if ids else 0
    return [(entry[0] - first, entry[3], entry[5]) for entry in ids]


def test_slow_log_limits(pair: tuple[Server, Server]) -> None:
    with Talk(pair) as talk:
        talk.same("SLOWLOG", "RESET")
        talk.same("CONFIG", "SET", "slowlog-max-len", "3", "slowlog-log-slower-than", "0")
        for _ in range(5):
            talk.both("PING")
        talk.same("SLOWLOG", "LEN")
        # The limit is looked at when the next command is logged.
        talk.same("CONFIG", "SET", "slowlog-max-len", "1")
        talk.same("SLOWLOG", "LEN")
        talk.same("CONFIG", "SET", "slowlog-max-len", "128", "slowlog-log-slower-than", "10000")
        talk.same("SLOWLOG", "RESET")
        talk.same("DEBUG", "SLEEP", "0.005")
        talk.same("SLOWLOG", "LEN")
        talk.same("DEBUG", "SLEEP", "0.02")
        assert talk.same("SLOWLOG", "LEN") == b":1\r\n"
        amount = [int(log.split(b"\r\n")[4][1:]) for log in talk.both("SLOWLOG", "GET")]
        assert all(20_000 <= one < 500_000 for one in amount), amount
        talk.same("SLOWLOG", "RESET")


# --- COMMANDLOG ---


def test_command_log() -> None:
    with Server(OURS) as server:
        client = session(server)
        assert client.call("COMMANDLOG", "LEN", "large-request") == b":0\r\n"
        # At the limit, and a byte above it: the whole request counts, as it was sent.
        value = 1 << 20
        frame = len(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048540\r\n\r\n")
        client.call("SET", "k", b"v" * (value - frame))
        assert client.call("COMMANDLOG", "LEN", "large-request") == b":0\r\n"
        client.call("SET", "k", b"v" * (value - frame + 1))
        assert client.call("COMMANDLOG", "LEN", "large-request") == b":1\r\n"
        reply = client.call("COMMANDLOG", "GET", "-1", "large-request")
        assert b":1048577\r\n" in reply and b"v" * 128 + b"... (1048417 more bytes)" in reply
        # Many small ones.
        client.call("DEL", *[f"{i:0100}" for i in range(9000)])
        assert client.call("COMMANDLOG", "LEN", "LARGE-REQUEST") == b":1\r\n"
        client.call("DEL", *[f"{i:0100}" for i in range(10_000)])
        assert client.call("COMMANDLOG", "LEN", "large-request") == b":2\r\n"
        # Replies: at the limit, and above it.
        client.call("SET", "r", b"v" * (value - len(b"$1048566\r\n\r\n")))
        client.call("GET", "r")
        assert client.call("COMMANDLOG", "LEN", "large-reply") == b":0\r\n"
        client.call("APPEND", "r", "v")
        client.call("GET", "r")
        assert b"*2\r\n$3\r\nGET\r\n$1\r\nr\r\n" in client.call("COMMANDLOG", "GET", "1", "large-reply")
        # A small limit, which no large argument gives away, and none.
        client.call("CONFIG", "SET", "commandlog-request-larger-than", "40", "commandlog-reply-larger-than", "0")
        client.call("COMMANDLOG", "RESET", "large-request")
        client.call("COMMANDLOG", "RESET", "large-reply")
        client.call("SET", "k", "v" * 12)
        client.call("SET", "k", "v" * 13)
        assert client.call("COMMANDLOG", "LEN", "large-reply") == b":3\r\n"
        assert b"SET" in client.call("COMMANDLOG", "GET", "-1", "large-request")
        client.call("CONFIG", "SET", "commandlog-request-larger-than", "-1", "commandlog-reply-larger-than", "-1")
        client.call("COMMANDLOG", "RESET", "large-request")
        client.call("SET", "k", "v" * 2_000_000)
        assert client.call("COMMANDLOG", "LEN", "large-request") == b":0\r\n"
        # The slow log by its other name.
        client.call("CONFIG", "SET", "commandlog-execution-slower-than", "0")
        client.call("PING")
        assert b"PING" in client.call("COMMANDLOG", "GET", "10", "slow")
        assert client.call("COMMANDLOG", "GET", "10", "nosuch").startswith(b"-ERR type should be one of")
        assert client.call("COMMANDLOG", "GET", "-2", "slow").startswith(b"-ERR count should be")
        client.close()


def test_logged_value_that_is_gone() -> None:
    """A large argument becomes a value as it lies; the same command may replace it again."""
    with Server(OURS, "--slowlog-log-slower-than", "0") as server:
        client = session(server)
        for _ in range(20):
            client.call("MSET", "k", b"a" * 300_000, "k", b"b" * 300_000)
            client.call("MULTI")
            client.call("SET", "t", b"c" * 300_000)
            client.call("SET", "t", b"d" * 300_000)
            client.call("EXEC")
        log = client.call("SLOWLOG", "GET", "-1")
        for byte in (b"a", b"b", b"c", b"d"):
            assert byte * 128 + b"... (299872 more bytes)" in log
        client.close()


# --- LATENCY ---


def test_latency_is_redis(pair: tuple[Server, Server]) -> None:
    with Talk(pair) as talk:
        talk.both("LATENCY", "RESET")
        talk.same("LATENCY", "LATEST")
        talk.same("DEBUG", "SLEEP", "0.02")
        talk.same("LATENCY", "LATEST")
        talk.same("CONFIG", "SET", "latency-monitor-threshold", "15")
        talk.same("DEBUG", "SLEEP", "0.02")
        talk.same("DEBUG", "SLEEP", "0.001")
        shape = [re.sub(rb":\d+", b":N", reply) for reply in talk.both("LATENCY", "LATEST")]
        assert shape[0] == shape[1] == b"*1\r\n*4\r\n$7\r\ncommand\r\n:N\r\n:N\r\n:N\r\n"
        shape = [re.sub(rb":\d+", b":N", reply) for reply in talk.both("LATENCY", "HISTORY", "command")]
        assert shape[0] == shape[1]
        long_name = "nosuch" * 50
        for bad in ["HISTORY nosuch", f"GRAPH {long_name}", "GRAPH a", "HISTORY", "nosuch", "LATEST x", "DOCTOR x"]:
            talk.same("LATENCY", *bad.split())
        for reply in talk.both("LATENCY", "GRAPH", "command"):
            assert re.search(rb"command - high \d+ ms, low \d+ ms \(all time high \d+ ms\)", reply)
        for reply in talk.both("LATENCY", "DOCTOR"):
            assert b"command" in reply
        talk.same("LATENCY", "RESET", "nosuch", "fast-command")
        assert talk.same("LATENCY", "RESET") == b":1\r\n"
        talk.same("CONFIG", "SET", "latency-monitor-threshold", "0")


@pytest.mark.parametrize("protocol", [2, 3])
def test_latency_histogram(pair: tuple[Server, Server], protocol: int) -> None:
    with Talk(pair, protocol) as talk:
        talk.same("CONFIG", "RESETSTAT")
        for _ in range(7):
            talk.both("SET", "k", "v")
        talk.same("DEBUG", "SLEEP", "0.03")
        talk.same("LATENCY", "HISTOGRAM", "nosuch", "getdel")
        replies = talk.both("LATENCY", "HISTOGRAM", "set")
        assert all(reply.endswith(b":7\r\n") and b"calls\r\n:7\r\n" in reply for reply in replies)
        # How long is no matter of taste here; Redis puts the bound a hundredth higher.
        ours, theirs = (int(reply.split(b":")[-2]) for reply in talk.both("LATENCY", "HISTOGRAM", "debug"))
        assert ours in (33554, 67108, 134217) and 33554 <= theirs < 140_000
        replies = talk.both("LATENCY", "HISTOGRAM", "config", "client")
        names = [sorted(re.findall(rb"\r\n([a-z|]+)\r\n[*%]\d+\r\n\$5\r\ncalls", reply)) for reply in replies]
        assert names[0] == names[1] == [b"config|resetstat"]
        talk.same("CONFIG", "SET", "latency-tracking", "no")
        talk.both("GETDEL", "k")
        talk.same("LATENCY", "HISTOGRAM", "getdel")
        talk.same("INFO", "latencystats")
        talk.same("CONFIG", "SET", "latency-tracking", "yes")


# --- MONITOR ---

MONITORED: list[tuple[object, ...]] = [
    ("SET", b'k\x00\xff"\\', b"v\r\n\t\x07\x08\x1b"),
    ("GET",),
    ("NOSUCH", "a"),
    ("CONFIG", "GET", "port"),
    ("AUTH", "x"),
    ("AUTH", "default", "x"),
    ("HELLO", "2", "AUTH", "default", "pw"),
    ("HELLO", "3", "SETNAME", "x"),
    ("HELLO", "2"),
    ("CLIENT", "SETNAME", "abc"),
    ("CLIENT", "LIST"),
    ("DEBUG", "SLEEP", "0"),
    ("MULTI",),
    ("SET", "a", "1"),
    ("LPUSH", "a", "1"),
    ("MONITOR",),
    ("EXEC",),
    ("SELECT", "3"),
    ("PING",),
    ("SLOWLOG", "GET"),
    ("SET", "big", b"x" * 100_000),
    ("DISCARD",),
    ("RESET",),
    ("FLUSHALL",),
]


def test_monitor_is_redis(pair: tuple[Server, Server]) -> None:
    seen = []
    for server in pair:
        monitor, client = session(server), session(server)
        assert monitor.call("MONITOR") == b"+OK\r\n"
        for request in MONITORED:
            client.call(*request)
        client.call("ECHO", "end")
        lines = []
        while not lines or b'"end"' not in lines[-1]:
            line = monitor.reply()
            assert re.match(rb"\+\d{10}\.\d{6} \[", line)
            lines.append(re.sub(rb"^\+\S+ \[(\d+) \S+\]", rb"[\1]", line))
        seen.append(lines)
        monitor.close()
        client.close()
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "value, shown",
    [
        (b"x" * ((1 << 20) - 1), b"x" * ((1 << 20) - 1) + b'"'),
        (b"x" * (1 << 20), b"x" * (1 << 20) + b'"'),
        (b"x" * ((1 << 20) + 1), b"x" * (1 << 20) + b'"... (1 more bytes)'),
        (b"\x00" * (3 << 20), b"\\x00" * (1 << 20) + b'"... (2097152 more bytes)'),
    ],
    ids=["below", "at the limit", "above", "escaped"],
)
def test_monitor_shows_the_start_of_a_long_argument(pair: tuple[Server, Server], value: bytes, shown: bytes) -> None:
    monitor, client = session(pair[0]), session(pair[0])
    monitor.call("MONITOR")
    assert client.call("SET", "k", value) == b"+OK\r\n"
    assert client.call("GET", "k") == b"$%d\r\n%b\r\n" % (len(value), value)
    assert monitor.reply().endswith(b'] "SET" "k" "' + shown + b"\r\n")
    assert monitor.reply().endswith(b'] "GET" "k"\r\n')
    monitor.close()
    client.close()


@pytest.mark.parametrize("count, hidden", [(4, 0), (5, 1), (9, 5)])
def test_monitor_shows_the_first_arguments_of_a_long_request(
    pair: tuple[Server, Server], count: int, hidden: int
) -> None:
    """Four arguments of a mebibyte, with their quotes and blanks, are the first that are too much."""
    monitor, client = session(pair[0]), session(pair[0])
    monitor.call("MONITOR")
    assert client.call("DEL", *[b"x" * (1 << 20)] * count) == b":0\r\n"
    end = b" ... (%d more arguments)\r\n" % hidden if hidden else b'x"\r\n'
    line = monitor.reply()
    assert line.endswith(end) and line.count(b"x" * (1 << 20)) == count - hidden
    monitor.close()
    client.close()


def test_a_monitor_that_does_not_read_is_closed_at_its_limit(pair: tuple[Server, Server]) -> None:
    server = pair[0]
    monitor, client = session(server), session(server)
    monitor.call("MONITOR")
    client.call("CONFIG", "SET", "client-output-buffer-limit", "normal 16mb 0 0")
    try:
        # Many times the limit and what the kernel takes, some of it in one write and in a transaction.
        value = b"x" * (1 << 20)
        client.call("MULTI")
        for _ in range(20):
            client.call("APPEND", "k", value)
        client.call("EXEC")
        for _ in range(10):
            client.socket.sendall(encode("SET", "k", value) * 8)
            for _ in range(8):
                assert client.reply() == b"+OK\r\n"
        assert b"cmd=monitor" not in client.call("CLIENT", "LIST")
        assert b"client_output_buffer_limit_disconnections:1\r\n" in client.call("INFO", "stats")
    finally:
        client.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
        client.call("DEL", "k")
        monitor.close()
        client.close()


def test_monitor_and_its_own_commands(pair: tuple[Server, Server]) -> None:
    seen = []
    for server in pair:
        monitor = session(server)
        replies = [monitor.call("MONITOR"), monitor.call("PING"), monitor.reply()]
        # A second MONITOR is not answered.
        monitor.socket.sendall(b"MONITOR\r\nMONITOR\r\n")
        replies += [monitor.call("GET", "a"), monitor.call("GET"), monitor.call("SET", "a", "b")]
        replies += [monitor.call("TIME")[:4], monitor.reply()]
        replies += [re.findall(rb"flags=\w+", monitor.call("CLIENT", "LIST"))]
        replies += [monitor.call("RESET"), monitor.call("GET", "a"), monitor.call("PING")]
        seen.append([re.sub(rb"^\+\d\S+ \[0 \S+\]", b"", r) if isinstance(r, bytes) else r for r in replies])
        monitor.close()
    assert seen[0] == seen[1]


def test_what_a_monitor_may_not_do_ends_its_transaction(pair: tuple[Server, Server]) -> None:
    seen = []
    for server in pair:
        monitor = session(server)
        replies = [monitor.call("MONITOR"), monitor.call("MULTI"), monitor.call("SET", "a", "b"), monitor.call("EXEC")]
        monitor.socket.sendall(b"CLIENT REPLY SKIP\r\nGET a\r\n")
        replies += [monitor.call("PING"), monitor.call("GET", "a")]
        seen.append([reply for reply in replies if not reply.startswith((b"+1", b"+2"))])
        monitor.close()
    assert seen[0] == seen[1]
    assert any(reply.startswith(b"-EXECABORT") for reply in seen[0])


def test_advice_of_a_threshold_that_is_never_reached(pair: tuple[Server, Server]) -> None:
    server = pair[0]
    cli(server, "CONFIG", "SET", "latency-monitor-threshold", "1", "slowlog-log-slower-than", "-1")
    cli(server, "DEBUG", "SLEEP", "0.01")
    assert "slowlog-log-slower-than 1000" in cli(server, "LATENCY", "DOCTOR")
    for threshold in ("0", "9223372036854775", "9223372036854775807"):
        cli(server, "CONFIG", "SET", "latency-monitor-threshold", threshold)
        assert ("slowlog-log-slower-than" in cli(server, "LATENCY", "DOCTOR")) == (threshold == "9223372036854775")
    for slowest in ("1125899906842623", "1125899906842624", "4503599627370495", "9223372036854775807"):
        cli(server, "CONFIG", "SET", "slowlog-log-slower-than", slowest)
    assert server.alive()


def test_monitors_come_and_go(pair: tuple[Server, Server]) -> None:
    """In one write: who asks for it sees what comes after it, and nothing before."""
    server = pair[0]
    monitor = session(server)
    monitor.socket.sendall(b"PING\r\nMONITOR\r\nECHO x\r\nRESET\r\nECHO y\r\n")
    assert [monitor.reply() for _ in range(3)] == [b"+PONG\r\n", b"+OK\r\n", b"$1\r\nx\r\n"]
    rest = [monitor.reply(), monitor.reply(), monitor.reply()]
    assert b"+RESET\r\n" in rest and b"$1\r\ny\r\n" in rest
    assert [line for line in rest if b'"ECHO" "x"' in line] and not any(b'"y"' in line for line in rest)
    # Closed while it monitors.
    others = [session(server) for _ in range(20)]
    for other in others:
        assert other.call("MONITOR") == b"+OK\r\n"
    for other in others:
        other.close()
    for _ in range(50):
        assert monitor.call("PING") == b"+PONG\r\n"
    assert b"flags=O" not in monitor.call("CLIENT", "LIST")
    monitor.close()


# --- HOTKEYS ---


def hot_keys(client: Connection) -> dict[str, object]:
    reply = client.call("HOTKEYS", "GET").decode()
    names = re.findall(r"\$\d+\r\n([a-z-]+)\r\n(?::(\d+)\r\n|(\*))", reply)
    return {name: int(number) if number else reply[reply.index(name) :] for name, number, _ in names}


def test_hot_keys() -> None:
    with Server(OURS) as server:
        client = session(server)
        assert client.call("HOTKEYS", "GET") == b"$-1\r\n"
        for bad, word in [
            ((), b"METRICS parameter is required"),
            (("METRICS", "0"), b"METRICS count"),
            (("METRICS", "-1"), b"METRICS count"),
            (("METRICS", "2", "CPU"), b"does not match"),
            (("METRICS", "1", "CPU", "NET"), b"syntax error"),
            (("METRICS", "3", "CPU", "NET"), b"METRICS count"),
            (("METRICS", "1", "GPU"), b"no valid metrics"),
            (("METRICS", "2", "CPU", "CPU"), b"METRICS CPU"),
            (("METRICS", "1", "CPU", "COUNT", "0"), b"COUNT must be between 1 and 64"),
            (("METRICS", "1", "CPU", "COUNT", "65"), b"COUNT must be between 1 and 64"),
            (("METRICS", "1", "CPU", "SAMPLE", "0"), b"SAMPLE ratio must be positive"),
            (("METRICS", "1", "CPU", "SLOTS", "1", "5"), b"cannot be used in non-cluster mode"),
        ]:
            assert word in client.call("HOTKEYS", "START", *bad), bad
        assert client.call("HOTKEYS", "START", "METRICS", "2", "CPU", "NET", "COUNT", "3") == b"+OK\r\n"
        assert b"already in progress" in client.call("HOTKEYS", "START", "METRICS", "1", "CPU")
        assert b"session in progress" in client.call("HOTKEYS", "RESET")
        for number in range(3000):
            client.call("SET", f"cold:{number}", "v")
            client.call("SET", "hot", "v" * 100)
        assert client.call("HOTKEYS", "STOP") == b"+OK\r\n"
        client.call("SET", "after", "v" * 1_000_000)
        shown = hot_keys(client)
        assert shown["tracking-active"] == 0 and shown["sample-ratio"] == 1
        assert shown["net-bytes-all-commands-all-slots"] == shown["total-net-bytes"] > 3000 * 100
        for name in ("by-cpu-time-us", "by-net-bytes"):
            assert str(shown[name]).startswith(f"{name}\r\n*6\r\n$3\r\nhot\r\n")
        bytes_of_hot = int(str(shown["by-net-bytes"]).split("\r\n")[4][1:])
        assert bytes_of_hot == 3000 * (len(b"*3\r\n$3\r\nSET\r\n$3\r\nhot\r\n$100\r\n\r\n+OK\r\n") + 100)
        assert client.call("HOTKEYS", "RESET") == b"+OK\r\n"
        # It ends by itself.
        assert client.call("HOTKEYS", "START", "METRICS", "2", "GPU", "NET", "DURATION", "1") == b"+OK\r\n"
        assert hot_keys(client)["tracking-active"] == 1
        time.sleep(1.2)
        shown = hot_keys(client)
        assert shown["tracking-active"] == 0 and "by-cpu-time-us" not in shown
        assert shown["collection-duration-ms"] == 1000
        client.close()


# --- MEMORY ---


@pytest.mark.parametrize("protocol", [2, 3])
def test_memory_stats(pair: tuple[Server, Server], protocol: int) -> None:
    with Talk(pair, protocol) as talk:
        talk.both("SET", "k", "v")
        ours, theirs = (
            [name.decode() for name in re.findall(rb"\$\d+\r\n([a-z][A-Za-z0-9.-]+)\r\n", reply)]
            for reply in talk.both("MEMORY", "STATS")
        )
        assert ours == theirs
        assert talk.same("MEMORY", "PURGE") == b"+OK\r\n"
        for reply in talk.both("MEMORY", "MALLOC-STATS"):
            assert b"Begin jemalloc statistics" in reply and b"End jemalloc statistics" in reply
        for reply in talk.both("MEMORY", "DOCTOR"):
            assert len(reply) > 30
        for bad in ["STATS x", "PURGE x", "nosuch", "USAGE k SAMPLES -1", "USAGE k x 1"]:
            talk.same("MEMORY", *bad.split())


# --- INFO ---

# What only Redis can say: how it was compiled.
COMPILED = {"redis_build_id", "redis_git_sha1", "redis_git_dirty", "gcc_version"}


def info_fields(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for line in text.split("\r\n"):
        if line.startswith("# "):
            sections[line[2:]] = []
        elif ":" in line:
            sections[[*sections][-1]].append(line.partition(":")[0])
    return sections


def test_info_has_every_field(pair: tuple[Server, Server]) -> None:
    with Talk(pair) as talk:
        talk.both("SET", "k", "v")
        talk.both("NOSUCH")
        ours, theirs = (info_fields(reply.decode()) for reply in talk.both("INFO", "everything"))
        varying = {"Commandstats", "Errorstats", "Latencystats", "Keyspace", "Modules", "Keysizes"}
        assert list(theirs) == list(ours)
        for section in set(theirs) - varying:
            missing = [name for name in theirs[section] if name not in ours[section] and name not in COMPILED]
            assert not missing, f"{section}: {missing}"
        sections = []
        for reply in talk.both("INFO"):
            sections.append(list(info_fields(reply.decode())))
        assert sections[0] == sections[1]
        talk.same("INFO", "nosuch")
        talk.same("INFO", "nosuch", "cluster", "CLUSTER")
        ours, theirs = (info_fields(reply.decode()) for reply in talk.both("INFO", "debug"))
        assert set(ours["Debug"]) <= set(theirs["Debug"])


def test_info_after_reset(pair: tuple[Server, Server]) -> None:
    """CONFIG RESETSTAT sets the same fields to zero."""
    with Talk(pair) as talk:
        talk.both("MSET", *"a1b2c3")
        talk.both("GET", "nosuch")
        talk.both("INCR", "a", "b")
        talk.both("DEBUG", "SLEEP", "0.15")
        talk.both("CONFIG", "RESETSTAT")
        values = []
        for reply in talk.both("INFO", "stats"):
            lines = dict(line.split(":", 1) for line in reply.decode().split("\r\n") if ":" in line)
            values.append(lines)
        moving = "instantaneous|eventloop|total_(reads|writes|net|commands)|expir"
        steady = [n for n in values[1] if not re.match(moving, n)]
        assert {n: values[0].get(n) for n in steady} == {n: values[1][n] for n in steady}
        assert talk.same("INFO", "errorstats") == b"$14\r\n# Errorstats\r\n\r\n"
        for reply in talk.both("INFO", "commandstats"):
            assert b"cmdstat_mset" not in reply and b"cmdstat_config|resetstat:calls=1," in reply


def test_latency_stats(pair: tuple[Server, Server]) -> None:
    with Talk(pair) as talk:
        talk.same("CONFIG", "RESETSTAT")
        talk.same("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99.9 100")
        talk.same("DEBUG", "SLEEP", "0.02")
        for reply in talk.both("INFO", "latencystats"):
            found = re.search(rb"latency_percentiles_usec_debug:p50=([\d.]+),p99.9=([\d.]+),p100=([\d.]+)\r\n", reply)
            assert found and all(20_000 <= float(number) < 40_000 for number in found.groups()), reply
        talk.same("CONFIG", "SET", "latency-tracking-info-percentiles", "50 99 99.9")


# --- DEBUG ---

PROTOCOL_TYPES = "integer double bignum null array set map attrib verbatim true false nosuch".split()

DEBUGGED = [
    *[("PROTOCOL", kind) for kind in PROTOCOL_TYPES],
    ("PROTOCOL", "string"),
    ("ERROR", "FOO a\r\nb"),
    ("ERROR", ""),
    ("LOG", "x"),
    ("LOG",),
    ("PAUSE-CRON", "1"),
    ("PAUSE-CRON", "0"),
    ("CHANGE-REPL-ID",),
    ("DICT-RESIZING", "1"),
    ("QUICKLIST-PACKED-THRESHOLD", "100b"),
    ("QUICKLIST-PACKED-THRESHOLD", "4294967296"),
    ("QUICKLIST-PACKED-THRESHOLD", "4294967297"),
    ("QUICKLIST-PACKED-THRESHOLD", "x"),
    ("QUICKLIST-PACKED-THRESHOLD", "0"),
    ("REPLYBUFFER", "PEAK-RESET-TIME", "NEVER"),
    ("REPLYBUFFER", "PEAK-RESET-TIME", "RESET"),
    ("REPLYBUFFER", "RESIZING", "0"),
    ("REPLYBUFFER", "RESIZING", "1"),
    ("REPLYBUFFER", "nosuch", "1"),
    ("POPULATE", "100"),
    ("POPULATE", "10", "pre", "3"),
    ("POPULATE", "10", "pre", "300"),
    ("POPULATE", "3", "long", "30"),
    ("POPULATE", "-1"),
    ("POPULATE", "x"),
    ("POPULATE", "1", "p", "-1"),
    ("POPULATE", "1", "p", "1", "1"),
    ("HTSTATS-KEY", "key:1"),
    ("HTSTATS-KEY", "nosuch"),
    ("LISTPACK", "key:1"),
    ("LISTPACK", "nosuch"),
    ("QUICKLIST", "key:1"),
    ("RELOAD", "x"),
    ("nosuch",),
]


@pytest.mark.parametrize("protocol", [2, 3])
def test_debug_is_redis(pair: tuple[Server, Server], protocol: int) -> None:
    with Talk(pair, protocol) as talk:
        talk.same("FLUSHALL")
        for request in DEBUGGED:
            talk.same("DEBUG", *request)
        talk.same("DBSIZE")
        talk.same("DEBUG", "DIGEST")
        # Merged into what is there: the file's keys win, others stay.
        talk.same("SAVE")
        talk.same("SET", "key:1", "changed")
        talk.same("SET", "added", "v")
        talk.same("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE")
        talk.same("DEBUG", "DIGEST")
        talk.same("MGET", "key:1", "added", "pre:9")
        talk.same("DEBUG", "RELOAD")
        talk.same("DEBUG", "DIGEST")


# --- INFO keysizes ---

SIZED = """
SET a 12345 | SETEX b 100 x | APPEND a 678 | SETRANGE c 1000 x | INCR n | INCRBY n 99 | INCRBYFLOAT n 0.5 | DECR m
SETBIT bits 80 1 | BITOP NOT bits2 bits | BITFIELD bits SET u8 200 7 | GETDEL b | GETSET b xyz | MSET x 1 y 22 x 333
MSETNX z 1 w 2 | RPUSH l 1 2 3 | LPUSH l 4 5 | LPOP l | LREM l 1 2 | LINSERT l BEFORE 3 9 | LTRIM l 0 1
LMOVE l l LEFT RIGHT | LMOVE l l2 LEFT LEFT | RPOPLPUSH l l2 | RPUSH l2 7 8 9 | LPOP l2 5 | RPUSH l3 3 1 2
SORT l3 STORE a | SADD s a b c d e | SREM s a | SMOVE s s2 b | SPOP s | SADD s c d e | SADD s2 1 2 3
SUNIONSTORE l3 s s2 | SINTERSTORE l3 s nosuch | HSET h a 1 b 2 c 3 | HDEL h a | HINCRBY h z 5 | HSETNX h q 1
HDEL h b c z q | HSET h2 a 1 | ZADD zs 1 a 2 b 3 c | ZREM zs a | ZINCRBY zs 1 q | ZPOPMIN zs | ZUNIONSTORE c 2 zs s
ZRANGESTORE zs2 zs 0 0 | ZREMRANGEBYRANK zs 0 -1 | COPY c c2 | COPY a c2 REPLACE | RENAME c x | RENAMENX c2 y
RENAMENX c2 new | MOVE new 4 | EXPIRE y 0 | PEXPIREAT m 1 | SET s v KEEPTTL | GETEX s EX 0 | DEL h2 nosuch | UNLINK x
SADD many 1 2 3 4 5 6 7 8 9 | SET many 1 | COPY many many DB 5 | SELECT 5 | APPEND many 234567 | SELECT 0 | SWAPDB 0 5
DEBUG RELOAD | FLUSHDB | SWAPDB 4 5 | SELECT 4 | FLUSHDB | SELECT 0 | DEBUG POPULATE 50 key 33 | DEBUG POPULATE 60 key 3
FLUSHALL
"""


def test_key_sizes_are_redis(pair: tuple[Server, Server]) -> None:
    with Talk(pair) as talk:
        talk.same("FLUSHALL")
        for request in SIZED.replace("\n", " | ").split(" | "):
            if request.strip():
                talk.both(*request.split())
                replies = talk.both("INFO", "keysizes")
                assert replies[0] == replies[1], request
        assert replies[0] == b"$12\r\n# Keysizes\r\n\r\n"


# --- Tools ---


def test_cli_looks_at_keys(pair: tuple[Server, Server]) -> None:
    with Talk(pair) as talk:
        talk.same("FLUSHALL")
        talk.same("SET", "string", "x" * 1000)
        talk.same("RPUSH", "list", *range(100))
        talk.same("SADD", "set", *range(200))
        talk.same("HSET", "hash", *range(300))
        talk.same("ZADD", "zset", *range(400))
    outputs = [summary(cli(server, "--bigkeys")) for server in pair]
    assert outputs[0] == outputs[1]
    assert re.search(r"Biggest +hash found \S*hash\S* has 150 fields", outputs[0])
    for server in pair:
        assert len(re.findall(r"Biggest +\w+ found \S+ has \d+ bytes", cli(server, "--memkeys"))) == 5
    assert re.search(r"\d+ +\S+ +\d+ +0 +\d+", cli_for(pair[0], 1.5, "--stat", "-i", "0.3"))
    assert "seconds range" in cli_for(pair[0], 2.5, "--latency-history", "-i", "1")


def summary(output: str) -> str:
    return output[output.index("summary") :]


def test_cli_monitors(pair: tuple[Server, Server]) -> None:
    process = subprocess.Popen(
        ["stdbuf", "-oL", "redis-cli", "-p", str(pair[0].port), "MONITOR"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "OK\n"
    cli(pair[0], "SET", "k", "v w")
    line = process.stdout.readline()
    process.terminate()
    process.wait()
    assert line.endswith('"SET" "k" "v w"\n')


def test_prometheus_exporter(pair: tuple[Server, Server]) -> None:
    """What Debian's exporter makes of INFO, SLOWLOG, LATENCY and CLIENT LIST: every metric, no error."""
    program = ROOT / ".build-python/bin/prometheus-redis-exporter"
    if not program.exists():
        pytest.skip("the exporter could not be fetched")
    metrics = []
    for server in pair:
        cli(server, "CONFIG", "SET", "latency-monitor-threshold", "5", "slowlog-log-slower-than", "1000")
        cli(server, "DEBUG", "SLEEP", "0.01")
        port = free_port()
        addresses = [f"--redis.addr=redis://127.0.0.1:{server.port}", f"--web.listen-address=127.0.0.1:{port}"]
        with subprocess.Popen(
            [str(program), *addresses],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as exporter:
            text = scrape(port)
            exporter.terminate()
            log = exporter.communicate()[0]
        assert "redis_up 1\n" in text
        assert re.search(r"redis_exporter_last_scrape_error\{err=\"\"\} 0", text), log
        assert not re.search(r"level=(error|warning)", log), log
        metrics.append(set(re.findall(r"^(redis_\w+)", text, re.M)))
    missing = {name for name in metrics[1] - metrics[0] if "_distrib_" not in name}
    assert not missing, missing


def scrape(port: int) -> str:
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                break
        except OSError:
            time.sleep(0.05)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()

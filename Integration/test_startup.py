"""Listeners, the command line, configuration files, signals and the log."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness import ORACLE, OURS, Connection, Server, encode, eventually, free_port

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])


def talk(family: int, address: object) -> bytes:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(address)
        return Connection(client).call("PING")


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@BINARIES
@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_ipv6(binary: str) -> None:
    with Server(binary, "--bind", "127.0.0.1", "::1") as server:
        assert talk(socket.AF_INET6, ("::1", server.port)) == b"+PONG\r\n"
        assert talk(socket.AF_INET, ("127.0.0.1", server.port)) == b"+PONG\r\n"


@BINARIES
def test_optional_address(binary: str) -> None:
    """An address with a minus may be missing from the machine."""
    with Server(binary, "--bind", "127.0.0.1", "-192.0.2.1") as server:
        assert server.alive()


@BINARIES
def test_address_that_is_not_there(binary: str) -> None:
    done = start_and_wait(binary, "--bind", "192.0.2.1", "--port", str(free_port()))
    assert done.returncode != 0
    assert "192.0.2.1" in done.stdout


@BINARIES
def test_unix_socket(binary: str, tmp_path) -> None:
    path = str(tmp_path / "server.sock")
    with Server(binary, "--unixsocket", path, "--unixsocketperm", "700") as server:
        assert talk(socket.AF_UNIX, path) == b"+PONG\r\n"
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert not os.path.exists(path)


@BINARIES
def test_unix_socket_left_behind(binary: str, tmp_path) -> None:
    path = str(tmp_path / "server.sock")
    with Server(binary, "--unixsocket", path) as first:
        first.process.kill()
        first.process.wait()
    with Server(binary, "--unixsocket", path):
        assert talk(socket.AF_UNIX, path) == b"+PONG\r\n"


@BINARIES
def test_port_in_use(binary: str) -> None:
    with Server(binary) as server:
        done = start_and_wait(binary, "--bind", "127.0.0.1", "--port", str(server.port))
        assert done.returncode != 0
        assert str(server.port) in done.stdout
        assert server.alive()


@BINARIES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_gracefully(binary: str, number: signal.Signals) -> None:
    with Server(binary) as server, server.connect() as client:
        assert Connection(client).call("PING") == b"+PONG\r\n"
        server.process.send_signal(number)
        assert server.process.wait(10) == 0
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(10) == b""


def test_second_signal_ends_at_once() -> None:
    with Server(OURS) as server:
        with server.connect(timeout=60) as client:
            client.sendall(encode("SET", "k", b"x" * 1_000_000))
            server.process.send_signal(signal.SIGINT)
            server.process.send_signal(signal.SIGINT)
            server.process.wait(2)


@BINARIES
@pytest.mark.parametrize("arguments", [(), ("NOSAVE",), ("NOSAVE", "NOW"), ("NOSAVE", "FORCE"), ("nosave", "now", "force")])
def test_shutdown(binary: str, arguments: tuple[str, ...]) -> None:
    with Server(binary) as server, server.connect() as client:
        client.sendall(encode("SHUTDOWN", *arguments))
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100) == b""
        assert server.process.wait(10) == 0


@BINARIES
def test_stays_up_without_stdin_and_with_sigpipe(binary: str) -> None:
    with Server(binary) as server:
        server.process.send_signal(signal.SIGPIPE)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        assert server.alive()


CONFIGURATION = """\
# A comment, and an empty line.

PORT 1
timeout   77
tcp-keepalive\t99
maxclients 123
requirepass "se cret\\x21"
loglevel verbose
client-output-buffer-limit normal 1mb 512kb 10
client-query-buffer-limit 2mb
proto-max-bulk-len 3mb
databases 4
hz 20
bind 127.0.0.1
"""


@BINARIES
def test_configuration_file(binary: str) -> None:
    """The command line comes after the file, as the port shows."""
    with Server(binary, config=CONFIGURATION) as server, server.connect() as client:
        connection = Connection(client)
        assert connection.call("AUTH", "se cret!") == b"+OK\r\n"
        expected = {
            "timeout": "77",
            "tcp-keepalive": "99",
            "maxclients": "123",
            "requirepass": "se cret!",
            "loglevel": "verbose",
            "client-query-buffer-limit": "2097152",
            "proto-max-bulk-len": "3145728",
            "databases": "4",
            "hz": "20",
            "port": str(server.port),
        }
        for name, value in expected.items():
            reply = f"*2\r\n${len(name)}\r\n{name}\r\n${len(value)}\r\n{value}\r\n"
            assert connection.call("CONFIG", "GET", name) == reply.encode()
        limits = connection.call("CONFIG", "GET", "client-output-buffer-limit")
        assert b"normal 1048576 524288 10 slave 268435456 67108864 60 pubsub 33554432 8388608 60" in limits
        assert connection.call("SELECT", "4") == b"-ERR DB index is out of range\r\n"


def test_other_people_files(tmp_path) -> None:
    """Redis's own directives that do nothing here are accepted: a redis.conf in use elsewhere starts the server."""
    text = "save 900 1\nsave 300 10\nappendonly no\nalways-show-logo no\ndaemonize no\nprotected-mode yes\n"
    with Server(OURS, config=text) as server:
        assert server.alive()


WRONG_LINES = [
    "timeout abc",
    "timeout -1",
    "port 70000",
    "port",
    "maxclients 0",
    "nosuchdirective 1",
    "loglevel loud",
    "databases 0",
    "appendonly maybe",
    'requirepass "unbalanced',
    "client-output-buffer-limit normal 1mb",
    "client-output-buffer-limit nosuch 1mb 0 0",
    "proto-max-bulk-len 1xb",
    "proto-max-bulk-len 1",
    "dir /nosuch/directory",
    "timeout 1 2",
]


def start_and_wait(binary: str, *arguments: str) -> subprocess.CompletedProcess:
    """A start that is expected to fail."""
    return subprocess.run(
        [binary, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=10,
    )


@pytest.mark.parametrize("line", WRONG_LINES)
def test_wrong_configuration(line: str, tmp_path) -> None:
    """File, line, directive and Redis's reason."""
    path = tmp_path / "wrong.conf"
    path.write_text(f"# one\nhz 10\n{line}\nhz 11\n")
    ours = start_and_wait(OURS, str(path), "--port", str(free_port()))
    oracle = start_and_wait(ORACLE, str(path), "--port", str(free_port()))
    assert ours.returncode != 0 and oracle.returncode != 0
    reason = oracle.stdout.strip().splitlines()[-1]
    if "Module Configuration" in reason:  # Redis asks its modules about a directive it does not know
        reason = "Bad directive or wrong number of arguments"
    assert reason in ours.stdout
    assert "wrong.conf" in ours.stdout
    assert re.search(r"\bline:? 3\b", ours.stdout)
    assert line.split()[0] in ours.stdout


def test_missing_configuration_file(tmp_path) -> None:
    done = start_and_wait(OURS, str(tmp_path / "nosuch.conf"))
    assert done.returncode != 0
    assert "nosuch.conf" in done.stdout


def test_wrong_command_line() -> None:
    for arguments in (["--port", "abc"], ["--nosuch", "1"], ["--timeout"]):
        done = start_and_wait(OURS, *arguments)
        assert done.returncode != 0
        assert arguments[0].lstrip("-") in done.stdout


# What a server that only stored it would do harm by: clients count on it.
HARMFUL = [
    ("cluster-enabled", "yes"), ("replicaof", "127.0.0.1", "6379"),
    ("min-replicas-to-write", "1"), ("aclfile", "users.acl"),
    ("tls-port", "6380"), ("appendonly", "yes"),
    ("loadmodule", "/x.so"), ("user", "alice", "on"),
]  # fmt: skip


@pytest.mark.parametrize("words", HARMFUL, ids=lambda words: words[0])
def test_what_is_not_there_stops_the_start(words: tuple[str, ...]) -> None:
    done = start_and_wait(OURS, "--port", str(free_port()), f"--{words[0]}", *words[1:])
    assert done.returncode != 0
    assert words[0] in done.stdout


LOG_LINE = re.compile(r"^\d+:[MCSX] \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2}\.\d{3} [.\-*#] .+")


@BINARIES
def test_log_format(binary: str, tmp_path) -> None:
    path = tmp_path / "server.log"
    with Server(binary, "--logfile", str(path)) as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
        lines = [line for line in path.read_text().splitlines() if re.match(r"\d+:[A-Z] ", line)]
        assert len(lines) >= 3
        assert [line for line in lines if not LOG_LINE.match(line)] == []
        assert any("Ready to accept connections" in line for line in lines)


def test_keys_outlive_nothing(tmp_path) -> None:
    """With --save "" and no file, a restart is an empty server, and says nothing else."""
    with Server(OURS) as server:
        server.call("SET", "k", "v")
        assert server.call("DBSIZE") == b":1\r\n"
    with Server(OURS) as server:
        assert server.call("DBSIZE") == b":0\r\n"
        assert eventually(lambda: server.call("GET", "k") == b"$-1\r\n")

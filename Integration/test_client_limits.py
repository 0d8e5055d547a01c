"""Limits of single clients at, below and above their bounds, and what changes at run time; some beside Redis."""

import contextlib
import socket
import time

import pytest

from harness import ORACLE, OURS, Connection, Server, encode, eventually

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
MB = 1 << 20


def ended(client: socket.socket) -> bool:
    """Reads to the connection's end; False when it does not come."""
    client.settimeout(2)
    try:
        while client.recv(1 << 16):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def only(control: Connection, field: str, name: str) -> int:
    """That field of the client of that name."""
    for line in control.call("CLIENT", "LIST").decode().split("\n"):
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if words.get("name") == name:
            return int(words[field])
    raise KeyError(name)


@BINARIES
def test_maxclients_lowered(binary: str) -> None:
    """Those who are there stay; nobody new comes in until enough of them have gone."""
    with Server(binary, "--maxclients", "20") as server, contextlib.ExitStack() as stack:
        assert eventually(lambda: int(server.info("connected_clients")) == 1)
        clients = [Connection(stack.enter_context(server.connect())) for _ in range(5)]
        assert clients[0].call("CONFIG", "SET", "maxclients", "3") == b"+OK\r\n"
        assert [client.call("PING") for client in clients] == [b"+PONG\r\n"] * 5
        refusal = b"-ERR max number of clients reached\r\n"
        for gone in range(3):
            with server.connect() as refused:
                assert refused.recv(1000) == refusal
            assert clients.pop().call("QUIT") == b"+OK\r\n"
            assert eventually(lambda left=4 - gone: clients[0].call("CLIENT", "LIST").count(b"id=") == left)
        with server.connect() as third:
            assert Connection(third).call("PING") == b"+PONG\r\n"
            with server.connect() as refused:
                assert refused.recv(1000) == refusal
        assert b"rejected_connections:4\r\n" in clients[0].call("INFO", "stats")


def test_maxclients_beyond_the_limit_of_open_files() -> None:
    answers = []
    for binary in (OURS, ORACLE):
        with Server(binary) as server:
            answers.append(server.call("CONFIG", "SET", "maxclients", "100000000"))
            assert server.call("CONFIG", "GET", "maxclients") == b"*2\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n"
    assert answers[0].startswith(b"-ERR CONFIG SET failed") and answers[0] == answers[1]


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_hard_output_limit(excess: int) -> None:
    """One reply of 1 MiB, with its frame: all that waits at the end of a turn is compared with the limit."""
    with Server(OURS) as server:
        size = MB
        server.call("SETRANGE", "k", size - 1, "v")
        reply = len(b"$%d\r\n" % size) + size + 2
        server.call("CONFIG", "SET", "client-output-buffer-limit", f"normal {reply - excess} 0 0")
        with server.connect() as client:
            client.sendall(encode("GET", "k"))
            if excess > 0:
                assert ended(client)
            else:
                assert len(Connection(client).reply()) == reply
        count = server.info("client_output_buffer_limit_disconnections")
        assert count == ("1" if excess > 0 else "0")


@pytest.mark.parametrize("excess", [0, 1])
def test_soft_output_limit(excess: int) -> None:
    with Server(OURS) as server, server.connect() as other:
        control = Connection(other)
        control.call("SETRANGE", "k", 20 * MB - 1, "v")
        with server.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            Connection(client).call("CLIENT", "SETNAME", "lazy")
            client.sendall(encode("GET", "k"))
            assert eventually(lambda: only(control, "omem", "lazy") > 0)
            time.sleep(0.2)
            sent = only(control, "tot-net-out", "lazy") - len(b"+OK\r\n")
            waits = 20 * MB + len(b"$%d\r\n\r\n" % (20 * MB)) - sent
            control.call("CONFIG", "SET", "client-output-buffer-limit", f"normal 0 {waits - excess} 1")
            # More is asked for, so that the limit is looked at: but nothing that waits longer than that reply.
            client.sendall(encode("CLIENT", "REPLY", "SKIP") + encode("PING"))
            assert eventually(lambda: b"name=lazy" not in control.call("CLIENT", "LIST"), 4) == (excess > 0)
        assert server.info("client_output_buffer_limit_disconnections") == str(excess)


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_query_buffer_limit(excess: int) -> None:
    """What came of an argument that is read into its own place counts, with the head of the request."""
    limit = 2 * MB
    with Server(OURS, "--client-query-buffer-limit", str(limit)) as server, server.connect() as client:
        with server.connect() as other:
            control = Connection(other)
            Connection(client).call("CLIENT", "SETNAME", "long")
            head = b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (3 * MB)
            client.sendall(head + b"x" * MB)
            assert eventually(lambda: only(control, "qbuf", "long") == MB)
            # Beside the bytes themselves there are the places of the arguments.
            rest = limit - MB - len(head) - 8 * 16 + excess
            with contextlib.suppress(ConnectionError):
                client.sendall(b"x" * rest)
            is_gone = eventually(lambda: b"name=long" not in control.call("CLIENT", "LIST"), 1)
            assert is_gone == (excess > 0)
        assert server.info("client_query_buffer_limit_disconnections") == ("1" if excess > 0 else "0")


def test_room_for_more_of_a_request_is_given_back() -> None:
    """Half a request behind a long one: the long one's buffer goes when nothing has come for two seconds."""
    with Server(OURS) as server, server.connect() as client, server.connect() as other:
        control = Connection(other)
        Connection(client).call("CLIENT", "SETNAME", "half")
        words = [word for number in range(1000) for word in (f"key:{number}", "x" * 100)]
        long = encode("MSET", *words)
        client.sendall(long[:100_000])
        assert eventually(lambda: only(control, "qbuf", "half") + only(control, "argv-mem", "half") >= 100_000)
        client.sendall(long[100_000:] + b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva")
        assert client.recv(100) == b"+OK\r\n"
        assert only(control, "tot-mem", "half") > 50_000
        assert eventually(lambda: only(control, "tot-mem", "half") < 4_000, 5)
        client.sendall(b"lue\r\n")
        assert client.recv(100) == b"+OK\r\n"
        assert control.call("GET", "k") == b"$5\r\nvalue\r\n"


def test_a_large_argument_takes_its_own_room_only() -> None:
    with Server(OURS) as server, server.connect() as client, server.connect() as other:
        control = Connection(other)
        Connection(client).call("CLIENT", "SETNAME", "large")
        client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n" + b"x" * 900_000)
        assert eventually(lambda: only(control, "qbuf", "large") == 900_000)
        assert only(control, "tot-mem", "large") < 1_060_000
        client.sendall(b"x" * 100_000 + b"\r\n")
        assert client.recv(100) == b"+OK\r\n"


@BINARIES
def test_monitors_are_not_idle(binary: str) -> None:
    with Server(binary, "--timeout", "1") as server, server.connect() as client, server.connect() as idle:
        monitor = Connection(client)
        assert monitor.call("MONITOR") == b"+OK\r\n"
        assert ended(idle) or ended(idle)
        time.sleep(0.5)
        server.call("PING")
        assert monitor.reply().endswith(b'"PING"\r\n')


@BINARIES
def test_refusals_do_not_wait_for_a_pause(binary: str) -> None:
    with Server(binary) as server, server.connect() as client, server.connect() as other:
        one = Connection(client)
        one.call("MULTI")
        Connection(other).call("CLIENT", "PAUSE", "100000", "ALL")
        assert one.call("PSYNC", "?", "-1") == b"-ERR Command not allowed inside a transaction\r\n"


@BINARIES
def test_request_being_served(binary: str) -> None:
    """`qbuf` of the client that asks is its own request."""
    with Server(binary) as server, server.connect() as client:
        one = Connection(client)
        for request in (["CLIENT", "LIST"], ["CLIENT", "INFO"], ["CLIENT", "LIST", "TYPE", "normal"]):
            assert b" qbuf=%d " % len(encode(*request)) in one.call(*request)

"""What clients may not do, and that doing it harms nobody else. The oracle must pass the same tests."""

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from harness import ORACLE, OURS, Connection, Exchange, Server, encode, eventually, exchange

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Server, Server]]:
    """Both servers with a password."""
    with Server(OURS, "--requirepass", "secret") as ours, Server(ORACLE, "--requirepass", "secret") as oracle:
        yield ours, oracle


def same(pair: tuple[Server, Server], data: bytes) -> Exchange:
    ours, oracle = (exchange(server, [data], quiet=0.3) for server in pair)
    assert (ours[0], ours[1] == "open") == (oracle[0], oracle[1] == "open")
    return ours


AUTHENTICATION = {
    "refused": encode("GET", "k") + encode("PING") + encode("NOSUCH") + encode("SELECT", "1"),
    "refused inline": b"PING\r\nGET k\r\n",
    "wrong": encode("AUTH", "wrong") + encode("GET", "k"),
    "right": encode("AUTH", "secret") + encode("GET", "k") + encode("PING"),
    "right user": encode("AUTH", "default", "secret") + encode("PING"),
    "other user": encode("AUTH", "nobody", "secret") + encode("PING"),
    "arity before rights": encode("GET") + encode("AUTH"),
    "hello needs it": encode("HELLO") + encode("HELLO", "3"),
    "hello with it": encode("HELLO", "2", "AUTH", "default", "wrong") + encode("PING"),
    "reset takes it away": encode("AUTH", "secret") + encode("RESET") + encode("PING"),
    "quit": encode("QUIT"),
    "command": encode("COMMAND", "COUNT"),
    "config": encode("CONFIG", "GET", "requirepass"),
    "config with": encode("AUTH", "secret") + encode("CONFIG", "GET", "requirepass"),
    "ten arguments": encode("AUTH", *["x"] * 9),
    "eleven arguments": encode("AUTH", *["x"] * 10),
    "eleven arguments later": encode("PING") + b"*11\r\n",
    "argument of 16384": encode("ECHO", "x" * 16_384),
    "argument of 16385": b"*2\r\n$4\r\nECHO\r\n$16385\r\n",
    "large after it": encode("AUTH", "secret") + encode("ECHO", "x" * 20_000),
    "many after it": encode("AUTH", "secret") + encode("MGET", *["k"] * 20),
}


@pytest.mark.parametrize("name", AUTHENTICATION)
def test_authentication(guarded: tuple[Server, Server], name: str) -> None:
    same(guarded, AUTHENTICATION[name])


def test_hello_with_password(guarded: tuple[Server, Server]) -> None:
    for server in guarded:
        with server.connect() as client:
            connection = Connection(client)
            assert connection.call("HELLO", "3", "AUTH", "default", "secret").startswith(b"%7\r\n")
            assert connection.call("PING") == b"+PONG\r\n"


@BINARIES
def test_password_set_later(binary: str) -> None:
    with Server(binary) as server, server.connect() as before:
        old = Connection(before)
        assert old.call("CONFIG", "SET", "requirepass", "later") == b"+OK\r\n"
        assert old.call("PING") == b"+PONG\r\n"
        assert server.call("PING").startswith(b"-NOAUTH")
        assert old.call("CONFIG", "SET", "requirepass", "") == b"+OK\r\n"
        assert server.call("PING") == b"+PONG\r\n"


@BINARIES
def test_maxclients(binary: str) -> None:
    with Server(binary, "--maxclients", "3") as server, contextlib.ExitStack() as stack:
        # The probe that waited for the server's start may still be counted for a moment.
        assert eventually(lambda: int(server.info("connected_clients")) == 1)
        clients = [Connection(stack.enter_context(server.connect())) for _ in range(3)]
        assert all(client.call("PING") == b"+PONG\r\n" for client in clients)
        with server.connect() as refused:
            assert refused.recv(1000) == b"-ERR max number of clients reached\r\n"
            assert refused.recv(1000) == b""
        assert clients[0].call("CONFIG", "SET", "maxclients", "4") == b"+OK\r\n"
        assert server.call("PING") == b"+PONG\r\n"
        clients[0].call("QUIT")
        assert eventually(lambda: server.call("PING") == b"+PONG\r\n")
        assert int(server.info("rejected_connections")) >= 1


@BINARIES
def test_client_that_does_not_read(binary: str) -> None:
    """Others are served meanwhile, and the replies are all there when the client reads at last."""
    with Server(binary) as server:
        value = b"v" * 100_000
        server.call("SET", "k", value)
        with server.connect(timeout=30) as lazy:
            lazy.sendall(encode("GET", "k") * 500)
            for _ in range(100):
                start = time.monotonic()
                assert server.call("PING") == b"+PONG\r\n"
                assert time.monotonic() - start < 1
            connection = Connection(lazy)
            assert all(connection.reply() == b"$100000\r\n" + value + b"\r\n" for _ in range(500))


@BINARIES
def test_output_limit_closes(binary: str) -> None:
    with Server(binary, "--client-output-buffer-limit", "normal 1mb 0 0") as server:
        server.call("SET", "k", b"v" * 100_000)
        with server.connect(timeout=10) as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with contextlib.suppress(OSError):
                lazy.sendall(encode("GET", "k") * 1000)
            assert eventually(lambda: int(server.info("connected_clients")) == 1)
        assert int(server.info("client_output_buffer_limit_disconnections")) == 1
        assert server.alive()


@BINARIES
def test_soft_output_limit_closes(binary: str) -> None:
    with Server(binary, "--client-output-buffer-limit", "normal 0 1mb 1") as server:
        server.call("SET", "k", b"v" * 100_000)
        with server.connect(timeout=10) as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.sendall(encode("GET", "k") * 100)
            time.sleep(0.3)
            assert int(server.info("connected_clients")) == 2
            assert eventually(lambda: int(server.info("connected_clients")) == 1, seconds=5)


@BINARIES
def test_query_buffer_limit(binary: str) -> None:
    with Server(binary, "--client-query-buffer-limit", "1mb") as server:
        with server.connect() as client:
            with contextlib.suppress(OSError):
                client.sendall(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n" + b"x" * 3_000_002)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(100) == b""
        assert int(server.info("client_query_buffer_limit_disconnections")) == 1
        with server.connect() as client:
            value = b"x" * 900_000
            assert Connection(client).call("ECHO", value) == b"$900000\r\n" + value + b"\r\n"


@BINARIES
def test_proto_max_bulk_len(binary: str) -> None:
    with Server(binary, "--proto-max-bulk-len", "1mb") as server:
        fits = exchange(server, [encode("SET", "k", b"x" * (1 << 20))], quiet=1)
        assert fits == (b"+OK\r\n", "open")
        assert exchange(server, [b"*2\r\n$4\r\nECHO\r\n$1048577\r\n"])[0] == b"-ERR Protocol error: invalid bulk length\r\n"
        assert server.call("APPEND", "k", "x").startswith(b"-ERR string exceeds maximum allowed size")
        assert server.call("SETRANGE", "k", 1 << 20, "x").startswith(b"-ERR string exceeds maximum allowed size")


@BINARIES
def test_idle_clients_are_closed(binary: str) -> None:
    with Server(binary, "--timeout", "1") as server, server.connect() as idle, server.connect() as busy:
        connection = Connection(busy)
        for _ in range(30):
            assert connection.call("PING") == b"+PONG\r\n"
            time.sleep(0.1)
        idle.settimeout(1)
        assert idle.recv(10) == b""


@BINARIES
def test_out_of_descriptors(binary: str) -> None:
    """accept fails with EMFILE: clients that are connected go on, others wait or are dropped, and all is well again
    when there is room."""
    with Server(binary) as server:
        limit = 40
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, limit))
        with contextlib.ExitStack() as stack:
            kept = Connection(stack.enter_context(server.connect()))
            assert kept.call("PING") == b"+PONG\r\n"
            for _ in range(2 * limit):
                stack.enter_context(server.connect())
            time.sleep(0.3)
            for number in range(100):
                assert kept.call("SET", "k", number) == b"+OK\r\n"
            # A listener that stays readable must not make the loop spin: a second of waiting costs little.
            start = cpu_seconds(server)
            time.sleep(1)
            if binary == OURS:
                assert cpu_seconds(server) - start < 0.2
        assert eventually(server.alive)


def cpu_seconds(server: Server) -> float:
    with open(f"/proc/{server.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@BINARIES
def test_low_descriptor_limit_at_start(binary: str) -> None:
    """The hard limit cannot be raised: maxclients is lowered to what fits."""
    with Server(binary, descriptors=100) as server:
        reply = server.call("CONFIG", "GET", "maxclients")
        lowered = int(reply.split(b"\r\n")[-2])
        assert 0 < lowered < 100
        with contextlib.ExitStack() as stack:
            for _ in range(120):
                stack.enter_context(server.connect())
            time.sleep(0.2)
        assert eventually(server.alive)


@BINARIES
def test_many_connections_come_and_go(binary: str) -> None:
    with Server(binary) as server:
        fresh = server.resident()
        for _ in range(20):
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(server.connect()) for _ in range(200)]
                for client in clients:
                    client.sendall(b"PING\r\n")
                assert all(client.recv(7) == b"+PONG\r\n" for client in clients)
        assert eventually(lambda: int(server.info("connected_clients")) == 1)
        assert server.resident() - fresh < 30 << 20


@BINARIES
def test_endless_pipeline_of_long_requests(binary: str) -> None:
    """Every read ends within a request, so the buffer is never empty: what is done with must leave it all the same."""
    size = 20_000
    request = encode("SET", "k", "x" * size)
    with Server(binary, "--client-query-buffer-limit", "1mb") as server, server.connect(timeout=30) as client:
        fresh = server.resident()
        count = 3000
        connection = Connection(client)
        sender = threading.Thread(target=client.sendall, args=(request * count,))
        sender.start()
        assert all(connection.reply() == b"+OK\r\n" for _ in range(count))
        sender.join()
        assert server.resident() - fresh < 20 << 20


@BINARIES
def test_requests_faster_than_commands(binary: str) -> None:
    """A client sends more than its commands let through: it has to wait, and others are served meanwhile."""
    with Server(binary, "--client-query-buffer-limit", "1mb") as server, server.connect(timeout=60) as client:
        for first in range(0, 60_000, 1000):
            server.call("MSET", *[item for n in range(first, first + 1000) for item in (f"key:{n}", "v")])
        fresh = server.resident()
        slow = encode("KEYS", "nosuch*")
        count = 3000
        request = b"".join([slow, encode("ECHO", "y" * 8000)])
        connection = Connection(client)
        sender = threading.Thread(target=client.sendall, args=(request * count,))
        sender.start()
        start = time.monotonic()
        assert server.call("PING") == b"+PONG\r\n"
        assert time.monotonic() - start < 2
        echoed = b"$8000\r\n" + b"y" * 8000 + b"\r\n"
        largest = 0
        for number in range(count):
            if number % 100 == 0:
                largest = max(largest, server.resident())
            assert connection.reply() == b"*0\r\n"
            assert connection.reply() == echoed
        sender.join()
        assert largest - fresh < 10 << 20


def test_a_turn_ends_after_a_long_command() -> None:
    """A pipeline of long commands leaves room for others between any two of them."""
    with Server(OURS) as server, contextlib.closing(Connection(server.connect())) as connection:
        for start in range(0, 300_000, 1000):
            connection.call("MSET", *[word for n in range(start, start + 1000) for word in (f"key:{n}", "v")])
        connection.call("CONFIG", "RESETSTAT")
        replies = connection.send(encode("KEYS", "*no-such*") * 16, 16)
        assert replies == [b"*0\r\n"] * 16
        command, turn = (int(server.info(f"loop_{step}_max_usec")) for step in ("command", "turn"))
        assert command > 3000, "too short to tell"
        assert turn < 4 * command

"""Clients that send slowly, never read, hang up in the middle, or ask for too much: others are served meanwhile."""

import contextlib
import resource
import socket
import threading
import time

import pytest

from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually, reset


class Probe:
    """A client that asks for little, again and again, and how long it waited at most."""

    def __init__(self, server: Server):
        self.worst = 0.0
        self.count = 0
        self.ends = False
        self.connection = Connection(server.connect())
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.ends:
            start = time.monotonic()
            assert self.connection.call("PING") == b"+PONG\r\n"
            self.worst = max(self.worst, time.monotonic() - start)
            self.count += 1

    def __enter__(self) -> "Probe":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends = True
        self.thread.join()
        self.connection.close()


# Walks as many keys as take it some milliseconds.
SLOW = encode("KEYS", "nosuch*")
SLOW_REPLY = b"*0\r\n"


@pytest.fixture
def server():
    with Server(OURS) as server:
        yield server


@pytest.fixture
def slow_server(server: Server) -> Server:
    with server.connect() as client:
        for start in range(0, 300_000, 10_000):
            keys = [f"walked:{number}" for number in range(start, start + 10_000)]
            Connection(client).call("MSET", *[word for key in keys for word in (key, "")])
    return server


def test_a_batch_ends_at_a_long_command(slow_server: Server) -> None:
    """Thirty-two commands that take milliseconds each are not one turn: others come in between."""
    with slow_server.connect() as client, slow_server.connect() as other:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one, two = Connection(client), Connection(other)
        two.call("PING")
        client.sendall(SLOW * 32 + encode("ECHO", "end"))
        time.sleep(0.01)
        start = time.monotonic()
        assert two.call("PING") == b"+PONG\r\n"
        waited = time.monotonic() - start
        assert waited < 0.1, waited
        assert [one.reply() for _ in range(33)] == [SLOW_REPLY] * 32 + [b"$3\r\nend\r\n"]


def duration(connection: Connection) -> float:
    """What one of the slow requests takes, seconds."""
    times = []
    for _ in range(5):
        start = time.monotonic()
        connection.socket.sendall(SLOW)
        assert connection.reply() == SLOW_REPLY
        times.append(time.monotonic() - start)
    return min(times)


def test_crowd_beside_a_pipeline_of_long_commands(slow_server: Server) -> None:
    """Between two of one client's long commands all others are served, not one of them."""
    with slow_server.connect() as client, contextlib.ExitStack() as stack:
        one = Connection(client)
        slow = duration(one)
        crowd = [Connection(stack.enter_context(slow_server.connect())) for _ in range(100)]
        client.sendall(SLOW * 150)
        time.sleep(slow)
        start = time.monotonic()
        for connection in crowd:
            connection.socket.sendall(encode("PING"))
        assert [connection.reply() for connection in crowd] == [b"+PONG\r\n"] * 100
        assert time.monotonic() - start < 30 * slow
        assert [one.reply() for _ in range(150)] == [SLOW_REPLY] * 150


def test_two_pipelines_of_long_commands_take_turns(slow_server: Server) -> None:
    with slow_server.connect() as first, slow_server.connect() as second:
        one, two = Connection(first), Connection(second)
        slow = duration(one)
        first.sendall(SLOW * 150)
        time.sleep(slow)
        start = time.monotonic()
        second.sendall(SLOW * 10 + encode("ECHO", "end"))
        assert [two.reply() for _ in range(11)] == [SLOW_REPLY] * 10 + [b"$3\r\nend\r\n"]
        assert time.monotonic() - start < 60 * slow
        assert [one.reply() for _ in range(150)] == [SLOW_REPLY] * 150


def test_order_and_contents_survive_a_batch_that_ended(slow_server: Server) -> None:
    """What is left of a batch, of several clients and of arguments of every size, runs once and in order."""
    with contextlib.ExitStack() as stack:
        connections = [Connection(stack.enter_context(slow_server.connect())) for _ in range(8)]
        for number, connection in enumerate(connections):
            parts = []
            for step in range(20):
                parts.append(encode("APPEND", f"k{number}", chr(65 + step) * 3))
                if step % 5 == 2:
                    parts.append(SLOW)
                if step == 7:
                    parts.append(encode("SET", f"big{number}", "x" * 300_000))
                    parts.append(encode("NOSUCHCOMMAND", step))
            parts.append(encode("GET", f"k{number}"))
            connection.socket.sendall(b"".join(parts))
        for number, connection in enumerate(connections):
            replies = [connection.reply() for _ in range(27)]
            expected = "".join(chr(65 + step) * 3 for step in range(20)).encode()
            assert replies[-1] == b"$60\r\n" + expected + b"\r\n"
            assert sum(reply.startswith(b"-ERR unknown") for reply in replies) == 1
            assert connection.call("STRLEN", f"big{number}") == b":300000\r\n"


def test_transactions_and_modes_over_a_batch_that_ended(slow_server: Server) -> None:
    with slow_server.connect() as client:
        connection = Connection(client)
        client.sendall(
            SLOW + encode("MULTI") + encode("SET", "a", "1") + encode("EXEC")
            + encode("CLIENT", "REPLY", "SKIP") + SLOW + encode("SELECT", "3") + encode("SET", "b", "2")
            + SLOW + encode("GET", "b") + encode("QUIT") + encode("SET", "b", "3")
        )  # fmt: skip
        replies = b""
        while data := client.recv(1000):
            replies += data
        transaction = b"+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"
        assert replies == SLOW_REPLY + transaction + b"+OK\r\n+OK\r\n" + SLOW_REPLY + b"$1\r\n2\r\n+OK\r\n"
    assert slow_server.call("GET", "a") == b"$1\r\n1\r\n"


def test_killed_with_requests_left(slow_server: Server) -> None:
    with slow_server.connect() as client, slow_server.connect() as other:
        control = Connection(other)
        number = int(Connection(client).call("CLIENT", "ID")[1:])
        client.sendall((encode("INCR", "n") + SLOW) * 30)
        time.sleep(0.05)
        assert control.call("CLIENT", "KILL", "ID", number) == b":1\r\n"
        count = control.call("GET", "n")
        assert 0 < int(count.split(b"\r\n")[1]) < 30
        time.sleep(0.3)
        assert control.call("GET", "n") == count


def test_half_closed_with_requests_left(slow_server: Server) -> None:
    with slow_server.connect() as client:
        client.sendall((encode("INCR", "h") + SLOW) * 40)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while data := client.recv(10_000):
            received += data
        assert received.count(SLOW_REPLY) == 40 and b":40\r\n" in received


def test_one_byte_at_a_time(server: Server) -> None:
    data = encode("MSET", *[f"key:{number}" for number in range(100)]) + encode("GET", "key:98") + b"PING\r\n"
    with Probe(server) as probe, server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(len(data)):
            client.sendall(data[index : index + 1])
        connection = Connection(client)
        assert [connection.reply() for _ in range(3)] == [b"+OK\r\n", b"$6\r\nkey:99\r\n", b"+PONG\r\n"]
    assert probe.worst < 0.1


def test_crowd_that_never_reads(server: Server) -> None:
    """They ask for gigabytes; the server neither keeps that nor waits for them."""
    server.call("SETRANGE", "k", 1 << 20, "v")
    before = server.resident()
    with Probe(server) as probe, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(50)]
        for client in clients:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.send(encode("GET", "k") * 200)
        time.sleep(1)
        count = probe.count
        time.sleep(0.5)
        assert probe.count - count > 100
        assert server.resident() - before < 300 << 20
    assert probe.worst < 0.15, probe.worst


def test_crowd_that_reads_long_replies(server: Server) -> None:
    """Sending is shared out in time too: no turn waits for 20 clients that take 4 MB at a time."""
    server.call("SETRANGE", "k", 4 << 20, "v")
    ends = threading.Event()

    def download() -> None:
        with server.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            while not ends.is_set():
                client.sendall(encode("GET", "k"))
                left = (4 << 20) + 1 + len(b"$4194305\r\n\r\n")
                while left:
                    left -= len(client.recv(min(left, 1 << 20)))

    threads = [threading.Thread(target=download) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    server.call("CONFIG", "RESETSTAT")
    time.sleep(1.5)
    ends.set()
    for thread in threads:
        thread.join()
    longest = int(server.info("loop_turn_max_usec"))
    assert longest < 12_000, longest


def test_vanishing_in_the_middle(server: Server) -> None:
    before = int(server.info("connected_clients"))
    for number in range(300):
        client = server.connect()
        half = encode("SET", "k", "x" * 100_000)[:50_000]
        data = [b"*3\r\n$3\r\nSE", half, encode("GET", "k") * 1000, b"", b"PING"][number % 5]
        client.sendall(data)
        if number % 2:
            reset(client)
        else:
            client.close()
    assert eventually(lambda: int(server.info("connected_clients")) == before)
    turns = int(server.info("eventloop_cycles"))
    time.sleep(0.3)
    assert int(server.info("eventloop_cycles")) - turns < 200


def test_endless_pipelines(server: Server) -> None:
    """Clients that send all the time and read all the time; one that does not is served in between."""
    server.call("SET", "k", "v")
    ends = threading.Event()

    def pipeline() -> None:
        with server.connect() as client:
            data = encode("GET", "k") * 1000
            while not ends.is_set():
                client.sendall(data)
                left = 7 * 1000
                while left:
                    left -= len(client.recv(left))

    threads = [threading.Thread(target=pipeline) for _ in range(4)]
    for thread in threads:
        thread.start()
    with Probe(server) as probe:
        time.sleep(1)
    ends.set()
    for thread in threads:
        thread.join()
    assert probe.count > 50


def test_thousands_connect_at_once(server: Server) -> None:
    wanted = 10_000 if LONG else 2_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted + 200:
        pytest.skip("too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 200), hard))
    assert server.call("CONFIG", "SET", "maxclients", wanted + 100) == b"+OK\r\n"
    clients = []
    try:
        with Probe(server) as probe:
            for _ in range(wanted):
                client = socket.socket()
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect(("127.0.0.1", server.port))
                clients.append(client)
            # One that the kernel answered by a SYN cookie is no connection until something comes by it.
            for client in clients:
                client.settimeout(20)
                client.sendall(encode("PING"))
            assert eventually(lambda: int(server.info("connected_clients")) > wanted, 30)
        assert probe.worst < 0.5
        for client in clients[:: wanted // 100]:
            assert Connection(client).reply() == b"+PONG\r\n"
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert eventually(lambda: int(server.info("connected_clients")) <= 3)


def lan_address() -> str | None:
    """An address of this machine that is no loopback one; nothing sent to it leaves the machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address


@pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
def test_protected_mode(binary: str) -> None:
    address = lan_address()
    if address is None:
        pytest.skip("no address but loopback ones")

    def answer(server: Server) -> bytes:
        with socket.create_connection((address, server.port), timeout=5) as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(b"PING\r\n")
            with contextlib.suppress(ConnectionError):
                return client.recv(2000)
            return b""

    with Server(binary, "--bind", "0.0.0.0") as server:
        text = answer(server)
        assert text.startswith(b"-DENIED ") and b"protected mode" in text
        assert text.endswith(b"\r\n") and text.count(b"\n") == 1
        assert server.info("rejected_connections") == "1"
        server.call("CONFIG", "SET", "protected-mode", "no")
        assert answer(server) == b"+PONG\r\n"
        server.call("CONFIG", "SET", "protected-mode", "yes")
        server.call("CONFIG", "SET", "requirepass", "secret")
        assert answer(server).startswith(b"-NOAUTH")

"""maxmemory-clients: whose connection is ended, and when; and that the books of clients' memory are right."""

import contextlib
import random
import socket
import time

import pytest

from harness import ORACLE, OURS, Connection, Server, encode, eventually

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
MB = 1 << 20


def is_gone(client: socket.socket, seconds: float = 2) -> bool:
    client.settimeout(seconds)
    try:
        while client.recv(1 << 16):
            pass
        return True
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    finally:
        client.settimeout(10)


def total(control: Connection, field: str) -> int:
    return sum(values(control, field))


def values(control: Connection, field: str) -> list[int]:
    text = control.call("CLIENT", "LIST").decode()
    return [int(word.split("=")[1]) for word in text.split() if word.startswith(field + "=")]


def fill(client: socket.socket, count: int) -> None:
    """Sends `count` bytes of a request that is never finished; the server may end the connection before all is sent."""
    with contextlib.suppress(ConnectionError):
        client.sendall(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (count + 10) + b"x" * count)


@pytest.mark.parametrize("value,answer", [
    ("0", "0"), ("1", "1"), ("5%", "5%"), ("100%", "100%"), ("0%", "0"), ("1gb", "1073741824"), ("101%", None),
    ("-1", None),
    ("-5%", None), ("1%%", None), ("%", None), ("5.5%", None), ("05%", None), ("x", None), ("1k%", None),
])  # fmt: skip
def test_values(pair: tuple[Server, Server], value: str, answer: str | None) -> None:
    ours, theirs = (server.call("CONFIG", "SET", "maxmemory-clients", value) for server in pair)
    assert ours == theirs
    ours, theirs = (server.call("CONFIG", "GET", "maxmemory-clients") for server in pair)
    assert ours == theirs and (answer is None or ours.endswith(b"\r\n%s\r\n" % answer.encode()))
    for server in pair:
        server.call("CONFIG", "SET", "maxmemory-clients", "0")


@BINARIES
def test_below_and_above_the_limit(binary: str) -> None:
    """One that has received too much, at once; one a little below stays."""
    with Server(binary, "--maxmemory-clients", "3000000") as server, contextlib.ExitStack() as stack:
        small, large = (stack.enter_context(server.connect()) for _ in range(2))
        fill(small, 1_000_000)
        assert not is_gone(small, 0.3)
        fill(large, 3_000_000)
        assert is_gone(large)
        assert not is_gone(small, 0.3)
        assert server.info("evicted_clients") == "1"
        assert server.log().count("Evicting client: id=") == 1


def test_exactly_at_the_limit() -> None:
    with Server(OURS) as server, contextlib.ExitStack() as stack:
        control = Connection(stack.enter_context(server.connect()))
        client = stack.enter_context(server.connect())
        fill(client, 500_000)
        assert eventually(lambda: max(values(control, "qbuf")) == 500_000)
        # The connection that asks counts as well.
        memory = total(control, "tot-mem")
        assert control.call("CONFIG", "SET", "maxmemory-clients", memory + 16) == b"+OK\r\n"
        assert not is_gone(client, 0.3)
        assert control.call("CONFIG", "SET", "maxmemory-clients", memory - 1) == b"+OK\r\n"
        assert is_gone(client)


@BINARIES
@pytest.mark.parametrize("kind", ["arguments", "one argument", "replies", "transaction", "watch", "held"])
def test_what_counts(binary: str, kind: str) -> None:
    with Server(binary, "--maxmemory-clients", "3000000") as server, contextlib.ExitStack() as stack:
        control = Connection(stack.enter_context(server.connect()))
        client = stack.enter_context(server.connect())
        with contextlib.suppress(ConnectionError, TimeoutError):
            if kind == "arguments":
                client.sendall(b"*100000\r\n" + b"$100\r\n" + b"x" * 100 + b"\r\n")
                for _ in range(400):
                    client.sendall((b"$100\r\n" + b"x" * 100 + b"\r\n") * 100)
            elif kind == "one argument":
                fill(client, 4 * MB)
            elif kind == "replies":
                control.call("SETRANGE", "k", 200_000, "v")
                client.sendall(encode("GET", "k") * 200)
                time.sleep(0.5)
            elif kind == "transaction":
                client.sendall(encode("MULTI") + encode("SET", "k", "x" * 800_000) * 5)
            elif kind == "watch":
                control.call("CONFIG", "SET", "maxmemory-clients", "200000")
                for number in range(2000):
                    client.sendall(encode("WATCH", f"key:{number}"))
            else:
                control.call("CLIENT", "PAUSE", 100_000, "WRITE")
                client.sendall(encode("SET", "k", "x" * 3_100_000))
        assert is_gone(client)
        assert control.call("PING") == b"+PONG\r\n"
        assert server.info("evicted_clients") == "1"


@BINARIES
def test_largest_first(binary: str) -> None:
    with Server(binary) as server, contextlib.ExitStack() as stack:
        control = Connection(stack.enter_context(server.connect()))
        control.call("CLIENT", "NO-EVICT", "ON")
        clients = []
        for size in (128 << 10, MB, 3 * MB):
            for _ in range(3):
                client = stack.enter_context(server.connect())
                fill(client, size)
                clients.append((size, client))
        assert eventually(lambda: sum(value > 100_000 for value in values(control, "qbuf")) == 9)
        for size, left in ((3 * MB, 6), (MB, 3), (128 << 10, 0)):
            memory = total(control, "tot-mem")
            mine = sum(value for value in values(control, "tot-mem") if size <= value < 2.5 * size)
            control.call("CONFIG", "SET", "maxmemory-clients", memory - mine + 40_000)
            assert eventually(lambda left=left: sum(value > 100_000 for value in values(control, "qbuf")) == left)
            assert all(is_gone(client) for other, client in clients if other == size)
        # The limit's own least, however little is set.
        control.call("CONFIG", "SET", "maxmemory-clients", "1")
        other = Connection(stack.enter_context(server.connect()))
        time.sleep(0.3)
        assert other.call("PING") == b"+PONG\r\n"


@BINARIES
def test_only_until_below_the_limit(binary: str) -> None:
    with Server(binary) as server, contextlib.ExitStack() as stack:
        control = Connection(stack.enter_context(server.connect()))
        control.call("CLIENT", "NO-EVICT", "ON")
        for _ in range(10):
            fill(stack.enter_context(server.connect()), MB)
        assert eventually(lambda: sum(value >= MB for value in values(control, "qbuf")) == 10)
        largest = max(values(control, "tot-mem"))
        mine = min(values(control, "tot-mem"))
        control.call("CONFIG", "SET", "maxmemory-clients", largest * 5 + mine + 50_000)
        assert eventually(lambda: sum(value >= MB for value in values(control, "qbuf")) == 5)
        time.sleep(0.3)
        assert sum(value >= MB for value in values(control, "qbuf")) == 5


@BINARIES
def test_no_evict(binary: str) -> None:
    with Server(binary, "--maxmemory-clients", "3000000") as server, contextlib.ExitStack() as stack:
        control, other = (Connection(stack.enter_context(server.connect())) for _ in range(2))
        client = stack.enter_context(server.connect())
        control.call("CLIENT", "NO-EVICT", "ON")
        Connection(client).call("CLIENT", "NO-EVICT", "ON")
        fill(client, 4_000_000)
        assert eventually(lambda: max(values(control, "qbuf")) == 4_000_000)
        # It counts all the same, so others go in its place, however small.
        with contextlib.suppress(ConnectionError):
            other.call("PING")
        assert is_gone(other.socket)
        client.sendall(b"x" * 10 + b"\r\n")
        assert Connection(client).call("CLIENT", "NO-EVICT", "OFF")[:5] == b"$4000"
        fill(client, 4_000_000)
        assert is_gone(client)


@BINARIES
def test_output_limit_comes_first(binary: str) -> None:
    """Clients that are disconnected for their replies make room, so that nobody has to go for memory."""
    options = ["--maxmemory-clients", str(10 * MB), "--client-output-buffer-limit", "normal 3mb 0 0"]
    with Server(binary, *options) as server, contextlib.ExitStack() as stack:
        control = Connection(stack.enter_context(server.connect()))
        control.call("SETRANGE", "k", 4 * MB, "v")
        quiet, *loud = (stack.enter_context(server.connect()) for _ in range(3))
        fill(quiet, 6 * MB)
        assert eventually(lambda: max(values(control, "qbuf")) == 6 * MB)
        for client in loud:
            client.sendall(encode("GET", "k"))
        assert all(is_gone(client) for client in loud)
        assert not is_gone(quiet, 0.3)
        assert server.info("evicted_clients") == "0"
        assert server.info("client_output_buffer_limit_disconnections") == "2"


def test_books_are_right() -> None:
    """Whatever clients do, the total is what CLIENT LIST adds up to, and nothing stays when they are gone."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    with Server(OURS, "--client-query-buffer-limit", "2mb") as server, server.connect() as first:
        control = Connection(first)
        control.call("SETRANGE", "k", 300_000, "v")
        control.call("CLIENT", "PAUSE", 1, "WRITE")
        clients: list[socket.socket] = []
        for step in range(1500):
            if len(clients) < 20 and chance.random() < 0.3:
                clients.append(server.connect())
                clients[-1].setblocking(False)
            if not clients:
                continue
            client = chance.choice(clients)
            data = chance.choice([
                encode("PING") * 50, encode("GET", "k") * 3, encode("MULTI"),
                encode("SET", "x", "y" * chance.randrange(100_000)),
                encode("EXEC"), encode("WATCH", *range(chance.randrange(1, 30))), encode("UNWATCH"),
                encode("CLIENT", "SETNAME", "n" * chance.randrange(99)),
                encode("CLIENT", "PAUSE", chance.randrange(1, 30), "WRITE"),
                encode("ECHO", "z" * chance.randrange(200_000))[:-chance.randrange(1, 9)],
                encode("CLIENT", "NO-EVICT", chance.choice(["ON", "OFF"])), encode("RESET"),
            ])  # fmt: skip
            try:
                if chance.random() < 0.7:
                    client.send(data)
                else:
                    client.recv(chance.randrange(1, 200_000))
                if chance.random() < 0.03:
                    raise ConnectionError
            except BlockingIOError:
                pass
            except ConnectionError:
                client.close()
                clients.remove(client)
            if step % 50 == 0:
                time.sleep(0.05)
                def is_right() -> bool:
                    listed, memory = control.send(encode("CLIENT", "LIST") + encode("INFO", "memory"), 2)
                    counted = int(memory.split(b"mem_clients_normal:")[1].split(b"\r\n")[0])
                    adds = sum(int(word[8:]) for word in listed.split() if word.startswith(b"tot-mem="))
                    waiting = sum(int(word[4:]) for word in listed.split() if word.startswith(b"obl="))
                    return adds - waiting == counted
                assert eventually(is_right, 5)
        for client in clients:
            client.close()
        def is_empty() -> bool:
            _, memory = control.send(encode("CLIENT", "LIST") + encode("INFO", "memory"), 2)
            return int(memory.split(b"mem_clients_normal:")[1].split(b"\r\n")[0]) < 300
        assert eventually(is_empty)


@BINARIES
def test_small_ones_go_when_there_is_no_other_way(binary: str) -> None:
    with Server(binary, "--maxmemory-clients", "131072") as server, contextlib.ExitStack() as stack:
        with contextlib.suppress(ConnectionError):
            clients = [Connection(stack.enter_context(server.connect())) for _ in range(1500)]
            for client in clients:
                client.call("CLIENT", "SETNAME", "x" * 64)
        assert eventually(lambda: int(server.info("evicted_clients")) > 0)
        assert server.alive()

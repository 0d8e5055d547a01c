"""maxmemory beside clients that do not read or are paused, and collections, small and large."""

import contextlib
import socket
import time

import pytest

from eviction import SLACK, evicted, fill, limit, size, used
from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually

BOTH = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
MB = 1 << 20


# Clients


def test_clients_that_do_not_read() -> None:
    """Values sent from where they lie take no memory, so no key goes for them."""
    readers = 200
    with Server(OURS, "--maxmemory-policy", "allkeys-lru") as server, contextlib.ExitStack() as stack:
        connection = Connection(stack.enter_context(server.connect()))
        fill(connection, 20_000)
        for number in range(4):
            connection.call("SET", f"large:{number}", b"x" * MB)
        clients = []
        for _ in range(readers):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.settimeout(20)
            clients.append(client)
        most = used(server) + 4 * MB
        limit(connection, most)
        for number, client in enumerate(clients):
            client.sendall(encode("GET", f"large:{number % 4}"))
        time.sleep(1)
        assert evicted(server) == 0 and size(connection) == 20_004
        assert server.resident() < most + 30 * MB
        expected = b"$%d\r\n" % MB + b"x" * MB + b"\r\n"
        for client in clients[::10]:
            assert read(client, len(expected)) == expected


def read(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := client.recv(count - len(data))):
        data += more
    return data


@BOTH
def test_clients_go_before_keys(binary: str) -> None:
    """What clients hold beyond maxmemory-clients is theirs to give back."""
    options = ["--maxmemory-policy", "allkeys-lru", "--maxmemory-clients", "3mb"]
    with Server(binary, *options) as server, contextlib.ExitStack() as stack:
        connection = Connection(stack.enter_context(server.connect()))
        connection.call("CLIENT", "NO-EVICT", "ON")
        for number in range(50):
            connection.call("SET", f"large:{number}", b"x" * 100_000)
        clients = [stack.enter_context(server.connect()) for _ in range(20)]
        limit(connection, used(server) + 4 * MB)
        for client in clients:
            with contextlib.suppress(ConnectionError):
                client.sendall(encode("MGET", "large:1") * 300)
        assert eventually(lambda: int(server.info("evicted_clients")) > 5)
        time.sleep(0.3)
        assert evicted(server) == 0 and size(connection) == 50


@BOTH
def test_evicted_while_it_is_sent(binary: str) -> None:
    """Whoever asked for it gets all of it."""
    with Server(binary, "--maxmemory-policy", "allkeys-random") as server, server.connect() as client:
        connection = Connection(client)
        connection.call("SET", "large", b"x" * (8 * MB))
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", server.port))
            slow.settimeout(20)
            slow.sendall(encode("GET", "large"))
            time.sleep(0.2)
            limit(connection, 1)
            assert eventually(lambda: evicted(server) == 1)
            expected = b"$%d\r\n" % (8 * MB) + b"x" * (8 * MB) + b"\r\n"
            assert read(slow, len(expected)) == expected


@BOTH
def test_paused(binary: str) -> None:
    """Clients that are paused from writing may count on what they read staying."""
    with Server(binary, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, 2_000)
        connection.call("CLIENT", "PAUSE", 100_000, "WRITE")
        limit(connection, used(server) - 100_000)
        time.sleep(0.3)
        assert size(connection) == 2_000
        connection.call("CLIENT", "UNPAUSE")
        assert eventually(lambda: size(connection) < 2_000)


# Collections


@pytest.mark.parametrize("kind", ["hash", "list", "set", "zset"])
@BOTH
def test_collections(binary: str, kind: str) -> None:
    command = {
        "hash": lambda key: ["HSET", key, *(part for n in range(10) for part in (f"field:{n}", "x" * 16))],
        "list": lambda key: ["RPUSH", key, *["x" * 16] * 100],
        "set": lambda key: ["SADD", key, *(f"member:{n}" for n in range(20))],
        "zset": lambda key: ["ZADD", key, *(part for n in range(20) for part in (n, f"member:{n}"))],
    }[kind]
    with Server(binary, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        most = used(server) + 2 * MB
        limit(connection, most)
        for first in range(0, 20_000, 200):
            connection.send(b"".join(encode(*command(f"{kind}:{n}")) for n in range(first, first + 200)), 200)
        assert used(server) <= most + SLACK
        limit(connection, 0)
        assert size(connection) + evicted(server) == 20_000
        assert 500 < size(connection) < 19_000


@pytest.mark.parametrize("kind", ["hash", "list", "set", "zset"])
def test_one_large_collection(kind: str) -> None:
    """Goes as a whole, and the loop does not notice."""
    count = 5_000_000 if LONG else 300_000
    adding = {
        "hash": lambda n: ("HSET", (f"field:{n}", "x")), "list": lambda n: ("RPUSH", (f"element:{n}",)),
        "set": lambda n: ("SADD", (f"member:{n}",)), "zset": lambda n: ("ZADD", (n, f"member:{n}")),
    }[kind]  # fmt: skip
    with Server(OURS, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        empty = used(server)
        for first in range(0, count, 1_000):
            parts = [adding(n) for n in range(first, min(first + 1_000, count))]
            connection.call(parts[0][0], "large", *(each for _, part in parts for each in part))
        connection.call("CONFIG", "RESETSTAT")
        limit(connection, empty + 2 * MB)
        assert eventually(lambda: used(server) <= empty + 2 * MB + SLACK, 30)
        assert size(connection) == 0 and evicted(server) == 1
        assert connection.call("SET", "a", "b") == b"+OK\r\n"
        assert int(server.info("loop_turn_max_usec")) < 5_000


def test_half_the_memory() -> None:
    """A limit lowered by half is reached soon, and no turn of the loop is long."""
    count = 5_000_000 if LONG else 300_000
    with Server(OURS, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        empty = used(server)
        fill(connection, count, value=b"x" * 16)
        connection.call("CONFIG", "RESETSTAT")
        most = empty + (used(server) - empty) // 2
        limit(connection, most)
        assert eventually(lambda: used(server) <= most + SLACK, 30)
        assert int(server.info("loop_turn_max_usec")) < 5_000
        assert 0.3 * count < size(connection) < 0.6 * count

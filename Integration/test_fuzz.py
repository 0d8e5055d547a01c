"""Random and broken bytes from several connections at once: the server must live, answer and not grow. The seed is
printed by a test that fails and can be given back in NEEDLETAIL_SEED."""

import contextlib
import os
import random
import socket
import threading
import time

from harness import LONG, OURS, Connection, Server, encode, eventually, reset

SECONDS = 600 if LONG else 10
CONNECTIONS = 8
GROWTH_MAX = 256 << 20

# Nothing that ends the server, changes its settings for the others, or answers megabytes to a short request.
COMMANDS = [
    "APPEND", "CLIENT", "COMMAND", "DBSIZE", "DEL", "DECR", "ECHO", "EXISTS", "EXPIRE", "FLUSHDB", "GET", "GETDEL",
    "GETEX", "GETRANGE", "HELLO", "INCR", "INCRBY", "INFO", "LCS", "MGET", "MSET", "MSETNX", "NOSUCH", "OBJECT",
    "PERSIST", "PEXPIRE", "PING", "QUIT", "RENAME", "RESET", "SCAN", "SELECT", "SET", "SETRANGE", "STRLEN", "TOUCH",
    "TTL", "TYPE", "AUTH", "HOST:",
]  # fmt: skip
NUMBERS = [b"0", b"-1", b"1", b"10", b"100", b"9223372036854775807", b"-9223372036854775808", b"1e400", b"00", b"+5"]
FRAGMENTS = [
    b"*", b"$", b"\r\n", b"\r", b"\n", b"*0\r\n", b"*-1\r\n", b"*2147483648\r\n", b"$-1\r\n", b"$536870913\r\n", b"\x00",
    b'"', b"'", b"\\x", b"*1\r\n$99999\r\n", b"*3\r\n$3\r\nSET\r\n", b":1\r\n", b"*1000000\r\n", b"PING\r\n",
    b"$40000\r\n", b"*18446744073709551617\r\n",
]  # fmt: skip


class Source:
    """Makes what one connection sends."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def size(self) -> int:
        kind = self.random.random()
        if kind < 0.7:
            return self.random.randrange(40)
        if kind < 0.95:
            return self.random.choice([1000, 16_382, 16_384, 20_000, 32_766, 32_767, 32_768, 32_769, 40_000])
        return self.random.choice([65_534, 65_536, 65_537, 150_000, 300_000])

    def argument(self) -> bytes:
        kind = self.random.random()
        if kind < 0.5:
            return b"key:%d" % self.random.randrange(20)
        if kind < 0.7:
            return self.random.choice(NUMBERS)
        if kind < 0.8:
            return self.random.choice([b"NX", b"XX", b"EX", b"GET", b"COUNT", b"MATCH", b"ID", b"ENCODING", b"*", b"3"])
        return self.random.randbytes(8) * (self.size() // 8) + self.random.randbytes(self.random.randrange(8))

    def request(self) -> bytes:
        name = self.random.choice(COMMANDS)
        arguments = [self.argument() for _ in range(self.random.choice([0, 1, 1, 2, 2, 2, 3, 4, 12]))]
        if name == "SETRANGE" and len(arguments) > 1:
            arguments[1] = b"%d" % self.random.randrange(100_000)
        if name == "LCS":
            arguments = [argument[:500] for argument in arguments]
        if self.random.random() < 0.15:
            return b" ".join([name.encode(), *(argument[:100] for argument in arguments)]) + b"\r\n"
        return encode(name, *arguments)

    def mutated(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self.random.randrange(1, 4)):
            place = self.random.randrange(len(changed) + 1)
            match self.random.randrange(5):
                case 0:
                    changed[place:place] = self.random.choice(FRAGMENTS)
                case 1:
                    del changed[place : place + self.random.randrange(1, 20)]
                case 2:
                    changed[place : place + 1] = self.random.randbytes(1)
                case 3:
                    end = place + self.random.randrange(40)
                    changed[place:place] = changed[place:end]
                case _:
                    del changed[place:]
        return bytes(changed)

    def session(self) -> bytes:
        """What one connection sends in all: mostly valid, or errors would end every connection at once."""
        parts = [self.request() for _ in range(self.random.choice([1, 3, 10, 50, 200]))]
        kind = self.random.random()
        if kind < 0.5:
            index = self.random.randrange(len(parts))
            parts[index] = self.mutated(parts[index])
        elif kind < 0.6:
            parts.append(self.random.randbytes(self.random.randrange(1, 5000)))
        elif kind < 0.7:
            parts.append(b"".join(self.random.choice(FRAGMENTS) for _ in range(20)))
        return b"".join(parts)

    def pieces(self, data: bytes) -> list[bytes]:
        kind = self.random.random()
        if kind < 0.4:
            return [data]
        if kind < 0.5 and len(data) < 500:
            return [data[i : i + 1] for i in range(len(data))]
        cuts = sorted(self.random.randrange(len(data) + 1) for _ in range(self.random.randrange(1, 8)))
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


def drain(client: socket.socket, quiet: float) -> None:
    client.settimeout(quiet)
    with contextlib.suppress(OSError):
        while client.recv(1 << 20):
            pass


def talk(server: Server, source: Source) -> None:
    """One connection's life. The server may end it at any time; that is no failure."""
    choose = source.random
    client = server.connect()
    with contextlib.suppress(OSError):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if choose.random() < 0.1:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0.5)
        reads = choose.random() < 0.7
        for _ in range(choose.choice([1, 1, 2, 5])):
            for piece in source.pieces(source.session()):
                client.sendall(piece)
                if choose.random() < 0.3:
                    time.sleep(choose.random() * 0.002)
            if reads:
                drain(client, choose.choice([0.001, 0.02]))
        match choose.randrange(4):
            case 0:
                client.shutdown(socket.SHUT_WR)
                drain(client, 0.1)
            case 1:
                client.shutdown(socket.SHUT_RD)
            case 2:
                reset(client)
            case _:
                pass
    client.close()


def test_fuzz() -> None:
    seed = int(os.environ.get("NEEDLETAIL_SEED", random.randrange(1 << 32)))
    print(f"NEEDLETAIL_SEED={seed}")
    deadline = time.monotonic() + SECONDS
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            source = Source(seed * CONNECTIONS + number)
            while time.monotonic() < deadline and not failures:
                talk(server, source)
        except BaseException as failure:
            failures.append(failure)

    with Server(OURS) as server:
        fresh = server.resident()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        peak = fresh
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)
            assert server.process.poll() is None, server.log()[-3000:]
            start = time.monotonic()
            assert server.alive()
            assert time.monotonic() - start < 5
            peak = max(peak, server.resident())
        for thread in threads:
            thread.join()
        assert not failures, failures
        assert server.alive()
        # The keys are few and their sizes bounded: whatever else was used has been given back.
        assert eventually(lambda: int(server.info("connected_clients")) == 1)
        assert peak - fresh < GROWTH_MAX
        with server.connect() as client:
            connection = Connection(client)
            assert connection.call("FLUSHALL") == b"+OK\r\n"
            assert connection.call("SET", "k", "v") == b"+OK\r\n"
            assert connection.call("GET", "k") == b"$1\r\nv\r\n"

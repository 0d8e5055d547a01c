"""What connections go through: crowds, slow readers, lost descriptors, signals. The oracle must pass the same tests where
it can."""

import contextlib
import os
import resource
import signal
import socket
import time

import pytest

from harness import ORACLE, OURS, Connection, Server, encode, eventually, exchange

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])


@BINARIES
def test_slow_reader_is_not_idle(binary: str) -> None:
    """A client that takes longer than `timeout` to read one long reply is busy all the time."""
    size = 20_000_000
    with Server(binary, "--timeout", "1") as server:
        server.call("SET", "k", b"x" * size)
        with server.connect() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.sendall(encode("GET", "k"))
            start, received = time.monotonic(), 0
            while received < size:
                data = client.recv(65536)
                assert data, f"closed after {received} bytes"
                received += len(data)
                if time.monotonic() - start < 3:
                    time.sleep(0.02)
            assert time.monotonic() - start > 2.5


@BINARIES
@pytest.mark.parametrize("count, state", [(31, "open"), (480, "open"), (600, "closed")])
def test_replies_before_authentication(binary: str, count: int, state: str) -> None:
    """16 KiB of them may wait for one who has not said who he is."""
    with Server(binary, "--requirepass", "secret") as server:
        received, found = exchange(server, [encode("PING") * count], quiet=0.5)
        assert found == state
        assert received == (b"-NOAUTH Authentication required.\r\n" * count if state == "open" else b"")


def test_crowd_of_new_connections() -> None:
    """All that wait are taken, but not in one go."""
    with Server(OURS, "--enable-debug-command", "yes") as server, contextlib.ExitStack() as stack:
        control = Connection(stack.enter_context(server.connect()))
        control.call("CONFIG", "RESETSTAT")
        control.socket.sendall(encode("DEBUG", "SLEEP", "0.5"))
        crowd = []
        for _ in range(450):  # less than the backlog holds
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", server.port))
            crowd.append(client)
        assert control.reply() == b"+OK\r\n"
        assert eventually(lambda: int(server.info("connected_clients")) >= 451)
        for client in crowd:
            client.settimeout(5)
            client.sendall(b"PING\r\n")
            assert client.recv(7) == b"+PONG\r\n"
        assert 0 < int(server.info("loop_accept_max_usec")) < 2000


def descriptors(server: Server) -> list[str]:
    found = []
    for name in os.listdir(f"/proc/{server.pid}/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/{server.pid}/fd/{name}"))
    return found


def test_spare_descriptor_comes_back() -> None:
    """The limit falls below all that is open, so the spare descriptor is given up for nothing and cannot be opened
    again; when there is room, it is."""
    with Server(OURS) as server, contextlib.ExitStack() as stack:
        kept = Connection(stack.enter_context(server.connect()))
        assert kept.call("PING") == b"+PONG\r\n"
        spares = descriptors(server).count("/dev/null")
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, 4096))
        waiting = stack.enter_context(server.connect())
        assert eventually(lambda: descriptors(server).count("/dev/null") == spares - 1)
        assert kept.call("PING") == b"+PONG\r\n"
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        # The one that waited is served, and without any further one the spare descriptor is there again.
        assert Connection(waiting).call("PING") == b"+PONG\r\n"
        assert eventually(lambda: descriptors(server).count("/dev/null") == spares)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_a_busy_server(number: signal.Signals) -> None:
    """The first asks the loop, which a long command holds up; the second does not ask. (Redis wakes up from SLEEP.)"""
    with Server(OURS, "--enable-debug-command", "yes") as server, server.connect() as client:
        client.sendall(encode("DEBUG", "SLEEP", "20"))
        time.sleep(0.2)
        server.process.send_signal(number)
        time.sleep(0.3)
        assert server.process.poll() is None
        server.process.send_signal(number)
        assert server.process.wait(2) == 1

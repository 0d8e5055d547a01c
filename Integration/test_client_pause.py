"""CLIENT PAUSE and UNPAUSE beside Redis 8.2.3, UNBLOCK, and what a client without tracking gets."""

import contextlib
import random
import socket
import time

import pytest

from harness import ORACLE, OURS, Connection, Server, encode, eventually, reset

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])

ERRORS = """CLIENT PAUSE|CLIENT PAUSE x|CLIENT PAUSE -1|CLIENT PAUSE 1.5|CLIENT PAUSE 100 foo|CLIENT PAUSE x foo|
CLIENT PAUSE 100 WRITE x|CLIENT PAUSE 0|CLIENT PAUSE 0 WRITE|CLIENT PAUSE 0 all|CLIENT PAUSE 9223372036854775807|
CLIENT PAUSE 9223372036854775000 WRITE|CLIENT PAUSE 99999999999999999999|CLIENT UNPAUSE|CLIENT UNPAUSE x|CLIENT UNBLOCK|
CLIENT UNBLOCK x|CLIENT UNBLOCK x foo|CLIENT UNBLOCK 1 foo|CLIENT UNBLOCK 99|CLIENT UNBLOCK 99 TIMEOUT|
CLIENT UNBLOCK 99 error|CLIENT UNBLOCK 99 error x|CLIENT TRACKINGINFO|CLIENT TRACKINGINFO x|CLIENT GETREDIR|
CLIENT GETREDIR x|CLIENT CACHING|CLIENT CACHING yes|CLIENT CACHING foo|CLIENT TRACKING|CLIENT TRACKING off|
CLIENT TRACKING foo|CLIENT TRACKING off optin|CLIENT TRACKING off foo|CLIENT TRACKING on foo|
CLIENT TRACKING on prefix""".replace("\n", "").split("|")


@pytest.mark.parametrize("line", ERRORS)
def test_same_answer(pair: tuple[Server, Server], line: str) -> None:
    ours, theirs = (server.call(*line.split()) for server in pair)
    assert ours == theirs


def test_trackinginfo_in_resp3(pair: tuple[Server, Server]) -> None:
    answers = []
    for server in pair:
        with server.connect() as client:
            connection = Connection(client)
            connection.call("HELLO", "3")
            answers.append(connection.call("CLIENT", "TRACKINGINFO"))
    assert answers[0] == answers[1]


def test_tracking_is_an_error(ours: Server) -> None:
    assert ours.call("CLIENT", "TRACKING", "ON") == b"-ERR CLIENT TRACKING is not possible yet\r\n"


class Clients:
    """Some connections to one server, and how long they wait."""

    def __init__(self, server: Server, stack: contextlib.ExitStack):
        self.server = server
        self.stack = stack
        self.control = self.another()

    def another(self) -> Connection:
        return Connection(self.stack.enter_context(self.server.connect()))

    def blocked(self) -> int:
        text = self.control.call("INFO", "clients").decode()
        return int(text.split("blocked_clients:")[1].split("\r\n")[0])

    def wait_for_blocked(self, count: int) -> None:
        assert eventually(lambda: self.blocked() == count, 5), self.blocked()


@pytest.fixture(params=[OURS, ORACLE], ids=["ours", "oracle"])
def clients(request: pytest.FixtureRequest):
    with Server(request.param) as server, contextlib.ExitStack() as stack:
        yield Clients(server, stack)


def is_silent(connection: Connection, seconds: float = 0.1) -> bool:
    connection.socket.settimeout(seconds)
    try:
        connection.socket.recv(1, socket.MSG_PEEK)
        return False
    except TimeoutError:
        return True
    finally:
        connection.socket.settimeout(10)


def vanish(connection: Connection) -> None:
    connection.file.close()
    reset(connection.socket)


def timed(connection: Connection, *args: object) -> tuple[bytes, float]:
    start = time.monotonic()
    return connection.call(*args), time.monotonic() - start


def test_writes_wait_and_reads_do_not(clients: Clients) -> None:
    control, one = clients.control, clients.another()
    control.call("SET", "k", "old")
    assert control.call("CLIENT", "PAUSE", 100_000, "WRITE") == b"+OK\r\n"
    assert one.call("GET", "k") == b"$3\r\nold\r\n"
    assert one.call("PING") == b"+PONG\r\n"
    # Reads behind a write wait with it, and all come in order.
    requests = [encode("SET", "k", "new"), encode("GET", "k"), b"INCR n\r\n", encode("NOSUCH"), encode("ECHO", "end")]
    one.socket.sendall(b"".join(requests))
    clients.wait_for_blocked(1)
    assert is_silent(one)
    assert control.call("GET", "k") == b"$3\r\nold\r\n"
    assert b"flags=b " in control.call("CLIENT", "LIST")
    identifier = [line for line in control.call("CLIENT", "LIST").split(b"\n") if b"flags=b " in line][0]
    assert control.call("CLIENT", "UNBLOCK", identifier.split()[0][3:]) == b":0\r\n"
    # More comes while it waits.
    one.socket.sendall(encode("GET", "n") + encode("SET", "long", "x" * 200_000) + encode("STRLEN", "long")[:-4])
    assert is_silent(one)
    assert control.call("CLIENT", "UNPAUSE") == b"+OK\r\n"
    replies = [one.reply() for _ in range(7)]
    assert replies[:3] == [b"+OK\r\n", b"$3\r\nnew\r\n", b":1\r\n"]
    assert replies[3].startswith(b"-ERR unknown command")
    assert replies[4:] == [b"$3\r\nend\r\n", b"$1\r\n1\r\n", b"+OK\r\n"]
    one.socket.sendall(encode("STRLEN", "long")[-4:])
    assert one.reply() == b":200000\r\n"
    assert clients.blocked() == 0


def test_errors_do_not_wait(clients: Clients) -> None:
    clients.control.call("CLIENT", "PAUSE", 100_000, "ALL")
    one = clients.another()
    for request in (["GET"], ["NOSUCH"], ["CLIENT", "NOSUCH"], ["SET", "a"]):
        assert one.call(*request).startswith(b"-ERR"), request
    one.socket.sendall(encode("PING"))
    assert is_silent(one)


@pytest.mark.parametrize("mode,command,waits", [
    ("ALL", ["PING"], True), ("ALL", ["CLIENT", "UNPAUSE"], True), ("WRITE", ["DISCARD"], False),
    ("WRITE", ["SAVE"], False),
    ("WRITE", ["FLUSHALL"], True), ("WRITE", ["CONFIG", "SET", "hz", "20"], False), ("WRITE", ["DEL", "nosuch"], True),
    ("WRITE", ["CLIENT", "UNPAUSE"], False),
])  # fmt: skip
def test_who_waits(clients: Clients, mode: str, command: list[str], waits: bool) -> None:
    one = clients.another()
    one.call("PING")
    clients.control.call("CLIENT", "PAUSE", 300, mode)
    _, seconds = timed(one, *command)
    assert 0.2 < seconds < 2 if waits else seconds < 0.2


def test_longest_and_strictest_pause_counts(clients: Clients) -> None:
    control, one = clients.control, clients.another()
    control.call("CLIENT", "PAUSE", 600, "WRITE")
    control.call("CLIENT", "PAUSE", 10, "WRITE")
    assert 0.4 < timed(one, "SET", "a", "b")[1] < 2
    control.call("CLIENT", "PAUSE", 600, "WRITE")
    control.call("CLIENT", "PAUSE", 10, "ALL")
    assert 0.4 < timed(one, "GET", "a")[1] < 2
    assert timed(one, "SET", "a", "b")[1] < 0.2


def test_transactions(clients: Clients) -> None:
    control, one, two = clients.control, clients.another(), clients.another()
    control.call("SET", "a", "old")
    for connection in (one, two):
        connection.call("MULTI")
    one.call("SET", "a", "b")
    two.call("GET", "a")
    control.call("CLIENT", "PAUSE", 100_000, "WRITE")
    assert two.call("EXEC") == b"*1\r\n$3\r\nold\r\n"
    one.socket.sendall(encode("EXEC"))
    clients.wait_for_blocked(1)
    # A write that would only be queued waits as well.
    two.call("MULTI")
    two.socket.sendall(encode("SET", "a", "c") + encode("EXEC"))
    clients.wait_for_blocked(2)
    control.call("CLIENT", "UNPAUSE")
    assert one.reply() == b"*1\r\n+OK\r\n"
    assert [two.reply(), two.reply()] == [b"+QUEUED\r\n", b"*1\r\n+OK\r\n"]


def test_flags(clients: Clients) -> None:
    control, one, monitor = clients.control, clients.another(), clients.another()
    for request in (["NO-TOUCH", "ON"], ["NO-EVICT", "ON"]):
        one.call("CLIENT", *request)
    for request in (["WATCH", "x"], ["MULTI"], ["SET", "y", "1"]):
        one.call(*request)
    control.call("SET", "x", "1")
    monitor.call("MONITOR")
    control.call("CLIENT", "PAUSE", 100_000, "WRITE")
    one.socket.sendall(encode("EXEC"))
    clients.wait_for_blocked(1)
    flags = [word for word in control.call("CLIENT", "LIST").split() if word.startswith(b"flags=")]
    assert flags == [b"flags=N", b"flags=xbdeT", b"flags=O"]


def test_pause_begins_after_the_transaction(clients: Clients) -> None:
    control, one = clients.control, clients.another()
    requests = [["MULTI"], ["SET", "a", "1"], ["CLIENT", "PAUSE", 100_000, "WRITE"], ["SET", "b", "2"], ["EXEC"]]
    replies = control.send(b"".join(encode(*request) for request in requests), 5)
    assert replies[-1] == b"*3\r\n+OK\r\n+OK\r\n+OK\r\n"
    one.socket.sendall(encode("SET", "c", "3"))
    clients.wait_for_blocked(1)
    assert control.call("MGET", "a", "b", "c") == b"*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n"
    control.call("CLIENT", "UNPAUSE")
    assert one.reply() == b"+OK\r\n"


def test_nothing_expires(clients: Clients) -> None:
    control = clients.control
    before = int(clients.server.info("expired_keys"))
    control.call("SET", "x", "1", "PX", 30)
    control.call("CLIENT", "PAUSE", 100_000, "WRITE")
    time.sleep(0.3)
    for _ in range(2):
        assert control.call("GET", "x") == b"$-1\r\n"
        assert control.call("EXISTS", "x") == b":0\r\n"
        assert control.call("TTL", "x") == b":-2\r\n"
        assert control.call("DBSIZE") == b":1\r\n"
        assert control.call("RANDOMKEY") == b"$1\r\nx\r\n"
        assert control.call("KEYS", "*") == b"*0\r\n"
        assert control.send(encode("MULTI") + encode("GET", "x") + encode("EXEC"), 3)[-1] == b"*1\r\n$-1\r\n"
    assert int(clients.server.info("expired_keys")) == before
    control.call("CLIENT", "UNPAUSE")
    assert control.call("GET", "x") == b"$-1\r\n"
    assert int(clients.server.info("expired_keys")) == before + 1
    assert control.call("DBSIZE") == b":0\r\n"


def test_a_transaction_writes_over_an_expired_key() -> None:
    """The pause begins in it, so its writes are not to wait: the key must not be there twice afterwards."""
    with Server(OURS) as server, server.connect() as client:
        control = Connection(client)
        control.call("SET", "x", "1", "PX", 30)
        control.call("CLIENT", "PAUSE", 200, "WRITE")
        control.send(encode("MULTI") + encode("GET", "x") + encode("CLIENT", "PAUSE", 300, "WRITE"), 3)
        time.sleep(0.1)
        control.send(encode("SET", "x", "2") + encode("GET", "x") + encode("EXEC"), 3)
        assert control.call("DBSIZE") == b":1\r\n"
        assert control.call("GET", "x") == b"$1\r\n2\r\n"


def test_many_clients_wait(clients: Clients) -> None:
    clients.control.call("CLIENT", "PAUSE", 100_000, "WRITE")
    waiting = [clients.another() for _ in range(100)]
    for connection in waiting:
        connection.socket.sendall(encode("INCR", "n") * 100)
    clients.wait_for_blocked(100)
    # Some go, one way or the other.
    vanish(waiting[0])
    number = int(clients.control.call("CLIENT", "LIST").split(b"flags=b")[-2].rsplit(b"id=", 1)[1].split()[0])
    assert clients.control.call("CLIENT", "KILL", "ID", number) == b":1\r\n"
    clients.wait_for_blocked(98)
    clients.control.call("CLIENT", "UNPAUSE")
    served = 0
    for connection in waiting[1:]:
        with contextlib.suppress(ConnectionError):
            assert [connection.reply() for _ in range(100)][-1].startswith(b":")
            served += 1
    assert served == 98
    assert clients.control.call("GET", "n") == b"$4\r\n9800\r\n"


@pytest.mark.parametrize("ends", [("CLIENT", "UNPAUSE"), ()], ids=["unpaused", "in its time"])
def test_who_came_first_is_served_first(clients: Clients, ends: tuple[str, ...]) -> None:
    """Each with all that it has sent, whatever the order in which they have connected."""
    clients.control.call("CLIENT", "PAUSE", 100_000 if ends else 1500, "WRITE")
    waiting = [clients.another() for _ in range(30)]
    random.Random(1).shuffle(waiting)
    for number, connection in enumerate(waiting, 1):
        connection.socket.sendall(encode("RPUSH", "l", number))
        clients.wait_for_blocked(number)
    # More of those that wait already, and one that goes.
    waiting[3].socket.sendall(encode("RPUSH", "l", "again"))
    vanish(waiting[20])
    clients.wait_for_blocked(29)
    if ends:
        clients.control.call(*ends)
    assert all(connection.reply().startswith(b":") for connection in waiting[:20])
    assert waiting[3].reply() == b":5\r\n"
    assert all(connection.reply().startswith(b":") for connection in waiting[21:])
    expected = [str(number) for number in range(1, 31) if number != 21]
    expected.insert(4, "again")
    reply = clients.control.call("LRANGE", "l", 0, -1)
    assert [word.decode() for word in reply.split(b"\r\n")[2::2]] == expected


def test_clients_that_come_and_go(clients: Clients) -> None:
    """More than are remembered of those that have gone, and their descriptors are used again."""
    clients.control.call("CLIENT", "PAUSE", 100_000, "WRITE")
    for _ in range(250):
        connection = clients.another()
        connection.socket.sendall(encode("INCR", "gone"))
        clients.wait_for_blocked(1)
        vanish(connection)
        clients.wait_for_blocked(0)
    last = clients.another()
    last.socket.sendall(encode("INCR", "n"))
    clients.wait_for_blocked(1)
    clients.control.call("CLIENT", "UNPAUSE")
    assert last.reply() == b":1\r\n"
    assert clients.control.call("EXISTS", "gone", "n") == b":1\r\n"


def test_requests_of_every_size_and_mode(clients: Clients) -> None:
    """Large arguments, which are read into allocations of their own, and CLIENT REPLY SKIP."""
    control, one = clients.control, clients.another()
    control.call("CLIENT", "PAUSE", 100_000, "WRITE")
    one.socket.sendall(encode("MSET", "a", "x" * 1_000_000, "b", "y" * 2_000_000, "c", "z"))
    clients.wait_for_blocked(1)
    two = clients.another()
    two.socket.sendall(encode("CLIENT", "REPLY", "SKIP") + encode("SET", "d", "1") + encode("ECHO", "d"))
    clients.wait_for_blocked(2)
    control.call("CLIENT", "UNPAUSE")
    assert one.reply() == b"+OK\r\n"
    assert two.reply() == b"$1\r\nd\r\n"
    assert [control.call("STRLEN", key) for key in "abcd"] == [b":1000000\r\n", b":2000000\r\n", b":1\r\n", b":1\r\n"]


def test_idle_clients_that_wait_stay() -> None:
    with Server(OURS, "--timeout", "1") as server, server.connect() as client, server.connect() as other:
        Connection(other).call("CLIENT", "PAUSE", 3500, "WRITE")
        connection = Connection(client)
        assert connection.call("SET", "a", "b") == b"+OK\r\n"


def test_held_requests_are_limited() -> None:
    """What a client sends meanwhile is kept up to its query buffer's limit, and then not read."""
    options = ["--client-query-buffer-limit", "1mb"]
    with Server(OURS, *options) as server, server.connect() as client, server.connect() as other:
        control = Connection(other)
        control.call("CLIENT", "PAUSE", 100_000, "WRITE")
        before = server.resident()
        client.settimeout(0.5)
        sent = 0
        data = encode("SET", "k", "x" * 1000) * 1000
        with contextlib.suppress(TimeoutError):
            while sent < 100_000_000:
                sent += client.send(data[sent % len(data):])
        assert 1_000_000 < sent < 50_000_000
        assert server.resident() - before < 8 << 20
        control.call("CLIENT", "UNPAUSE")
        client.settimeout(10)
        received = 0
        count = sent // len(data) * 1000 + sent % len(data) // (len(data) // 1000)
        while received < count * 5:
            received += len(client.recv(1 << 16))
        assert received == count * 5


def test_vanished_while_waiting_costs_nothing() -> None:
    """A reset connection that nobody reads or writes would wake the loop for ever."""
    with Server(OURS) as server, server.connect() as other:
        control = Connection(other)
        control.call("CLIENT", "PAUSE", 100_000, "WRITE")
        first, second = server.connect(), server.connect()
        first.sendall(encode("SET", "a", "b"))
        second.sendall(encode("SET", "c", "d"))
        second.shutdown(socket.SHUT_WR)
        assert eventually(lambda: server.info("blocked_clients") == "2")
        time.sleep(0.2)
        reset(first)
        reset(second)
        assert eventually(lambda: server.info("blocked_clients") == "0")
        turns = int(server.info("eventloop_cycles"))
        time.sleep(0.5)
        assert int(server.info("eventloop_cycles")) - turns < 200

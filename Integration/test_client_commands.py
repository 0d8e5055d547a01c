"""CLIENT LIST, INFO, KILL, REPLY and NO-TOUCH beside Redis 8.2.3, and killing clients in whatever state they are."""

import contextlib
import random
import re
import resource
import socket
import threading
import time

import pytest

from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually, exchange

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
PING = encode("PING")


def reply_mode(mode: str) -> bytes:
    return encode("CLIENT", "REPLY", mode)


def fields(line: bytes) -> dict[str, str]:
    return dict(field.split("=", 1) for field in line.decode().split())


def listing(reply: bytes) -> list[dict[str, str]]:
    return [fields(line) for line in reply.split(b"\r\n", 1)[1].strip().split(b"\n") if line]


# Memory and buffers are not Redis's; sockets and numbers depend on who came before, and so does what was sent: HELLO
# tells of modules, and lines of CLIENT INFO differ in length.
OURS_ALONE = {"id", "addr", "laddr", "fd", "qbuf", "qbuf-free", "rbs", "rbp", "omem", "tot-mem", "age", "idle", "obl", "tot-net-out"}


def same_fields(ours: dict[str, str], theirs: dict[str, str]) -> None:
    assert list(ours) == list(theirs)
    assert {k: v for k, v in ours.items() if k not in OURS_ALONE} == {k: v for k, v in theirs.items() if k not in OURS_ALONE}


STEPS = [
    ("PING",), ("HELLO", "3"), ("CLIENT", "SETNAME", "joe"), ("CLIENT", "SETINFO", "LIB-NAME", "lib"),
    ("CLIENT", "SETINFO", "LIB-VER", "1.2.3"), ("SELECT", "9"), ("FOO",), ("GET",), ("GET", "a", "b"), ("CLIENT", "FOO"),
    ("CLIENT", "NO-TOUCH", "ON"), ("CLIENT", "NO-EVICT", "ON"), ("SET", "k", "x" * 1000), ("GET", "k"), ("INCR", "k"),
    ("CONFIG", "GET", "port"), ("CLIENT", "REPLY", "ON"), ("RESET",), ("PING",),
]  # fmt: skip


def test_info_after_each_step(pair: tuple[Server, Server]) -> None:
    with pair[0].connect() as a, pair[1].connect() as b:
        clients = [Connection(a), Connection(b)]
        for step in STEPS:
            for client in clients:
                client.call(*step)
            lines = [fields(client.call("CLIENT", "INFO").split(b"\r\n", 1)[1].removeprefix(b"txt:")) for client in clients]
            same_fields(*lines)


@BINARIES
def test_bytes_and_addresses(binary: str) -> None:
    with Server(binary) as server, server.connect() as a, server.connect() as b:
        one, two = Connection(a), Connection(b)
        assert one.call("ECHO", "x" * 100) == b"$100\r\n" + b"x" * 100 + b"\r\n"
        number = int(one.call("CLIENT", "ID")[1:])
        line = listing(two.call("CLIENT", "LIST", "ID", number))[0]
        assert int(line["tot-net-in"]) == len(encode("ECHO", "x" * 100)) + len(encode("CLIENT", "ID"))
        assert int(line["tot-net-out"]) == 108 + len(b":%d\r\n" % number)
        assert line["addr"] == "%s:%d" % a.getsockname()
        assert line["laddr"] == f"127.0.0.1:{server.port}"
        assert line["cmd"] == "client|id" and line["tot-cmds"] == "2" and line["events"] == "r"
        # In the order in which they came, whatever their descriptors are.
        numbers = [int(line["id"]) for line in listing(two.call("CLIENT", "LIST"))]
        assert numbers == sorted(numbers) and number in numbers


@BINARIES
def test_age_and_idle(binary: str) -> None:
    with Server(binary) as server, server.connect() as a, server.connect() as b:
        one, two = Connection(a), Connection(b)
        number = int(one.call("CLIENT", "ID")[1:])
        time.sleep(2.1)
        line = listing(two.call("CLIENT", "LIST", "ID", number))[0]
        assert 2 <= int(line["age"]) <= 3 and 2 <= int(line["idle"]) <= 3
        one.call("PING")
        line = listing(two.call("CLIENT", "LIST", "ID", number))[0]
        assert int(line["idle"]) <= 1 <= int(line["age"])
        assert two.call("CLIENT", "KILL", "MAXAGE", "10") == b":0\r\n"
        assert two.call("CLIENT", "KILL", "MAXAGE", "2") == b":1\r\n"
        assert a.recv(10) == b""


@BINARIES
def test_unix_and_ipv6_addresses(binary: str, tmp_path) -> None:
    path = str(tmp_path / "server.sock")
    with Server(binary, "--unixsocket", path, "--bind", "127.0.0.1", "::1") as server:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            line = listing(Connection(client).call("CLIENT", "INFO"))[0]
            assert line["addr"] == line["laddr"] == f"{path}:0" and line["flags"] == "U"
        with socket.socket(socket.AF_INET6) as client:
            client.connect(("::1", server.port))
            connection = Connection(client)
            line = listing(connection.call("CLIENT", "INFO"))[0]
            assert line["addr"] == f"[::1]:{client.getsockname()[1]}" and line["laddr"] == f"[::1]:{server.port}"
            assert connection.call("CLIENT", "KILL", line["addr"]) == b"+OK\r\n"
            assert client.recv(10) == b""


ERRORS = """CLIENT LIST TYPE|CLIENT LIST TYPE foo|CLIENT LIST TYPE normal x|CLIENT LIST TYPE slave|CLIENT LIST TYPE REPLICA|
CLIENT LIST TYPE master|CLIENT LIST TYPE pubsub|CLIENT LIST ID|CLIENT LIST ID x|CLIENT LIST ID 999999|CLIENT LIST ID 0 -5|
CLIENT LIST ID 3 3 x|CLIENT LIST ID 10000000000000000000|CLIENT LIST foo|CLIENT LIST foo bar|CLIENT KILL nothere:1|
CLIENT KILL ID x|CLIENT KILL ID 0|CLIENT KILL ID -1|CLIENT KILL ID 999999|CLIENT KILL ID 999999 TYPE|CLIENT KILL ID|
CLIENT KILL foo bar|CLIENT KILL TYPE foo|CLIENT KILL TYPE slave|CLIENT KILL USER foo|CLIENT KILL USER default ID 999999|
CLIENT KILL USER default USER foo|CLIENT KILL SKIPME maybe|CLIENT KILL MAXAGE x|CLIENT KILL MAXAGE 0|CLIENT KILL MAXAGE -1|
CLIENT KILL MAXAGE 999999|CLIENT KILL MAXAGE 99999999999999999999|CLIENT KILL ID 999999 ID 888888|CLIENT KILL ADDR x ADDR y|
CLIENT KILL LADDR 127.0.0.1:2|CLIENT KILL ID 999999 SKIPME no|CLIENT KILL|CLIENT LIST TYPE normal ID|CLIENT NO-TOUCH|
CLIENT NO-TOUCH ON|CLIENT NO-TOUCH off|CLIENT NO-TOUCH x|CLIENT NO-EVICT on|CLIENT NO-EVICT OFF|CLIENT NO-EVICT x|
CLIENT REPLY|CLIENT REPLY x|CLIENT REPLY ON|CLIENT REPLY ON x|CLIENT INFO x|CLIENT KILL ID 1 2 3 x|CLIENT HELP x""".replace("\n", "").split("|")


@pytest.mark.parametrize("request_line", ERRORS)
def test_same_answer(pair: tuple[Server, Server], request_line: str) -> None:
    ours, theirs = (server.call(*request_line.split()) for server in pair)
    assert ours == theirs


@BINARIES
def test_duplicate_filters(binary: str) -> None:
    """The last of a kind counts."""
    with Server(binary) as server, contextlib.ExitStack() as stack:
        clients = [Connection(stack.enter_context(server.connect())) for _ in range(3)]
        ids = [int(client.call("CLIENT", "ID")[1:]) for client in clients]
        assert clients[0].call("CLIENT", "KILL", "ID", ids[1], "ID", ids[2]) == b":1\r\n"
        assert clients[1].call("PING") == b"+PONG\r\n"
        assert clients[2].socket.recv(10) == b""
        assert len(listing(clients[0].call("CLIENT", "LIST", "ID", ids[0], ids[1], ids[0], ids[2]))) == 3
        address = "%s:%d" % clients[1].socket.getsockname()
        assert clients[0].call("CLIENT", "KILL", "ADDR", "1.2.3.4:5", "ADDR", address) == b":1\r\n"


def test_filters_beyond_redis(ours: Server) -> None:
    with ours.connect() as a, ours.connect() as b:
        one, two = Connection(a), Connection(b)
        two.call("CLIENT", "SETNAME", "two")
        two.call("SELECT", "5")
        for selects in ("NAME two", "DB 5", "NAME two IP 127.0.0.1 DB 5 FLAGS N TYPE primary NOT-TYPE replica"):
            expected = 0 if "primary" in selects else 1
            assert len(listing(one.call("CLIENT", "LIST", *selects.split()))) == expected, selects
        assert two.call("CLIENT", "KILL", "NOT-NAME", "one", "NOT-ID", "1", "SKIPME", "yes", "IP", "9.9.9.9") == b":0\r\n"
        assert one.call("CLIENT", "KILL", "NAME", "two", "NOT-IP", "::1") == b":1\r\n"
        assert b.recv(10) == b""
        assert one.call("PING") == b"+PONG\r\n"


REPLIES = {
    "off": reply_mode("OFF") + PING + reply_mode("ON") + PING,
    "skip": reply_mode("SKIP") + PING + PING,
    "skip twice": reply_mode("SKIP") * 2 + PING + PING,
    "skip on": reply_mode("SKIP") + reply_mode("ON") + PING,
    "skip off": reply_mode("SKIP") + reply_mode("OFF") + PING + reply_mode("ON") + PING,
    "off skip": reply_mode("OFF") + reply_mode("SKIP") + PING + reply_mode("ON") + PING,
    "off bad": reply_mode("OFF") + reply_mode("x") + PING + reply_mode("ON"),
    "skip bad": reply_mode("SKIP") + reply_mode("x") + PING + PING,
    "skip unknown": reply_mode("SKIP") + encode("FOO") + PING,
    "skip arity": reply_mode("SKIP") + encode("GET") + PING,
    "skip nothing": reply_mode("SKIP") + b"\r\n*0\r\n" + PING + PING,
    "off reset": reply_mode("OFF") + encode("RESET") + PING,
    "skip reset": reply_mode("SKIP") + encode("RESET") + PING,
    "off hello": reply_mode("OFF") + encode("HELLO", "3") + reply_mode("ON") + encode("GET", "nosuch"),
    "off auth": reply_mode("OFF") + encode("AUTH", "x") + reply_mode("ON"),
    "off large": reply_mode("OFF") + encode("SET", "big", "x" * 200_000) + encode("GET", "big") * 3 + reply_mode("ON"),
    "off inline": b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n",
    "many": (reply_mode("SKIP") + PING + PING) * 100 + reply_mode("OFF") + PING * 100 + reply_mode("ON") + PING,
    "kill itself": encode("CLIENT", "KILL", "ID", "1", "SKIPME", "no") + PING,
}


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "in pieces"])
def test_replies(pair: tuple[Server, Server], name: str, split: bool) -> None:
    data = REPLIES[name]
    chunks = [data[at : at + 7001] for at in range(0, len(data), 7001)] if len(data) > 10_000 else [data[:37], data[37:]]
    ours, theirs = (exchange(server, chunks if split else [data]) for server in pair)
    assert ours == theirs


def test_the_end_without_a_word(ours: Server) -> None:
    """Redis leaves the connection of a client that is to be closed after a reply it does not get as it is."""
    assert exchange(ours, [reply_mode("OFF") + encode("QUIT") + PING]) == (b"", "closed")
    assert exchange(ours, [reply_mode("SKIP") + encode("QUIT") + PING]) == (b"", "closed")
    assert exchange(ours, [reply_mode("OFF") + b"*x\r\n"]) == (b"", "closed")


@BINARIES
def test_killing_itself(binary: str) -> None:
    with Server(binary) as server:
        data = encode("CLIENT", "KILL", "USER", "default", "SKIPME", "no") + PING * 10
        assert eventually(lambda: int(server.info("connected_clients")) == 1)
        assert exchange(server, [data]) == (b":1\r\n", "closed")
        with server.connect() as client:
            address = "%s:%d" % client.getsockname()
            client.sendall(encode("CLIENT", "KILL", address) + PING)
            assert client.recv(100) == b"+OK\r\n"
            assert client.recv(100) == b""


def gone(client: socket.socket) -> bool:
    client.settimeout(5)
    try:
        while client.recv(1 << 20):
            pass
        return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@BINARIES
def test_killing_clients_in_all_states(binary: str) -> None:
    with Server(binary) as server, server.connect() as a:
        killer = Connection(a)
        value = b"v" * 200_000
        killer.call("SET", "big", value)

        def unread(client: socket.socket) -> None:
            # More than the sockets' buffers hold.
            client.sendall(encode("GET", "big") * 150)

        states = {
            "idle": lambda client: None,
            "half a request": lambda client: client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nab"),
            "half a large argument": lambda client: client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$900000\r\n" + b"x" * 300_000),
            "replies unread": unread,
            "replies unread, requests waiting": lambda client: (unread(client), client.sendall(encode("ECHO", "x" * 900) * 100)),
            "no replies": lambda client: client.sendall(reply_mode("OFF") + encode("GET", "big") * 10),
        }
        if binary == OURS:  # Redis closes these by itself
            states["sent all"] = lambda client: (unread(client), client.shutdown(socket.SHUT_WR))
        for name, bring in states.items():
            for _ in range(3):
                with server.connect() as victim:
                    number = int(Connection(victim).call("CLIENT", "ID")[1:])
                    bring(victim)
                    time.sleep(0.03)
                    # All at once with requests before and after it, in one batch.
                    replies = killer.send(PING * 5 + encode("CLIENT", "KILL", "ID", number) + PING * 5, 11)
                    assert replies == [b"+PONG\r\n"] * 5 + [b":1\r\n"] + [b"+PONG\r\n"] * 5, name
                    assert killer.call("CLIENT", "LIST", "ID", number) == b"$0\r\n\r\n"
                    assert gone(victim), name
        assert killer.call("STRLEN", "big") == b":200000\r\n"
        assert killer.call("DEL", "big") == b":1\r\n"
        assert killer.call("EXISTS", "k") == b":0\r\n"
        assert eventually(lambda: int(server.info("connected_clients")) == 2)


@BINARIES
def test_killing_under_load(binary: str) -> None:
    """Everybody kills everybody, with deep pipelines, large replies and requests in part."""
    seconds = 20 if LONG else 4
    with Server(binary) as server:
        server.call("SET", "big", b"v" * 150_000)
        stop = time.monotonic() + seconds
        killed = [0] * 8
        failures: list[BaseException] = []

        def work(worker: int) -> None:
            chance = random.Random(worker)
            try:
                while time.monotonic() < stop:
                    with contextlib.suppress(OSError, ConnectionError, ValueError), server.connect() as raw:
                        client = Connection(raw)
                        number = int(client.call("CLIENT", "ID")[1:])
                        while time.monotonic() < stop:
                            kills = [
                                encode("CLIENT", "KILL", "ID", max(1, number - chance.randrange(1, 6))),
                                encode("CLIENT", "KILL", "ID", number + chance.randrange(1, 6)),
                                encode("CLIENT", "KILL", "TYPE", "normal", "SKIPME", chance.choice(["yes", "no"])),
                            ]
                            requests = [PING] * chance.randrange(1, 60) + [encode("GET", "big")] * chance.randrange(8)
                            requests += chance.sample(kills, chance.choice([0, 0, 0, 0, 1, 1, 2]))
                            requests += [reply_mode("SKIP") + encode("GET", "big")] * chance.randrange(2)
                            chance.shuffle(requests)
                            raw.sendall(b"".join(requests))
                            if chance.random() < 0.1:
                                raw.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$90000\r\n" + b"x" * 45_000)
                                break
                            if chance.random() < 0.1:
                                break  # with replies unread
                            for _ in range(sum(not r.startswith(reply_mode("SKIP")) for r in requests)):
                                client.reply()
                        killed[worker] += 1
            except BaseException as failure:  # noqa: BLE001 - whatever it is, the test must hear of it
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert sum(killed) > 20
        assert server.alive()
        assert eventually(lambda: int(server.info("connected_clients")) == 1)
        assert server.call("DEL", "big") == b":1\r\n"


@BINARIES
def test_no_touch(binary: str) -> None:
    with Server(binary) as server, server.connect() as raw:
        client = Connection(raw)
        client.call("SET", "k", "1")
        client.call("CLIENT", "NO-TOUCH", "ON")
        time.sleep(2.1)
        for request in ("GET k", "MGET k", "STRLEN k", "EXISTS k", "INCR k", "APPEND k 1", "SETRANGE k 0 5", "SET k 7",
                        "EXPIRE k 1000", "GETEX k PERSIST", "TTL k", "TYPE k", "GETSET k 8"):  # fmt: skip
            client.call(*request.split())
            assert int(client.call("OBJECT", "IDLETIME", "k")[1:]) >= 2, request
        assert client.call("TOUCH", "k") == b":1\r\n"
        assert int(client.call("OBJECT", "IDLETIME", "k")[1:]) <= 1


def test_cross_protocol_attack_is_logged(pair: tuple[Server, Server]) -> None:
    lines = []
    for server in pair:
        with server.connect() as client:
            client.sendall(b"POST / HTTP/1.1\r\n\r\n")
            assert gone(client)
            address = "%s:%d" % client.getsockname()
        assert eventually(lambda: "SECURITY ATTACK" in server.log())
        line = next(line for line in server.log().splitlines() if "SECURITY ATTACK" in line)
        lines.append(re.sub(r"^.*?#", "", line).replace(address, "ADDRESS").replace("Needletail", "Redis"))
    assert lines[0] == lines[1]


@pytest.mark.parametrize("name", [b"ma\xff\xfe", b"\xffport\x00x", b"a\rb\nc", b"x\r\n", b"\n\n", "PORT\xc3".encode()])
def test_setting_names_come_back_as_they_were(pair: tuple[Server, Server], name: bytes) -> None:
    ours, theirs = (server.call("CONFIG", "SET", name, "1") for server in pair)
    assert ours == theirs
    ours, theirs = (server.call("CONFIG", "GET", name) for server in pair)
    assert ours == theirs


def cpu_seconds(server: Server) -> float:
    with open(f"/proc/{server.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_no_descriptor_at_all() -> None:
    """Not even the one kept for refusing: connections wait, and the loop does not spin."""
    with Server(OURS) as server, contextlib.ExitStack() as stack:
        kept = Connection(stack.enter_context(server.connect()))
        assert kept.call("PING") == b"+PONG\r\n"
        before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        waiting = [Connection(stack.enter_context(server.connect())) for _ in range(3)]
        time.sleep(0.3)
        start = cpu_seconds(server)
        for _ in range(10):
            assert kept.call("PING") == b"+PONG\r\n"
            time.sleep(0.1)
        assert cpu_seconds(server) - start < 0.2
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
        assert all(client.call("PING") == b"+PONG\r\n" for client in waiting)


def test_names_are_shown_up_to_a_zero_byte(pair: tuple[Server, Server]) -> None:
    """What follows it is kept, and breaks no line of CLIENT LIST."""
    shown = []
    for server in pair:
        with contextlib.closing(Connection(server.connect())) as connection:
            replies = [
                connection.call("CLIENT", "SETNAME", b"a\0\r\nid=1 b"), connection.call("CLIENT", "GETNAME"),
                connection.call("CLIENT", "SETNAME", b"a b\0c"), connection.call("CLIENT", "SETINFO", "LIB-NAME", b"x\0\n"),
                connection.call("CLIENT", "SETINFO", "LIB-VER", b"\0 1"), connection.call("CLIENT", "SETINFO", "LIB-VER", b" \0"),
            ]  # fmt: skip
            info = connection.call("CLIENT", "INFO").decode()
            fields = [field for field in info.split() if field.partition("=")[0] in ("id", "name", "lib-name", "lib-ver")]
            shown.append((replies, [field for field in fields if not field.startswith("id=")], info.count("\n"), len(fields)))
    assert shown[0] == shown[1]

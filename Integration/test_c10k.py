"""tools/c10k: that its forms all serve the same, that it measures them, stops where it must and leaves nothing behind."""

import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Iterator

import pytest

from harness import OURS, ROOT, encode, eventually, free_port

BINARY = pathlib.Path(OURS).with_name("c10k")
FORMS = ["process", "thread", "loop", "loop-slow", "loop-slow-behind"]
pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="tools/c10k was not built")


@contextlib.contextmanager
def serving(form: str, **options) -> Iterator[int]:
    """The port of a service."""
    port = free_port()
    with subprocess.Popen([BINARY, form, "--port", str(port)], start_new_session=True, **options) as process:
        try:
            assert eventually(lambda: can_connect(port), 5)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def can_connect(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def ask(client: socket.socket, data: bytes, count: int) -> bytes:
    client.sendall(data)
    received = b""
    while len(received) < count:
        more = client.recv(count - len(received))
        assert more, received
        received += more
    return received


@pytest.fixture(params=FORMS)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(request.param) as port:
        yield port


def test_requests(port: int) -> None:
    longest = "k" * 63
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for data, reply in [
            (encode("GET", "k"), b"$-1\r\n"),
            (encode("set", longest, "v" * 63), b"+OK\r\n"),
            (encode("GET", longest), b"$63\r\n" + b"v" * 63 + b"\r\n"),
            (encode("SET", longest, ""), b"+OK\r\n"),
            (b"GET " + longest.encode() + b"\r\n", b"$0\r\n\r\n"),
            (encode("SET", longest + "k", "v"), b"-ERR keys of 1 to 63 bytes and values of up to 63 are served\r\n"),
            (encode("SET", "k", "v" * 64), b"-ERR keys of 1 to 63 bytes and values of up to 63 are served\r\n"),
            (encode("SET", "", "v"), b"-ERR keys of 1 to 63 bytes and values of up to 63 are served\r\n"),
            (encode("GET", ""), b"$-1\r\n"),
            (encode("NOSUCH"), b"-ERR unknown command or wrong number of arguments\r\n"),
            (encode("PING") * 3000, b"+PONG\r\n" * 3000),
            (encode("PING") + encode("QUIT") + encode("PING"), b"+PONG\r\n+OK\r\n"),
        ]:
            assert ask(client, data, len(reply)) == reply
        assert client.recv(100) == b""


def test_what_one_sets_all_get(port: int) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(50)]
        for number, client in enumerate(clients):
            assert ask(client, encode("SET", f"k{number}", number), 5) == b"+OK\r\n"
        for client in clients:
            wanted = b"".join(b"$%d\r\n%d\r\n" % (len(str(number)), number) for number in range(50))
            assert ask(client, b"".join(encode("GET", f"k{number}") for number in range(50)), len(wanted)) == wanted


def test_broken_requests(port: int) -> None:
    for data in [b"*1\r\nx\r\n", b"*1\r\n$-5\r\n", b"*1\r\n$20000\r\n", b"x" * 20_000, b"*3000\r\n" + b"$1\r\nx\r\n" * 3000]:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(data)
            received = b""
            with contextlib.suppress(ConnectionError):
                while more := client.recv(1000):
                    received += more
            assert received == b"" or received.startswith(b"-ERR Protocol error"), received
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        assert ask(client, encode("PING"), 7) == b"+PONG\r\n"


def test_full_table(port: int) -> None:
    maximum = (1 << 17) // 8 * 7
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for start in range(0, maximum, 1024):
            data = b"".join(encode("SET", number, "v") for number in range(start, start + 1024))
            assert ask(client, data, 5 * 1024) == b"+OK\r\n" * 1024
        assert ask(client, encode("SET", "one more", "v"), 24) == b"-OOM the table is full\r\n"
        assert ask(client, encode("SET", "0", "w"), 5) == b"+OK\r\n"
        assert ask(client, encode("GET", "0"), 7) == b"$1\r\nw\r\n"


def test_benchmark_and_cli(port: int) -> None:
    command = ["redis-benchmark", "-p", str(port), "-t", "set,get", "-n", "5000", "-P", "4", "-r", "1000", "--csv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.count("\n") >= 3, done
    done = subprocess.run(["redis-cli", "-p", str(port)], input="set a b\nget a\n", capture_output=True, text=True, timeout=20)
    assert done.stdout == "OK\nb\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("form", "call"), [("process", "fork"), ("thread", "pthread_create")])
def test_no_more_tasks(form: str, call: str) -> None:
    """The connection that cannot be served is told so; those that are there go on, and when one leaves there is room."""
    # A user of its own: what another form left behind may still be dying.
    user, maximum = 61_000 + os.getpid() % 4000 + FORMS.index(form), 12

    def become() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (maximum, maximum))
        os.setgid(user)
        os.setuid(user)

    if not all(parent.stat().st_mode & 1 for parent in BINARY.parents):
        pytest.skip("the program is where no other user may look")
    with serving(form, preexec_fn=become) as port, contextlib.ExitStack() as stack:
        clients = []
        for _ in range(maximum + 5):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            client.sendall(encode("PING"))
            reply = client.recv(1000)
            if reply != b"+PONG\r\n":
                break
            clients.append(client)
        assert reply == b"-ERR %s: Resource temporarily unavailable\r\n" % call.encode()
        assert maximum - 3 <= len(clients) < maximum
        assert all(ask(client, encode("PING"), 7) == b"+PONG\r\n" for client in clients)
        clients.pop().close()

        def is_served() -> bool:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(encode("PING"))
                return client.recv(1000) == b"+PONG\r\n"

        assert eventually(is_served, 5)


def start_tool(output: pathlib.Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, ROOT / "tools/c10klib/main.py", "--binaries", BINARY.parent, "--output", output]
    command += ["--seconds", "1", "--rate", "2000", "--connections", "20", "--stop-at", "300", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def services(process: subprocess.Popen) -> list[int]:
    """What the tool has started, and what that has."""
    found, todo = [], [process.pid]
    while todo:
        place = pathlib.Path(f"/proc/{todo.pop()}/task")
        for children in place.glob("*/children"):
            with contextlib.suppress(OSError):
                todo += [int(pid) for pid in children.read_text().split()]
                found += [int(pid) for pid in children.read_text().split()]
    return sorted(set(found))


def test_measuring(tmp_path: pathlib.Path) -> None:
    with start_tool(tmp_path, "--only", "process,loop") as process:
        text, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    lines = (tmp_path / "concurrency.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 3
    names = lines[0].split(",")
    for line in lines[1:]:
        row = dict(zip(names, line.split(","), strict=True))
        assert float(row["requests_per_second"]) > 500 and 0 < float(row["p50_us"]) <= float(row["p99_us"])
        assert 0 < float(row["cpu_us_per_request"]) < 1000
        # A loop's are so few that pages given back may outweigh them.
        assert (float(row["private_bytes"]) > 50_000) == (row["form"] == "process")
    assert text.count("300") >= 2 and "as far as this tool goes" in text
    for path in tmp_path.glob("*.svg"):
        image = xml.etree.ElementTree.parse(path).getroot()
        assert image.tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme:dark" in path.read_text()
    assert len(list(tmp_path.glob("*.svg"))) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(tmp_path: pathlib.Path, number: int) -> None:
    with start_tool(tmp_path, "--only", "process") as process:
        try:
            # The service, the load generator and a child for each connection.
            assert eventually(lambda: len(services(process)) > 10, 20)
            started = services(process)
        finally:
            os.kill(process.pid, number)
        process.communicate(timeout=20)
    assert process.returncode != 0
    assert eventually(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in started), 10)

"""Starting and ending servers, and talking to them in raw bytes."""

import collections.abc
import os
import pathlib
import resource
import shutil
import socket
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONG = os.environ.get("NEEDLETAIL_LONG") == "1"
OURS = os.environ.get("NEEDLETAIL_SERVER", str(ROOT / ".build/release/needletail-server"))
ORACLE = os.environ.get("NEEDLETAIL_ORACLE", str(ROOT / ".build-python/bin/redis-server-8.2"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on a free port with a directory of its own."""

    running: list["Server"] = []

    def __init__(
        self,
        binary: str,
        *options: str,
        config: str | None = None,
        descriptors: int | None = None,
        environment: dict[str, str] | None = None,
    ):
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="needletail-test-"))
        command = [binary]
        if config is not None:
            path = self.directory / "server.conf"
            path.write_text(config)
            command.append(str(path))
        command += ["--port", str(self.port), "--save", "", "--dir", str(self.directory)]
        if "--bind" not in options:
            command += ["--bind", "127.0.0.1"]
        self.command = [*command, *options]
        self.environment = {**os.environ, **(environment or {})}
        self.descriptors = descriptors
        self.log_path = self.directory / "log"
        Server.running.append(self)
        self.start()

    def start(self) -> None:
        """Starts the process: at first, and again after it has ended."""
        limit = (self.descriptors, self.descriptors)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=self.environment,
                preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit)) if self.descriptors else None,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                with self.connect() as probe:
                    probe.sendall(b"PING\r\n")
                    probe.recv(100)
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    text = self.log()
                    self.stop()
                    raise RuntimeError(f"server did not start:\n{text[-2000:]}") from None
                time.sleep(0.01)

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def call(self, *args: object) -> bytes:
        """One command on a connection of its own; the raw reply."""
        with self.connect() as client:
            return Connection(client).call(*args)

    def info(self, field: str) -> str:
        for line in self.call("INFO", "everything").decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            if name == field:
                return value
        raise KeyError(field)

    def resident(self) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
        raise RuntimeError("no resident size")

    def alive(self) -> bool:
        return self.process.poll() is None and self.call("PING") == b"+PONG\r\n"

    def stop(self) -> None:
        if self in Server.running:
            Server.running.remove(self)
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def stop_all() -> None:
    for server in list(Server.running):
        server.stop()


def encode(*args: object) -> bytes:
    parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Connection:
    """A connection that reads whole replies without interpreting them: what is compared is bytes."""

    def __init__(self, client: socket.socket):
        self.socket = client
        self.file = client.makefile("rb")

    def call(self, *args: object) -> bytes:
        return self.send(encode(*args), 1)[0]

    def send(self, data: bytes, replies: int) -> list[bytes]:
        self.socket.sendall(data)
        return [self.reply() for _ in range(replies)]

    def reply(self) -> bytes:
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"closed within a reply: {line!r}")
        kind = line[:1]
        if kind in b"$=!" and line[1:3] != b"-1":
            return line + self.file.read(int(line[1:]) + 2)
        if kind in b"*%~>|" and line[1:3] != b"-1":
            count = int(line[1:]) * (2 if kind in b"%|" else 1)
            return line + b"".join(self.reply() for _ in range(count))
        return line

    def close(self) -> None:
        self.file.close()
        self.socket.close()


Exchange = tuple[bytes, str]


def exchange(
    server: Server, chunks: collections.abc.Iterable[bytes], quiet: float = 0.15, half_close: bool = False
) -> Exchange:
    """Sends chunks, then reads until the server is silent for `quiet` seconds or closes.
    Returns the bytes and whether the connection is then `open`, `closed` or `reset`."""
    with server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        try:
            for chunk in chunks:
                client.sendall(chunk)
            if half_close:
                client.shutdown(socket.SHUT_WR)
            client.settimeout(quiet)
            while data := client.recv(1 << 20):
                received += data
            return received, "closed"
        except TimeoutError:
            return received, "open"
        except (ConnectionResetError, BrokenPipeError):
            return received, "reset"


def reset(client: socket.socket) -> None:
    """Closes with RST instead of FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def eventually(check: collections.abc.Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.02)
    return check()

"""The servers that the suite runs against, and how they are started."""

import contextlib
import dataclasses
import pathlib
import random
import socket
import subprocess
import time
from collections.abc import Iterator

SETTINGS = ["--save", "", "--enable-debug-command", "yes", "--enable-protected-configs", "yes", "--loglevel", "verbose"]


@dataclasses.dataclass
class Server:
    name: str
    program: str

    def environment(self) -> dict[str, str]:
        return {"NEEDLETAIL_SERVER": self.program}

    @contextlib.contextmanager
    def external(self, mode: str, port: int, place: pathlib.Path) -> Iterator[list[str]]:
        """In external mode, a server that runs meanwhile; gives the harness's arguments that name it."""
        if mode != "external":
            yield []
            return
        directory = place / "server"
        directory.mkdir(exist_ok=True)
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [self.program, "--port", str(port), "--dir", str(directory), *SETTINGS], stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, cwd=directory)
            try:
                wait_until_served(port, process)
                yield ["--host", "127.0.0.1", "--port", str(port)]
            finally:
                process.kill()
                process.wait()


def wait_until_served(port: int, process: subprocess.Popen) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the server does not listen")


def free_block() -> int:
    """The first of 500 ports that nobody uses, as far as those tell that the suite tries first. Below the system's own
    choices, also 10,000 ports further on, where the suite looks too."""
    blocks = list(range(11000, 22000, 500))
    random.shuffle(blocks)
    for block in blocks:
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in (block, block + 68, block + 100, block + 10068):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return block
    raise SystemExit("no 500 ports are free from 11000 to 22000")


def needletail(program: pathlib.Path) -> Server:
    return Server("needletail", str(program))


def redis7() -> Server:
    return Server("redis-7.0", str(program_of_redis7()))


def redis8(root: pathlib.Path) -> Server:
    return Server("redis-8.2", str(root / ".build-python/bin/redis-server-8.2"))


def program_of_redis7() -> pathlib.Path:
    """redis-tools' redis-check-rdb is the server itself, when it is called so."""
    link = pathlib.Path(__file__).resolve().parent.parent.parent / ".build-suite" / "bin" / "redis-server"
    link.parent.mkdir(exist_ok=True)
    if not link.exists():
        link.symlink_to("/usr/bin/redis-check-rdb")
    return link

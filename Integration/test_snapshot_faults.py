"""Snapshots when something goes wrong: kills at any moment, and every system call failing in turn."""

import collections
import mmap
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually
from snapshots import start

SOURCE = pathlib.Path(__file__).parent / "faults" / "fail_calls.c"
CALLS = {"opendir", "open", "write", "sync_file_range", "fsync", "close", "rename", "thread"}
ENOSPC, EIO, EDQUOT, EAGAIN = 28, 5, 122, 11


# Kills


def fill(server: Server, generation: int) -> None:
    """All keys say which generation they are of; together they make a file of a few megabytes."""
    with server.connect(60) as client:
        connection = Connection(client)
        pairs = [part for number in range(20_000) for part in (f"key:{number}", f"value of {generation}")]
        requests = encode("MULTI") + encode("MSET", *pairs) + encode("SET", "block", b"%d" % generation * 1_000_000) + encode("EXEC")
        assert connection.send(requests, 4)[3] == b"*2\r\n+OK\r\n+OK\r\n"


def generation_of(directory: pathlib.Path) -> int:
    """What the file holds, all of which must be of one generation."""
    with start(OURS, directory) as server, server.connect(60) as client:
        connection = Connection(client)
        assert connection.call("DBSIZE") == b":20001\r\n"
        values = collections.Counter(connection.call("MGET", *[f"key:{n}" for n in range(20_000)]).split(b"\r\n")[2::2])
        assert len(values) == 1, values
        generation = int(next(iter(values)).split()[-1])
        assert connection.call("STRLEN", "block") == b":%d\r\n" % (len(str(generation)) * 1_000_000)
        return generation


def test_kills(tmp_path: pathlib.Path) -> None:
    """kill -9 during BGSAVE, SAVE, the save at the end and loading: the file is the old one or the new one."""
    rng = random.Random(int(os.environ.get("NEEDLETAIL_SEED", 5)))
    outcomes = collections.Counter()
    with start(OURS, tmp_path) as server:
        fill(server, 0)
        began = time.monotonic()
        assert server.call("SAVE") == b"+OK\r\n"
        duration = time.monotonic() - began
    held = 0
    for number in range(1, 201 if LONG else 11):
        kind = ["BGSAVE", "SAVE", "SHUTDOWN SAVE", "load"][number % 4]
        with start(OURS, tmp_path, waits=kind != "load") as server:
            if kind != "load":
                fill(server, number)
            with server.connect() as client:
                if kind != "load":
                    client.sendall(encode(*kind.split()))
                time.sleep(rng.random() * duration * 1.5)
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
        left = [path for path in tmp_path.iterdir() if path.name != "dump.rdb"]
        # A killed process cannot tidy up, but nothing else may lie there.
        assert all(path.name.startswith("temp-") and path.suffix == ".rdb" for path in left), left
        found = generation_of(tmp_path)
        # The one that loaded it has tidied up after the one that was killed.
        assert not any(path.exists() for path in left), left
        assert found in ((held,) if kind == "load" else (held, number)), (kind, found, held, number)
        outcomes[kind, found == number] += 1
        held = found
    print(dict(outcomes))
    assert sum(outcomes.values()) == (200 if LONG else 10)
    if LONG:
        # The moments were spread well enough to hit both sides.
        assert all(outcomes[kind, side] for kind in ("BGSAVE", "SAVE", "SHUTDOWN SAVE") for side in (True, False))


# Calls that fail


class Faults:
    """The page that the preloaded library shares with the test (see fail_calls.c)."""

    FAILS, SHORT, SHORT_THEN_FAILS = range(3)

    def __init__(self, path: pathlib.Path):
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)

    def plan(self, target: int, code: int = 0, mode: int = FAILS) -> None:
        # First of all nothing, so that no half of a plan is seen.
        self.page[:16] = bytes(16)
        self.page[16:] = bytes(4080)
        self.page[4:16] = struct.pack("III", code, mode, 0)
        self.page[:4] = struct.pack("I", target)

    @property
    def calls(self) -> list[str]:
        return self.page[16:].rstrip(b"\0").decode().split()


@pytest.fixture(scope="module")
def library() -> Iterator[pathlib.Path]:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "fail_calls.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", path, SOURCE, "-ldl"], check=True, timeout=60)
        yield path


@pytest.fixture
def directory() -> Iterator[pathlib.Path]:
    """In memory where possible: thousands of saves need no disk to wait for."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=where, prefix="needletail-faults-") as path:
        yield pathlib.Path(path)


def save(server: Server, command: str) -> bool:
    """Whether it went well."""
    reply = server.call(command)
    if command == "SAVE":
        assert reply in (b"+OK\r\n", b"-ERR\r\n")
        return reply == b"+OK\r\n"
    if reply == b"-ERR\r\n":
        return False
    assert reply == b"+Background saving started\r\n"
    assert eventually(lambda: server.info("rdb_bgsave_in_progress") == "0", 30)
    return server.info("rdb_last_bgsave_status") == "ok"


@pytest.mark.parametrize("mode", [Faults.FAILS, Faults.SHORT, Faults.SHORT_THEN_FAILS], ids=["fails", "short", "short, fails"])
@pytest.mark.parametrize("command", ["SAVE", "BGSAVE"])
def test_every_call(library: pathlib.Path, directory: pathlib.Path, command: str, mode: int) -> None:
    faults = Faults(directory / "faults")
    data = directory / "data"
    data.mkdir()
    server = Server(OURS, "--dir", str(data), "--rdbcompression", "no",
                    environment={"LD_PRELOAD": str(library), "FAULTS": str(directory / "faults")})
    with server:
        # Three steps of syncing, and a value that is written in one piece.
        for number in range(9):
            server.call("SET", f"block:{number}", os.urandom(1 << 20))
        server.call("SET", "k", "old")
        faults.plan(0)
        assert save(server, command)
        if command == "BGSAVE":
            # The thread is there now; how its making fails has a test of its own.
            assert faults.calls.pop(0) == "thread"
            faults.plan(0)
            assert save(server, command)
        whole = faults.calls
        assert set(whole) == CALLS - {"thread"}, set(whole)
        assert whole[:2] == ["opendir", "open"] and whole[-3:] == ["rename", "fsync", "close"], whole
        file = data / "dump.rdb"
        old = file.read_bytes()
        seen = set()
        numbers = range(1, len(whole) + 1)
        if not LONG:
            numbers = [n for n in numbers if n < 6 or n > len(whole) - 6 or n % 5 == 0 or whole[n - 1] == "sync_file_range"]
        for number in numbers:
            server.call("SET", "k", f"new{number}")
            faults.plan(number, [ENOSPC, EIO, EDQUOT][number % 3], mode)
            went_well = save(server, command)
            # Which call failed: this one, or the next, which behind half a write is another write.
            index = number - 1
            if mode == Faults.SHORT_THEN_FAILS and whole[index] != "write":
                index = number
            # The last is the closing of the directory: all is done then, and what it says is nobody's concern.
            fails = mode != Faults.SHORT and index < len(whole) - 1
            where = (number, whole[index:][:1], faults.calls)
            assert went_well != fails, where
            if fails:
                seen.add(whole[index])
            assert sorted(path.name for path in data.iterdir()) == ["dump.rdb"], where
            now = file.read_bytes()
            # Behind the renaming, only the directory's fsync can fail: the new file is there then, as in Redis.
            if went_well or index == len(whole) - 2:
                assert now.count(b"new%d" % number) == 1, where
            else:
                assert now == old, where
            old = now
            assert server.call("GET", "k") == b"$%d\r\nnew%d\r\n" % (len(f"new{number}"), number)
        faults.plan(0)
        assert save(server, command)
        assert server.alive()
        # No descriptor is lost.
        descriptors = pathlib.Path(f"/proc/{server.pid}/fd")
        count = len(list(descriptors.iterdir()))
        save(server, command)
        assert eventually(lambda: len(list(descriptors.iterdir())) <= count)
    if mode == Faults.FAILS:
        assert seen == CALLS - {"thread"}
    with start(ORACLE, data) as server:
        assert server.call("DBSIZE") == b":10\r\n"


def test_thread_that_cannot_be_made(library: pathlib.Path, directory: pathlib.Path) -> None:
    faults = Faults(directory / "faults")
    with Server(OURS, environment={"LD_PRELOAD": str(library), "FAULTS": str(directory / "faults")}) as server:
        faults.plan(1, EAGAIN)
        assert server.call("BGSAVE") == b"-ERR\r\n"
        assert faults.calls == ["thread"]
        assert server.info("rdb_last_bgsave_status") == "err"
        assert "Can't save in background: pthread_create" in server.log()
        assert server.alive()
        assert save(server, "BGSAVE")


def test_a_full_disk(tmp_path: pathlib.Path) -> None:
    """A small file system of its own, where the test may mount one."""
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mount], capture_output=True, timeout=10)
    if done.returncode != 0:
        pytest.skip("no right to mount")
    try:
        with start(OURS, mount, "--rdbcompression", "no") as server:
            server.call("SET", "k", "old")
            assert save(server, "SAVE")
            old = (mount / "dump.rdb").read_bytes()
            server.call("SET", "block", os.urandom(8 << 20))
            for command in ("SAVE", "BGSAVE"):
                assert not save(server, command)
                assert "No space left on device" in server.log()
                assert [path.name for path in mount.iterdir()] == ["dump.rdb"]
                assert (mount / "dump.rdb").read_bytes() == old
            server.call("DEL", "block")
            assert save(server, "BGSAVE")
    finally:
        subprocess.run(["umount", mount], check=True, timeout=10)

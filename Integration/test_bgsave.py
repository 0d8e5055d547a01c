"""Saving in the background: what the file holds, what else happens meanwhile, how it ends."""

import os
import pathlib
import random
import shutil
import signal
import threading
import time

import pytest
import redis

from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually
from snapshots import REDIS7, start

BINARIES = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "redis 8.2"])
DEBUG = ("--enable-debug-command", "yes")


def fill(server: Server, count: int, size: int = 30, prefix: str = "key") -> None:
    with server.connect(60) as client:
        connection = Connection(client)
        value = os.urandom(size // 2).hex()
        for first in range(0, count, 1000):
            pairs = [part for number in range(first, min(first + 1000, count)) for part in (f"{prefix}:{number}", value)]
            assert connection.call("MSET", *pairs) == b"+OK\r\n"


def is_saving(server: Server) -> bool:
    return server.info("rdb_bgsave_in_progress") == "1"


def wait_for_save(server: Server) -> None:
    assert eventually(lambda: not is_saving(server), 60)


class Writers:
    """Clients that change everything there is to change, in pipelines, until they are told to stop."""

    def __init__(self, server: Server, keys: int):
        self.server, self.keys = server, keys
        self.ends = False
        # Keys that expire at once would make the data at the freeze differ from what a later load finds.
        self.expires = False
        self.sent = 0
        self.errors: list[str] = []
        self.threads = [threading.Thread(target=self.run, args=(seed,)) for seed in range(3)]

    def __enter__(self) -> "Writers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends = True
        for thread in self.threads:
            thread.join(30)

    def request(self, rng: random.Random) -> tuple:
        key, other = f"key:{rng.randrange(self.keys)}", f"key:{rng.randrange(self.keys)}"
        value = "v" * rng.choice([1, 10, 40, 300, 1100]) + str(rng.randrange(1000))
        requests = [
            ("SET", key, value), ("SET", key, value, "EX", 100_000), ("SET", key, rng.randrange(10**6)), ("DEL", key),
            ("APPEND", key, value), ("SETRANGE", key, rng.randrange(50), value), ("INCRBY", f"n:{rng.randrange(1000)}", 3),
            ("RENAME", key, other), ("COPY", key, other, "REPLACE"), ("PEXPIRE", key, 10**8), ("PERSIST", key),
            ("GETDEL", key), ("GETSET", key, value), ("MSET", key, value, other, value), ("MOVE", key, 1 + rng.randrange(3)),
            ("COPY", key, key, "DB", 1 + rng.randrange(3)), ("SETNX", key, value), ("INCRBYFLOAT", f"f:{rng.randrange(99)}", "0.5"),
            ("GETEX", key, "EX", 5000), ("SET", key, os.urandom(rng.choice([10, 100, 70_000 if rng.random() < 0.05 else 20]))),
            ("UNLINK", key, other), ("RESTORE", key, 0, b"\0\xc0\7\6\0", "REPLACE"),
        ]
        choice = rng.randrange(1000)
        if choice < 3:
            return ("SWAPDB", 2, 3)
        if choice < 5:
            return ("EVALUATE",)  # an error in between
        if self.expires and choice < 100:
            return ("PEXPIRE", key, 1 + rng.randrange(30))
        return rng.choice(requests)

    def run(self, seed: int) -> None:
        rng = random.Random(seed)
        try:
            with self.server.connect(60) as client:
                connection = Connection(client)
                while not self.ends:
                    requests = [self.request(rng) for _ in range(100)]
                    if rng.randrange(40) == 0:
                        requests += [("SELECT", 3), ("FLUSHDB",), ("SELECT", 0)]
                    connection.send(b"".join(encode(*request) for request in requests), len(requests))
                    self.sent += len(requests)
        except Exception as error:  # told by the test's own thread
            self.errors.append(repr(error))


def test_the_file_is_the_keyspace_at_the_freeze(tmp_path: pathlib.Path) -> None:
    """EXEC takes the digest and ends with the freeze; nothing comes between the two. Writers go on all the while."""
    keys = 400_000 if LONG else 150_000
    with start(OURS, tmp_path, *DEBUG) as server:
        fill(server, keys)
        changes = 0
        with Writers(server, keys) as writers, server.connect(60) as client:
            connection = Connection(client)
            for number in range(40 if LONG else 4):
                writers.expires = False
                time.sleep(0.3)  # until the last of the short expiries is over
                requests = b"".join(encode(*r) for r in [("MULTI",), ("DEBUG", "DIGEST"), ("BGSAVE",), ("EXEC",)])
                reply = connection.send(requests, 4)[3]
                writers.expires = True
                assert b"+Background saving scheduled" in reply, reply
                wait_for_save(server)
                assert server.info("rdb_saves") == str(number + 1)
                changes += int(server.info("rdb_changes_since_last_save"))
                assert server.info("rdb_last_bgsave_status") == "ok"
                copy = tmp_path / f"copy{number}"
                copy.mkdir()
                shutil.copy(tmp_path / "dump.rdb", copy)
                # Redis's digest is the same, and it checks what it loads.
                with start(ORACLE if number == 0 else OURS, copy, *DEBUG) as other:
                    assert other.call("DEBUG", "DIGEST") in reply, number
                shutil.rmtree(copy)
        assert not writers.errors
        # Much has been changed between the freezes and the ends.
        assert changes > 1000, changes
        assert writers.sent > 10_000


@BINARIES
def test_misconf(binary: str, tmp_path: pathlib.Path) -> None:
    """Every reply of a server that could not save, the same from both."""
    directory = tmp_path / "gone"
    directory.mkdir()
    with start(binary, directory, "--save", "3600 1000000") as server:
        with server.connect() as first, server.connect() as second, server.connect() as third:
            client, writer, reader = map(Connection, (first, second, third))
            assert client.call("SET", "k", "v") == b"+OK\r\n"
            writer.send(encode("MULTI") + encode("SET", "k", "w"), 2)
            reader.send(encode("MULTI") + encode("GET", "k"), 2)
            shutil.rmtree(directory)
            assert client.call("BGSAVE") == b"+Background saving started\r\n"
            assert eventually(lambda: server.info("rdb_last_bgsave_status") == "err")
            refusal = client.call("SET", "k", "w")
            assert refusal.startswith(b"-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to")
            assert refusal.endswith(b"Please check the Redis logs for details about the RDB error.\r\n")
            for request in ("PING", "DEL k", "DEL nosuch", "FLUSHALL", "FLUSHDB", "EXPIRE k 100", "GETEX k", "RESTORE a 0 x",
                            "SWAPDB 0 1", "MOVE k 1", "COPY k l", "INCR n", "GETDEL k", "MSET a 1 b 2"):
                assert client.call(*request.split()) == refusal, request
            for request, reply in (
                ("GET k", b"$1\r\nv\r\n"), ("SET k", b"-ERR wrong number of arguments for 'set' command\r\n"),
                ("TOUCH k", b":1\r\n"), ("SELECT 1", b"+OK\r\n"), ("SELECT 0", b"+OK\r\n"), ("ECHO k", b"$1\r\nk\r\n"),
                ("SAVE", b"-ERR\r\n"), ("MULTI", b"+OK\r\n"), ("SET k w", refusal),
                ("EXEC", b"-EXECABORT Transaction discarded because of previous errors.\r\n"),
                ("MULTI", b"+OK\r\n"), ("PING", refusal), ("DISCARD", b"+OK\r\n"),
            ):
                assert client.call(*request.split()) == reply, request
            assert writer.call("EXEC") == b"-EXECABORT Transaction discarded because of: " + refusal[1:]
            assert reader.call("EXEC") == b"*1\r\n$1\r\nv\r\n"
            assert client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no") == b"+OK\r\n"
            assert client.call("SET", "k", "1") == b"+OK\r\n"
            assert client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes") == b"+OK\r\n"
            assert client.call("SET", "k", "2") == refusal
            assert client.call("CONFIG", "SET", "save", "") == b"+OK\r\n"
            assert client.call("SET", "k", "3") == b"+OK\r\n"


@BINARIES
def test_replies(binary: str, tmp_path: pathlib.Path) -> None:
    with start(binary, tmp_path) as server:
        # Large enough not to be done between two requests.
        fill(server, 300_000)
        for arguments in (("x",), ("SCHEDULE", "x"), ("SCHEDULE", "SCHEDULE")):
            assert server.call("BGSAVE", *arguments) == b"-ERR syntax error\r\n"
        with server.connect() as client:
            requests = [("BGSAVE",), ("BGSAVE",), ("BGSAVE", "SCHEDULE"), ("SAVE",)]
            replies = Connection(client).send(b"".join(encode(*request) for request in requests), len(requests))
        busy = b"-ERR Background save already in progress\r\n"
        assert replies == [b"+Background saving started\r\n", busy, busy, busy]
        wait_for_save(server)
        with server.connect() as client:
            requests = [("MULTI",), ("BGSAVE",), ("BGSAVE",), ("EXEC",)]
            replies = Connection(client).send(b"".join(encode(*request) for request in requests), len(requests))
        assert replies[3] == b"*2\r\n+Background saving scheduled\r\n+Background saving scheduled\r\n"
        saves = server.info("rdb_saves")
        assert eventually(lambda: server.info("rdb_saves") != saves)
        wait_for_save(server)
        assert server.call("BGSAVE", "schedule") == b"+Background saving started\r\n"


def test_save_points(tmp_path: pathlib.Path) -> None:
    with start(OURS, tmp_path, "--save", "1 3") as server:
        file = tmp_path / "dump.rdb"
        server.call("MSET", "a", 1, "b", 2)
        time.sleep(2.5)
        assert not file.exists()
        server.call("SET", "c", 3)
        assert eventually(file.exists, 5)
        wait_for_save(server)
        assert server.info("rdb_changes_since_last_save") == "0"
        assert server.info("rdb_saves") == "1"
        assert abs(int(server.call("LASTSAVE")[1:]) - time.time()) < 5
        assert "3 changes in 1 seconds. Saving..." in server.log()
        assert "Background saving terminated with success" in server.log()
        # All is gone: so is what the file holds.
        server.call("FLUSHALL")
        assert eventually(lambda: file.stat().st_size < 200, 5)


@pytest.mark.parametrize("how", ["SHUTDOWN NOSAVE", "SHUTDOWN SAVE", "SHUTDOWN", "SHUTDOWN NOW FORCE", "signal", "DEBUG RELOAD"])
def test_end_while_saving(tmp_path: pathlib.Path, how: str) -> None:
    """Whatever moment the save is at, it leaves nothing behind and replaces nothing that is newer."""
    rng = random.Random(7)
    for number in range(60 if LONG else 8):
        directory = tmp_path / str(number)
        directory.mkdir()
        with start(OURS, directory, *DEBUG) as server:
            fill(server, 20_000)
            assert server.call("SET", "state", "old") == b"+OK\r\n"
            assert server.call("SAVE") == b"+OK\r\n"
            assert server.call("SET", "state", "save") == b"+OK\r\n"
            with server.connect() as client:
                connection = Connection(client)
                connection.send(encode("BGSAVE") + encode("SET", "state", "new"), 2)
                time.sleep(rng.choice([0, 0, rng.random() * 0.03]))
                if how == "signal":
                    server.process.send_signal(signal.SIGTERM)
                elif how == "DEBUG RELOAD":
                    assert connection.call("DEBUG", "RELOAD") == b"+OK\r\n"
                    wait_for_save(server)
                    assert connection.call("GET", "state") == b"$3\r\nnew\r\n"
                    server.process.send_signal(signal.SIGTERM)
                else:
                    client.sendall(encode(*how.split()))
                    assert client.recv(100) == b""
            assert server.process.wait(10) == 0
        assert [path.name for path in directory.iterdir()] == ["dump.rdb"]
        with start(OURS, directory) as server:
            state = server.call("GET", "state")
            newest = how in ("SHUTDOWN SAVE", "DEBUG RELOAD")
            assert state in ([b"$3\r\nnew\r\n"] if newest else [b"$3\r\nold\r\n", b"$4\r\nsave\r\n"])
            assert server.call("DBSIZE") == b":20001\r\n"


def test_directory_that_changes_meanwhile(tmp_path: pathlib.Path) -> None:
    """The file goes where it was to go when the save began."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with start(OURS, one, "--enable-protected-configs", "yes") as server:
        fill(server, 200_000)
        with server.connect() as client:
            requests = encode("BGSAVE") + encode("CONFIG", "SET", "dir", two, "dbfilename", "other.rdb")
            replies = Connection(client).send(requests, 2)
        assert replies == [b"+Background saving started\r\n", b"+OK\r\n"]
        wait_for_save(server)
        assert server.info("rdb_last_bgsave_status") == "ok"
        assert [path.name for path in one.iterdir()] == ["dump.rdb"]
        assert list(two.iterdir()) == []
    with start(OURS, one) as server:
        assert server.call("DBSIZE") == b":200000\r\n"


def test_limbo_limit(tmp_path: pathlib.Path) -> None:
    """A save that keeps too much is given up; nothing else is harmed."""
    with start(OURS, tmp_path, "--snapshot-limbo-limit", "100k") as server:
        fill(server, 200_000)
        assert server.call("SAVE") == b"+OK\r\n"
        old = (tmp_path / "dump.rdb").read_bytes()
        blocks = encode("FLUSHDB") + encode("SET", "k", "v")
        with server.connect() as client:
            connection = Connection(client)
            assert connection.send(encode("BGSAVE") + blocks, 3)[0] == b"+Background saving started\r\n"
            wait_for_save(server)
            assert "keeps" in server.log() and "snapshot-limbo-limit" in server.log()
            assert server.info("rdb_limbo_cancellations") == "1"
            assert server.info("rdb_last_bgsave_status") == "ok"
            assert (tmp_path / "dump.rdb").read_bytes() == old
            assert [path.name for path in tmp_path.iterdir() if path.suffix == ".rdb"] == ["dump.rdb"]
            assert eventually(lambda: server.info("current_cow_size") == "0")
            assert connection.call("GET", "k") == b"$1\r\nv\r\n"
            assert connection.call("CONFIG", "SET", "snapshot-limbo-limit", "0") == b"+OK\r\n"
            assert connection.call("BGSAVE") == b"+Background saving started\r\n"
        wait_for_save(server)
    with start(OURS, tmp_path) as server:
        assert server.call("DBSIZE") == b":1\r\n"


def test_cancel(tmp_path: pathlib.Path) -> None:
    with start(OURS, tmp_path) as server:
        none = b"-ERR Background saving is currently not in progress or scheduled\r\n"
        assert server.call("BGSAVE", "CANCEL") == none
        fill(server, 200_000)
        with server.connect() as client:
            requests = [("BGSAVE",), ("BGSAVE", "CANCEL"), ("BGSAVE", "CANCEL"), ("BGSAVE",), ("BGSAVE", "CANCEL"), ("BGSAVE",)]
            replies = Connection(client).send(b"".join(encode(*request) for request in requests), len(requests))
        assert replies == [
            b"+Background saving started\r\n", b"+Background saving cancelled\r\n", none, b"+Background saving scheduled\r\n",
            b"+Scheduled background saving cancelled\r\n", b"+Background saving scheduled\r\n"]
        assert eventually((tmp_path / "dump.rdb").exists, 10)
        wait_for_save(server)
        assert server.info("rdb_saves") == "1"


def test_answers_while_saving(tmp_path: pathlib.Path) -> None:
    """Progress is told, the loop is quick, and no child process is there."""
    with start(OURS, tmp_path) as server:
        fill(server, 500_000)
        server.call("CONFIG", "RESETSTAT")
        with redis.Redis(port=server.port) as client:
            assert client.bgsave()
            progress = []
            while True:
                info = client.info("persistence")
                if not info["rdb_bgsave_in_progress"]:
                    break
                assert info["current_save_keys_total"] == 500_000
                progress.append(info["current_save_keys_processed"])
                children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
                assert children == []
            assert progress == sorted(progress)
            assert len(set(progress)) > 2 and progress[-1] <= 500_000
            assert client.info("persistence")["rdb_last_freeze_usec"] < 2000
    for binary in (ORACLE, REDIS7):
        with start(binary, tmp_path) as server:
            assert server.call("DBSIZE") == b":500000\r\n"

"""Snapshots: files exchanged with Redis 7.0 and 8.2, damaged files, full disks, kills."""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import pytest

from harness import LONG, ORACLE, OURS, Connection, Server, encode, eventually, free_port
from snapshots import BINARIES, PEERS, Keys, contents, crc64, dump, fill, make_keys, start


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


def check_file(path: pathlib.Path) -> str:
    done = subprocess.run(["redis-check-rdb", str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-1000:]
    return done.stdout


DEBUG = ("--enable-debug-command", "yes")


@pytest.mark.parametrize("command", ["SAVE", "BGSAVE"])
@pytest.mark.parametrize("options", [[], ["--rdbcompression", "no", "--rdbchecksum", "no"]], ids=["usual", "plain"])
def test_our_file(keys: Keys, tmp_path: pathlib.Path, options: list[str], command: str) -> None:
    """Everybody loads what we write, with the same contents, times and digests."""
    with start(OURS, tmp_path, *options, *DEBUG) as server:
        fill(server, keys)
        assert server.call(command)[:1] == b"+"
        assert eventually(lambda: server.info("rdb_saves") == "1", 60)
        assert server.info("rdb_changes_since_last_save") == "0"
        expected = contents(server)
        digest = server.call("DEBUG", "DIGEST")
    assert len(expected) == len(keys)
    file = tmp_path / "dump.rdb"
    assert file.read_bytes()[:9] == b"REDIS0007"
    assert [path.name for path in tmp_path.iterdir()] == ["dump.rdb"]
    report = check_file(file)
    assert f"{len(keys)} keys read" in report
    for name, binary in BINARIES.items():
        with start(binary, tmp_path, *DEBUG) as server:
            assert contents(server) == expected, name
            assert server.call("DEBUG", "DIGEST") == digest, name


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "allkeys-lfu"])
@pytest.mark.parametrize("peer", PEERS)
def test_their_file(keys: Keys, tmp_path: pathlib.Path, peer: str, policy: str) -> None:
    with start(BINARIES[peer], tmp_path, "--maxmemory-policy", policy, *DEBUG) as server:
        fill(server, keys)
        assert server.call("SAVE") == b"+OK\r\n"
        expected = contents(server)
        digest = server.call("DEBUG", "DIGEST")
    with start(OURS, tmp_path, "--maxmemory-policy", policy, *DEBUG) as server:
        assert contents(server) == expected
        assert server.call("DEBUG", "DIGEST") == digest
        assert server.info("rdb_last_load_keys_loaded") == str(len(keys))


def test_files_of_valkey(small_file: bytes, tmp_path: pathlib.Path) -> None:
    """Valkey 8 says REDIS and version 11, Valkey 9 VALKEY and version 80."""
    (tmp_path / "dump.rdb").write_bytes(small_file)
    with start(OURS, tmp_path, *DEBUG) as server:
        digest = server.call("DEBUG", "DIGEST")
        assert server.call("DBSIZE") == b":51\r\n"
    assert small_file[9:21] == b"\xfa\x09redis-ver\x05"
    body = b"\xfa\x0avalkey-ver" + small_file[20:-8]
    for header in (b"VALKEY080", b"REDIS0011"):
        data = header + body
        # No checksum was taken, says a zero.
        (tmp_path / "dump.rdb").write_bytes(data + bytes(8))
        with start(OURS, tmp_path, *DEBUG) as server:
            assert server.call("DEBUG", "DIGEST") == digest
        (tmp_path / "dump.rdb").write_bytes(data + crc64(data).to_bytes(8, "little"))
        with start(OURS, tmp_path, *DEBUG) as server:
            assert server.call("DEBUG", "DIGEST") == digest
    for header in (b"VALKEY081", b"VALKEY011", b"REDIS0080"):
        status, log = run_with_file(header + body + bytes(8), tmp_path)
        assert status == 1 and "at offset 0" in log, header


@pytest.mark.parametrize("reader", BINARIES)
@pytest.mark.parametrize("writer", BINARIES)
@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-lfu"])
def test_use_of_keys(tmp_path: pathlib.Path, reader: str, writer: str, policy: str) -> None:
    """Idle times and frequencies go along."""
    with start(BINARIES[writer], tmp_path, "--maxmemory-policy", policy) as server:
        # Redis may share small integers between keys, and their clocks with them.
        payload = dump(server, "value")
        for number in range(100):
            option = ("FREQ", number) if policy.endswith("lfu") else ("IDLETIME", number * 1000)
            assert server.call("RESTORE", f"k{number}", 0, payload, *option) == b"+OK\r\n"
        assert server.call("SAVE") == b"+OK\r\n"
    if writer == "ours":
        assert (tmp_path / "dump.rdb").read_bytes()[:9] == b"REDIS0009"
    if reader == "redis 7.0" and writer == "redis 8.2":
        return
    with start(BINARIES[reader], tmp_path, "--maxmemory-policy", policy) as server:
        for number in range(100):
            if policy.endswith("lfu"):
                assert server.call("OBJECT", "FREQ", f"k{number}") == b":%d\r\n" % number
            else:
                idle = int(server.call("OBJECT", "IDLETIME", f"k{number}")[1:])
                # Redis keeps 24 bits of seconds and its clock may be a second off.
                assert abs(idle - number * 1000) <= 5


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    directory = tmp_path_factory.mktemp("small")
    with start(ORACLE, directory) as server:
        server.call("MSET", *[part for number in range(50) for part in (f"key{number}", "v" * number)])
        server.call("SET", "expiring", "1", "EX", 1000)
        server.call("SAVE")
    return (directory / "dump.rdb").read_bytes()


def run_with_file(data: bytes, directory: pathlib.Path) -> tuple[int | None, str]:
    """Exit status (None: it serves) and log."""
    (directory / "dump.rdb").write_bytes(data)
    port = free_port()
    process = subprocess.Popen(
        [OURS, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, errors="replace")
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "Ready to accept" in line:
                return None, "".join(lines)
        return process.wait(10), "".join(lines)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_cut_and_damaged_files(small_file: bytes, tmp_path: pathlib.Path) -> None:
    assert run_with_file(small_file, tmp_path)[0] is None
    step = 1 if LONG else 29
    for count in [*range(0, 40, 3), *range(40, len(small_file), step)]:
        status, log = run_with_file(small_file[:count], tmp_path)
        assert status == 1 and "at offset" in log, (count, log)
    for place in [*range(0, 60, 5), *range(60, len(small_file), step)]:
        damaged = bytearray(small_file)
        damaged[place] ^= 0x10
        status, log = run_with_file(bytes(damaged), tmp_path)
        assert status == 1 and "at offset" in log, (place, log)


def test_what_cannot_be_loaded(tmp_path: pathlib.Path) -> None:
    with start(ORACLE, tmp_path) as server:
        server.call("XADD", "stream", "1-1", "a", "b")
        server.call("SAVE")
    data = (tmp_path / "dump.rdb").read_bytes()
    status, log = run_with_file(data, tmp_path)
    assert status == 1
    assert f"at offset {data.index(b'stream') - 2}: a stream (type 21) cannot be loaded by this version" in log
    assert (tmp_path / "dump.rdb").read_bytes() == data
    status, log = run_with_file(b"REDIS0099" + data[9:], tmp_path)
    assert status == 1 and "offset 0: version 99" in log


def test_expired_keys_are_passed_over(tmp_path: pathlib.Path) -> None:
    with start(OURS, tmp_path) as server:
        for number in range(100):
            server.call("SET", f"short{number}", "x", "PX", 300)
        server.call("SET", "long", "x", "EX", 1000)
        assert server.call("SAVE") == b"+OK\r\n"
    time.sleep(0.35)
    with start(OURS, tmp_path) as server:
        assert server.call("DBSIZE") == b":1\r\n"
        assert server.info("rdb_last_load_keys_expired") == "100"
        assert server.info("rdb_last_load_keys_loaded") == "1"


def test_lastsave_and_failure(tmp_path: pathlib.Path) -> None:
    with start(OURS, tmp_path, "--enable-protected-configs", "yes") as server:
        before = int(server.call("LASTSAVE")[1:])
        assert abs(before - time.time()) < 5
        server.call("SET", "k", "old")
        assert server.call("SAVE") == b"+OK\r\n"
        old = (tmp_path / "dump.rdb").read_bytes()
        server.call("SET", "k", "new")
        missing = tmp_path / "missing"
        missing.mkdir()
        assert server.call("CONFIG", "SET", "dir", missing) == b"+OK\r\n"
        missing.rmdir()
        assert server.call("SAVE") == b"-ERR\r\n"
        assert server.info("rdb_changes_since_last_save") == "1"
        assert server.call("CONFIG", "SET", "dir", tmp_path, "dbfilename", "other.rdb") == b"+OK\r\n"
        assert server.call("SAVE") == b"+OK\r\n"
        assert (tmp_path / "dump.rdb").read_bytes() == old
        assert (tmp_path / "other.rdb").exists()
        reply = server.call("CONFIG", "SET", "dbfilename", "a/b")
        assert b"dbfilename can't be a path, just a filename" in reply
    with start(OURS, tmp_path, "--dbfilename", "other.rdb") as server:
        assert server.call("GET", "k") == b"$3\r\nnew\r\n"


def test_full_disk(tmp_path: pathlib.Path) -> None:
    """A limit on the size of files stands for a disk that is full."""
    with start(OURS, tmp_path) as server:
        server.call("SET", "k", "old")
        assert server.call("SAVE") == b"+OK\r\n"
        old = (tmp_path / "dump.rdb").read_bytes()
        for number in range(40):
            server.call("SET", f"big{number}", os.urandom(100_000))
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        assert server.call("SAVE") == b"-ERR\r\n"
        assert [path.name for path in tmp_path.iterdir()] == ["dump.rdb"]
        assert (tmp_path / "dump.rdb").read_bytes() == old
        assert server.call("GET", "k") == b"$3\r\nold\r\n"


def test_kill_while_saving(tmp_path: pathlib.Path) -> None:
    with start(OURS, tmp_path) as server:
        server.call("SET", "k", "old")
        assert server.call("SAVE") == b"+OK\r\n"
        old = (tmp_path / "dump.rdb").read_bytes()
        block = os.urandom(1 << 20)
        for number in range(200):
            server.call("SET", f"big{number}", block)
        with server.connect() as client:
            client.sendall(encode("SAVE"))
            temporary = tmp_path / f"temp-{server.pid}.rdb"
            assert eventually(lambda: temporary.exists() and temporary.stat().st_size > 1 << 20)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        assert (tmp_path / "dump.rdb").read_bytes() == old
    # The next one tidies up, but not after a process that is still there.
    assert temporary.exists()
    theirs = tmp_path / f"temp-bg-{os.getpid()}.rdb"
    theirs.write_bytes(b"another server's")
    with start(OURS, tmp_path) as server:
        assert server.call("GET", "k") == b"$3\r\nold\r\n"
        assert temporary.name in server.log()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".rdb") == ["dump.rdb", theirs.name]


def test_answers_while_loading(tmp_path: pathlib.Path) -> None:
    with start(OURS, tmp_path) as server:
        block = bytes(1 << 20)
        # Compressed to almost nothing, so that loading takes its time with memory alone.
        with server.connect() as client:
            connection = Connection(client)
            for first in range(0, 1_000_000, 1000):
                pairs = [part for number in range(first, first + 1000) for part in (f"key:{number}", "value")]
                assert connection.call("MSET", *pairs) == b"+OK\r\n"
            for number in range(50):
                connection.call("SET", f"big{number}", block)
        assert server.call("SAVE") == b"+OK\r\n"
    with start(OURS, tmp_path, waits=False) as server:
        seen = set()
        with server.connect(30) as client:
            connection = Connection(client)
            while True:
                reply = connection.call("GET", "key:1")
                info = connection.call("INFO", "persistence")
                seen.add(reply)
                if reply == b"$5\r\nvalue\r\n":
                    break
                assert reply == b"-LOADING Redis is loading the dataset in memory\r\n"
                assert b"loading_total_bytes:" in info or b"\nloading:0" in info
                assert connection.call("PING")[:8] in (b"-LOADING", b"+PONG\r\n")
                assert connection.call("SELECT", 0) == b"+OK\r\n"
        assert len(seen) == 2
        assert server.call("DBSIZE") == b":1000050\r\n"
        assert server.info("loading") == "0"
    # A signal ends it in the middle.
    with start(OURS, tmp_path, waits=False) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0


def test_used_memory_after_loading(tmp_path: pathlib.Path) -> None:
    """What another thread allocated is counted."""
    with start(OURS, tmp_path) as server:
        for first in range(0, 100_000, 1000):
            pairs = [part for number in range(first, first + 1000) for part in (f"key:{number}", "value" * 5)]
            server.call("MSET", *pairs)
        for number in range(50):
            server.call("SET", f"big{number}", os.urandom(1 << 20))
        before = int(server.info("used_memory"))
        assert server.call("SAVE") == b"+OK\r\n"
    with start(OURS, tmp_path) as server:
        assert abs(int(server.info("used_memory")) - before) < before * 0.05
        server.call("FLUSHALL")
        assert eventually(lambda: int(server.info("used_memory")) < before / 5)


@pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "redis 8.2"])
@pytest.mark.parametrize(
    ("arguments", "points", "saves"),
    [(("SAVE",), False, True), (("NOSAVE",), True, False), ((), True, True), ((), False, False),
     (("SAVE", "FORCE"), False, True), (None, True, True), (None, False, False)],
    ids=str,
)
def test_saving_at_the_end(
    binary: str, tmp_path: pathlib.Path, arguments: tuple | None, points: bool, saves: bool
) -> None:
    """By SHUTDOWN, and (None) by a signal."""
    with start(binary, tmp_path, "--save", "3600 1000000" if points else "") as server:
        server.call("SET", "k", "v")
        if arguments is None:
            server.process.send_signal(signal.SIGTERM)
        else:
            with server.connect() as client:
                client.sendall(encode("SHUTDOWN", *arguments))
                assert client.recv(100) == b""
        assert server.process.wait(10) == 0
    assert (tmp_path / "dump.rdb").exists() == saves


@pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "redis 8.2"])
def test_end_that_cannot_save(binary: str, tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    with start(binary, directory, "--save", "3600 1000000") as server:
        server.call("SET", "k", "v")
        shutil.rmtree(directory)
        assert server.call("SHUTDOWN") == b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n"
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.alive()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.alive()
        assert server.call("CONFIG", "SET", "save", "") == b"+OK\r\n"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0


def test_pid_file_of_a_start_that_fails(tmp_path: pathlib.Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0009 nonsense")
    done = subprocess.run(
        [OURS, "--port", str(free_port()), "--bind", "127.0.0.1", "--dir", tmp_path, "--pidfile", tmp_path / "pid"],
        timeout=20, capture_output=True, text=True)
    assert done.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["dump.rdb"]

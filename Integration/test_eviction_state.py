"""maxmemory's values, what INFO and OBJECT tell, and snapshots at the limit."""

import contextlib
import pathlib
import time

import pytest

from eviction import OOM, SLACK, evict_share, evicted, fill, left, limit, set_policy, size, touch, used
from harness import ORACLE, OURS, Connection, Server, eventually

BOTH = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
MB = 1 << 20


# Settings


@pytest.mark.parametrize("value,answer", [
    ("0", "0"), ("1", "1"), ("100", "100"), ("1k", "1000"), ("1kb", "1024"), ("2mb", "2097152"), ("3GB", "3221225472"),
    ("-1", None), ("x", None), ("", "0"), ("1.5gb", None), ("1tb", None), ("9223372036854775807", "9223372036854775807"),
])  # fmt: skip
def test_values(pair: tuple[Server, Server], value: str, answer: str | None) -> None:
    try:
        mine, theirs = (server.call("CONFIG", "SET", "maxmemory", value) for server in pair)
        # Here a percentage is possible as well.
        assert mine == theirs.replace(b"a memory value", b"a memory or percent value")
        assert (mine == b"+OK\r\n") == (answer is not None)
        mine, theirs = (server.call("CONFIG", "GET", "maxmemory") for server in pair)
        assert answer is None or mine == theirs and mine.endswith(b"\r\n%s\r\n" % answer.encode())
        mine, theirs = ([server.info(field) for field in ("maxmemory", "maxmemory_human")] for server in pair)
        assert answer is None or mine == theirs
    finally:
        for server in pair:
            server.call("CONFIG", "SET", "maxmemory", "0")


@pytest.mark.parametrize("name,values", [
    ("maxmemory-samples", ["0", "1", "2", "64", "65", "-1", "x"]),
    ("maxmemory-eviction-tenacity", ["-1", "0", "1", "99", "100", "101", "x"]),
    ("maxmemory-policy", ["noeviction", "allkeys-lru", "ALLKEYS-LFU", "volatile-ttl", "allkeys"]),
    ("lfu-log-factor", ["0", "1", "100", "-1"]),
    ("lfu-decay-time", ["0", "1", "100", "-1"]),
])  # fmt: skip
def test_values_of_the_others(pair: tuple[Server, Server], name: str, values: list[str]) -> None:
    for value in values:
        mine, theirs = (server.call("CONFIG", "SET", name, value) for server in pair)
        # Redis's list of policies is shorter.
        assert mine == theirs or name == "maxmemory-policy" and mine[:30] == theirs[:30] and mine[:1] == b"-"
        mine, theirs = (server.call("CONFIG", "GET", name) for server in pair)
        assert mine == theirs
        assert len({server.info("maxmemory_policy") for server in pair}) == 1
    for server in pair:
        server.call("CONFIG", "SET", "maxmemory-policy", "noeviction")


def usable_memory() -> int:
    """The machine's memory, or less if a control group's limit is lower."""
    text = pathlib.Path("/proc/meminfo").read_text()
    total = int(text.split("MemTotal:")[1].split()[0]) << 10
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(pathlib.Path(path).read_text()))
    return total


@pytest.mark.parametrize("percent", [1, 50, 100])
def test_share_of_the_machine(percent: int) -> None:
    with Server(OURS, "--maxmemory", f"{percent}%") as server:
        assert server.call("CONFIG", "GET", "maxmemory").endswith(b"\r\n%d%%\r\n" % percent)
        expected = usable_memory() * percent / 100
        assert abs(int(server.info("maxmemory")) - expected) <= 0.02 * expected + 100
        assert server.call("SET", "a", "b") == b"+OK\r\n"
        assert server.call("CONFIG", "SET", "maxmemory", "101%").startswith(b"-ERR CONFIG SET failed")
        assert server.call("CONFIG", "SET", "maxmemory", "0%") == b"+OK\r\n"
        assert server.info("maxmemory") == "0"


@BOTH
def test_at_the_start_and_rewritten(binary: str) -> None:
    config = "maxmemory 5mb\nmaxmemory-policy volatile-ttl\nmaxmemory-samples 7\n"
    with Server(binary, config=config) as server:
        assert server.info("maxmemory") == str(5 * MB) and server.info("maxmemory_human") == "5.00M"
        assert server.info("maxmemory_policy") == "volatile-ttl"
        assert server.call("CONFIG", "SET", "maxmemory", "6mb", "maxmemory-policy", "allkeys-lru") == b"+OK\r\n"
        assert server.call("CONFIG", "REWRITE") == b"+OK\r\n"
        text = (server.directory / "server.conf").read_text()
        assert "maxmemory 6mb" in text and "maxmemory-policy allkeys-lru" in text and "maxmemory-samples 7" in text


@BOTH
def test_info_fields(binary: str) -> None:
    with Server(binary, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as server:
        for field in ("evicted_keys", "evicted_clients", "evicted_scripts", "total_eviction_exceeded_time",
                      "current_eviction_exceeded_time", "mem_not_counted_for_evict"):  # fmt: skip
            assert server.info(field) == "0", field
        with server.connect() as client:
            connection = Connection(client)
            fill(connection, 3_000)
            evict_share(server, connection, 3_000, 0.2)
        assert evicted(server) >= 600
        server.call("CONFIG", "RESETSTAT")
        assert evicted(server) == 0


@BOTH
def test_what_object_tells(binary: str) -> None:
    """IDLETIME under all policies but LFU's, FREQ under LFU's only; each has its refusal."""
    lfu = b"-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    lru = b"-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching "
    rest = b"between policies at runtime LRU and LFU data will take some time to adjust.\r\n"
    own = ["allkeys-lrm", "volatile-lrm"] if binary == OURS else []
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        connection.call("SET", "key:0", "x")
        for policy in ("noeviction", "allkeys-lru", "volatile-lru", "allkeys-random", "volatile-ttl", *own):
            set_policy(connection, policy)
            assert connection.call("OBJECT", "FREQ", "key:0") == lfu + rest, policy
            assert connection.call("OBJECT", "IDLETIME", "key:0").startswith(b":")
        for policy in ("allkeys-lfu", "volatile-lfu"):
            set_policy(connection, policy)
            assert connection.call("OBJECT", "IDLETIME", "key:0") == lru + rest, policy
            connection.call("DEL", "key:0")  # A new key starts where the first use counts for certain.
            connection.call("SET", "key:0", "y")
            before = int(connection.call("OBJECT", "FREQ", "key:0")[1:])
            touch(connection, range(1), times=100)
            assert int(connection.call("OBJECT", "FREQ", "key:0")[1:]) > before


# Snapshots


def restart(server: Server) -> None:
    server.process.kill()
    server.process.wait()
    server.start()
    assert eventually(lambda: server.info("loading") == "0")


@BOTH
def test_a_dump_that_fitted_fits_again(binary: str) -> None:
    with Server(binary, "--maxmemory", "6mb", "--maxmemory-policy", "allkeys-lru") as server:
        with server.connect() as client:
            connection = Connection(client)
            fill(connection, 60_000)
            assert evicted(server) > 1_000
            connection.call("SAVE")
            held = size(connection)
        restart(server)
        with server.connect() as client:
            connection = Connection(client)
            assert size(connection) > 0.97 * held
            assert used(server) <= 6 * MB + SLACK


@pytest.mark.parametrize("policy", ["allkeys-lru", "noeviction", "volatile-lru"])
@BOTH
def test_a_dump_larger_than_the_limit(binary: str, policy: str) -> None:
    """Is loaded as a whole; then keys go, or writes are refused."""
    with Server(binary) as server:
        with server.connect() as client:
            connection = Connection(client)
            empty = used(server)
            fill(connection, 20_000)
            connection.call("SAVE")
            most = empty + (used(server) - empty) // 2
        server.command += ["--maxmemory", str(most), "--maxmemory-policy", policy]
        restart(server)
        with server.connect() as client:
            connection = Connection(client)
            if policy == "allkeys-lru":
                assert eventually(lambda: used(server) <= most + SLACK)
                assert 5_000 < size(connection) < 15_000
                assert connection.call("SET", "new", "x") == b"+OK\r\n"
            else:
                assert size(connection) == 20_000
                assert connection.call("SET", "new", "x") == OOM
                assert sum(left(connection, 20_000)) == 20_000


@BOTH
def test_a_save_evicts_nothing(binary: str) -> None:
    """What a view keeps from being freed does not count."""
    count = 60_000
    with Server(binary, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, count)
        time.sleep(0.3)
        limit(connection, used(server) + MB)
        fill(connection, count, value=b"y" * 100)
        before = evicted(server)
        without = size(connection)
        for _ in range(5):
            connection.call("BGSAVE")
            # All values change while the view has them.
            fill(connection, count, value=b"z" * 100)
            assert eventually(lambda: server.info("rdb_bgsave_in_progress") == "0", 30)
            assert size(connection) >= 0.95 * without
        assert server.info("rdb_last_bgsave_status") == "ok"
        assert evicted(server) - before <= 0.05 * count


@BOTH
def test_a_save_takes_none_of_the_memory(binary: str) -> None:
    """A limit a little above what is used stays one while a file is written."""
    with Server(binary, "--maxmemory-policy", "noeviction") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, 100_000)
        connection.call("BGSAVE")  # whatever is made for the first one is there from then on
        assert eventually(lambda: server.info("rdb_bgsave_in_progress") == "0", 30)
        before = used(server)
        limit(connection, before + 150_000)
        connection.call("BGSAVE")
        most = before
        while server.info("rdb_bgsave_in_progress") == "1":
            assert connection.call("SET", "key:1", b"y" * 100) == b"+OK\r\n"
            most = max(most, used(server))
        assert most < before + 150_000


def test_a_frozen_view_does_not_count() -> None:
    """The same without a race: the view is there until it is let go."""
    with Server(OURS, "--maxmemory-policy", "allkeys-lru", "--enable-debug-command", "local") as server:
        with server.connect() as client:
            connection = Connection(client)
            fill(connection, 40_000)
            limit(connection, used(server) + MB)
            assert connection.call("DEBUG", "FREEZE").startswith(b":")
            fill(connection, 40_000, value=b"y" * 100)
            assert size(connection) == 40_000 and evicted(server) == 0
            assert int(server.info("mem_not_counted_for_evict")) > 40_000 * 100
            # More of them: as many go.
            fill(connection, 40_000, "other")
            assert 38_000 < size(connection) < 55_000
            connection.call("DEBUG", "FREEZE-CANCEL")
            assert eventually(lambda: int(server.info("mem_not_counted_for_evict")) == 0)
            assert 38_000 < size(connection) < 55_000
            assert used(server) <= int(server.info("maxmemory")) + SLACK

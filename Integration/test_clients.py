"""redis-py, as applications use it, in both protocol versions."""

import threading
import time
from collections.abc import Iterator

import pytest
import redis

from harness import LONG, Server, eventually


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def client(request: pytest.FixtureRequest, ours: Server) -> Iterator[redis.Redis]:
    with redis.Redis(port=ours.port, protocol=request.param) as client:
        client.flushall()
        yield client


def test_strings(client: redis.Redis) -> None:
    assert client.set("k", "v") is True
    assert client.get("k") == b"v"
    assert client.set("k", "w", nx=True) is None
    assert client.set("k", "w", get=True) == b"v"
    assert client.append("k", "!") == 2
    assert client.getrange("k", 0, -1) == b"w!"
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.mget("a", "b", "nosuch") == [b"1", b"2", None]
    assert client.incrby("a", 41) == 42
    assert client.incrbyfloat("a", 0.5) == 42.5
    assert client.getdel("a") == b"42.5"
    assert client.delete("b", "k", "nosuch") == 2
    assert client.dbsize() == 0


def test_binary_keys_and_values(client: redis.Redis) -> None:
    key, value = bytes(range(256)), bytes(reversed(range(256))) * 100
    client.set(key, value)
    assert client.get(key) == value
    assert client.keys() == [key]
    assert client.randomkey() == key


def test_expiry(client: redis.Redis) -> None:
    client.set("k", "v", ex=100)
    assert 98 <= client.ttl("k") <= 100
    assert client.persist("k") is True
    assert client.ttl("k") == -1
    assert client.ttl("nosuch") == -2
    client.set("short", "v", px=60)
    assert client.get("short") == b"v"
    assert eventually(lambda: client.dbsize() == 1, seconds=2)
    assert client.get("short") is None
    assert client.exists("short", "k") == 1


def test_expired_keys_are_counted_without_access(ours: Server, client: redis.Redis) -> None:
    before = int(ours.info("expired_keys"))
    with client.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.set(f"e:{number}", "v", px=100 + number % 50)
        pipe.execute()
    assert eventually(lambda: client.dbsize() == 0, seconds=2)
    assert int(ours.info("expired_keys")) - before == 1000


def test_scan_sees_every_key(client: redis.Redis) -> None:
    names = {f"scan:{number}".encode() for number in range(20_000)}
    client.mset({name: 1 for name in names})
    assert set(client.scan_iter(count=100)) == names
    assert set(client.scan_iter(match="scan:1?", count=1000)) == {f"scan:1{n}".encode() for n in range(10)}
    assert list(client.scan_iter(_type="list")) == []


def test_scan_while_the_table_grows_and_shrinks(ours: Server, client: redis.Redis) -> None:
    """Keys that are there throughout are all returned, whatever else comes and goes."""
    stable = {f"stable:{number}".encode() for number in range(5_000)}
    client.mset({name: 1 for name in stable})
    stop = threading.Event()

    def churn() -> None:
        with redis.Redis(port=ours.port) as other:
            while not stop.is_set():
                other.mset({f"churn:{number}": 1 for number in range(50_000)})
                for first in range(0, 50_000, 5_000):
                    other.unlink(*(f"churn:{number}" for number in range(first, first + 5_000)))

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for count in (10, 100, 1000):
            assert stable <= set(client.scan_iter(count=count))
    finally:
        stop.set()
        thread.join()


def test_databases(client: redis.Redis, ours: Server) -> None:
    client.set("k", "zero")
    with redis.Redis(port=ours.port, db=9) as ninth:
        assert ninth.get("k") is None
        ninth.set("k", "nine")
        assert client.get("k") == b"zero"
        assert client.info("keyspace")["db9"]["keys"] == 1
        ninth.flushdb()
        assert client.dbsize() == 1


def test_pipeline(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(10_000):
            pipe.set(f"p:{number}", number).get(f"p:{number}")
        replies = pipe.execute()
    assert replies[1::2] == [b"%d" % number for number in range(10_000)]


def test_errors_are_the_clients_own(client: redis.Redis) -> None:
    client.set("k", "abc")
    with pytest.raises(redis.ResponseError, match="value is not an integer or out of range"):
        client.incr("k")
    with pytest.raises(redis.ResponseError, match="unknown command"):
        client.execute_command("NOSUCH")
    with pytest.raises(redis.ResponseError, match="wrong number of arguments for 'get' command"):
        client.execute_command("GET")


def test_introspection(client: redis.Redis) -> None:
    info = client.info()
    assert info["redis_version"] == "8.2.3"
    assert info["server_name"] == "needletail"
    assert info["tcp_port"] == client.connection_pool.connection_kwargs["port"]
    assert client.config_get("maxclients")["maxclients"] == "10000"
    assert client.config_set("timeout", 0) is True
    assert client.client_id() > 0
    assert client.client_setname("me") is True
    assert client.client_getname() in ("me", b"me")  # redis-py decodes it for RESP2 only
    assert client.command_count() == len([name for name in client.command_list() if b"|" not in name])
    assert client.object("encoding", "nosuch") is None
    seconds, _ = client.time()
    assert abs(seconds - time.time()) < 2


def test_used_memory_returns(client: redis.Redis) -> None:
    """What was allocated for keys is given back, to within what tables and caches keep."""
    before = client.info("memory")["used_memory"]
    for first in range(0, 200_000, 10_000):
        client.mset({f"m:{number}": "x" * 100 for number in range(first, first + 10_000)})
    full = client.info("memory")["used_memory"]
    assert full - before > 200_000 * 100
    client.flushall(asynchronous=True)
    assert eventually(lambda: client.info("memory")["used_memory"] - before < 2_000_000)


def test_large_values_are_freed_in_the_background(client: redis.Redis) -> None:
    client.set("large", b"x" * (100 << 20))
    start = time.monotonic()
    client.unlink("large")
    assert time.monotonic() - start < 0.05
    assert eventually(lambda: client.info("memory")["used_memory"] < 50 << 20)


def test_many_clients_at_once(ours: Server, client: redis.Redis) -> None:
    count, each = (50, 2_000) if LONG else (20, 200)
    failures: list[Exception] = []

    def work() -> None:
        try:
            with redis.Redis(port=ours.port) as own:
                for _ in range(each):
                    own.incr("counter")
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test's thread must hear of it
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert int(client.get("counter")) == count * each

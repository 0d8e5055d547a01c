"""maxmemory: whose keys go under each policy, in what order, and what a server that cannot make room answers."""

import time

import pytest

from eviction import OOM, SLACK, evict_share, evicted, fill, left, limit, set_policy, size, touch, used
from harness import ORACLE, OURS, Connection, Server, eventually

BOTH = pytest.mark.parametrize("binary", [OURS, ORACLE], ids=["ours", "oracle"])
REDIS_POLICIES = [
    "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu", "allkeys-random",
]  # fmt: skip
OUR_POLICIES = ["allkeys-lrm", "volatile-lrm"]
# (binary, policy) for all that each knows.
EACH = [pytest.param(OURS, policy, id=f"ours-{policy}") for policy in REDIS_POLICIES + OUR_POLICIES]
EACH += [pytest.param(ORACLE, policy, id=f"oracle-{policy}") for policy in REDIS_POLICIES]


def of(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("binary,policy", [each for each in EACH if str(each.values[1]).startswith(kind)])


# Keeping to the limit


@of("allkeys")
def test_memory_stays_at_the_limit(binary: str, policy: str) -> None:
    """However much is written, and what is left can be read and counted."""
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, policy)
        empty = used(server)
        most = empty + (2 << 20)
        limit(connection, most)
        fill(connection, 40_000)
        assert used(server) <= most + SLACK
        limit(connection, 0)
        held, gone = size(connection), evicted(server)
        assert held + gone == 40_000 and 4_000 < held < 30_000
        assert sum(left(connection, 40_000)) == held == len(keys(connection))
        assert int(server.info("keyspace_hits")) >= held


def keys(connection: Connection) -> set[bytes]:
    return {line for line in connection.call("KEYS", "*").split(b"\r\n") if line.startswith(b"key:")}


@BOTH
def test_no_limit(binary: str) -> None:
    with Server(binary, "--maxmemory-policy", "allkeys-random") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, 20_000)
        assert size(connection) == 20_000 and evicted(server) == 0
        assert server.info("maxmemory") == "0" and server.info("maxmemory_human") == "0B"


@BOTH
def test_just_below_and_above_the_limit(binary: str) -> None:
    """A limit of what is used, give or take what the connections do."""
    with Server(binary, "--maxmemory-policy", "allkeys-random") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, 10_000)
        time.sleep(0.3)  # tables have grown
        limit(connection, used(server) + (300 << 10))
        for _ in range(50):
            assert connection.call("SET", "key:1", "y" * 100) == b"+OK\r\n"
        assert evicted(server) == 0
        limit(connection, used(server) - (300 << 10))
        assert eventually(lambda: evicted(server) > 0)
        assert connection.call("SET", "one more", "x") == b"+OK\r\n"
        assert size(connection) > 5_000


@BOTH
def test_lower_and_higher_again(binary: str) -> None:
    with Server(binary, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        empty = used(server)
        fill(connection, 40_000)
        full = used(server)
        for part in (0.75, 0.5, 0.25):
            most = empty + int((full - empty) * part)
            limit(connection, most)
            assert eventually(lambda most=most: used(server) <= most + SLACK), part
        assert "is smaller than the current memory usage" in server.log()
        limit(connection, full + SLACK)
        held, before = size(connection), evicted(server)
        assert 4_000 < held < 16_000
        fill(connection, 10_000, "other")
        assert size(connection) == held + 10_000 and evicted(server) == before


@BOTH
def test_without_commands_keys_go_too(binary: str) -> None:
    """A lower limit needs nobody's next command."""
    with Server(binary, "--maxmemory-policy", "allkeys-lru") as server, server.connect() as client:
        connection = Connection(client)
        empty = used(server)
        fill(connection, 100_000)
        limit(connection, empty + (used(server) - empty) // 4)
        time.sleep(1)
        assert used(server) <= int(server.info("maxmemory")) + SLACK


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random", "volatile-ttl"])
@BOTH
def test_every_database(binary: str, policy: str) -> None:
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, policy)
        for number in range(4):
            connection.call("SELECT", number)
            fill(connection, 4_000, "key", b"x" * 100, "EX", 20_000 if number % 2 else 10_000)
        if policy == "allkeys-lru":
            time.sleep(2.2)
            for number in (1, 3):
                connection.call("SELECT", number)
                touch(connection, range(4_000))
        evict_share(server, connection, 16_000, 0.4)
        held = []
        for number in range(4):
            connection.call("SELECT", number)
            held.append(size(connection))
        assert sum(held) + evicted(server) == 16_000
        if policy == "allkeys-random":
            assert max(held) < 3_000, held
        else:
            assert held[0] + held[2] < 2_000 and held[1] + held[3] > 7_900, held


# Which keys


@of("volatile")
def test_only_keys_with_a_deadline(binary: str, policy: str) -> None:
    """All of those go before anything is refused, and nothing else ever goes."""
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, policy)
        fill(connection, 5_000, "stays")
        fill(connection, 5_000, "goes", b"x" * 100, "EX", 10_000)
        evict_share(server, connection, 5_000, 0.5)
        assert all(left(connection, 5_000, "stays"))
        assert 1_000 < sum(left(connection, 5_000, "goes")) < 3_000
        limit(connection, 1)
        assert eventually(lambda: size(connection) == 5_000)
        assert connection.call("SET", "new", "x") == OOM
        assert all(left(connection, 5_000, "stays")) and evicted(server) == 5_000
        # One that gets a deadline goes as well.
        assert connection.call("EXPIRE", "stays:7", 1000) == b":1\r\n"
        assert eventually(lambda: not connection.call("EXISTS", "stays:7").endswith(b"1\r\n"))


@BOTH
def test_soonest_deadline_first(binary: str) -> None:
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, "volatile-ttl", 64)
        for number in range(4_000):
            # Not in the order in which they came.
            connection.call("SET", f"key:{number * 1237 % 4000}", "x" * 100, "EX", 1000 + number * 1237 % 4000)
        evict_share(server, connection, 4_000, 0.5)
        there = left(connection, 4_000)
        early, late = sum(there[:1_600]), sum(there[2_400:])
        assert early < 160 and late > 1_440, (early, late)


@pytest.mark.parametrize("kind", ["allkeys", "volatile"])
@BOTH
def test_least_recently_used_first(binary: str, kind: str) -> None:
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, f"{kind}-lru")
        fill(connection, 4_000, "key", b"x" * 100, "EX", 10_000)
        time.sleep(2.2)  # the clock has steps of a second
        touch(connection, range(0, 4_000, 2))
        evict_share(server, connection, 4_000, 0.3)
        there = left(connection, 4_000)
        assert sum(there[0::2]) > 1_980, sum(there[0::2])


@BOTH
def test_looking_without_touching(binary: str) -> None:
    """Neither OBJECT and TYPE nor a client with NO-TOUCH makes a key look used."""
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, "allkeys-lru")
        fill(connection, 2_000)
        time.sleep(2.2)
        connection.call("CLIENT", "NO-TOUCH", "ON")
        touch(connection, range(0, 1_000))
        connection.call("CLIENT", "NO-TOUCH", "OFF")
        for number in range(0, 1_000, 10):
            connection.call("TYPE", f"key:{number}")
            connection.call("OBJECT", "ENCODING", f"key:{number}")
        assert int(connection.call("OBJECT", "IDLETIME", "key:3")[1:]) >= 2
        touch(connection, range(1_000, 2_000))
        assert int(connection.call("OBJECT", "IDLETIME", "key:1003")[1:]) <= 1
        evict_share(server, connection, 2_000, 0.3)
        there = left(connection, 2_000)
        assert sum(there[1_000:]) > 990 and sum(there[:1_000]) < 600


@pytest.mark.parametrize("kind", ["allkeys", "volatile"])
@BOTH
def test_least_frequently_used_first(binary: str, kind: str) -> None:
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, f"{kind}-lfu")
        fill(connection, 4_000, "key", b"x" * 100, "EX", 10_000)
        touch(connection, range(0, 4_000, 2), times=40)
        # Of late asked for, but seldom.
        touch(connection, range(1, 4_000, 2))
        evict_share(server, connection, 4_000, 0.3)
        there = left(connection, 4_000)
        assert sum(there[0::2]) > 1_950, sum(there[0::2])


@pytest.mark.parametrize("kind", ["allkeys", "volatile"])
def test_least_recently_modified_first(kind: str) -> None:
    """Reading does not keep a key."""
    with Server(OURS) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, f"{kind}-lrm")
        fill(connection, 4_000, "key", b"x" * 100, "EX", 10_000)
        time.sleep(2.2)
        for number in range(0, 4_000, 2):
            connection.call("SETRANGE", f"key:{number}", 0, "y")
        time.sleep(1.1)
        touch(connection, range(1, 4_000, 2))
        evict_share(server, connection, 4_000, 0.3)
        there = left(connection, 4_000)
        assert sum(there[0::2]) > 1_980, sum(there[0::2])


@pytest.mark.parametrize("kind", ["allkeys", "volatile"])
@BOTH
def test_any_key_at_random(binary: str, kind: str) -> None:
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, f"{kind}-random")
        fill(connection, 4_000, "key", b"x" * 100, "EX", 10_000)
        touch(connection, range(0, 4_000, 2), times=3)
        evict_share(server, connection, 4_000, 0.5)
        there = left(connection, 4_000)
        # About as many of each; a standard deviation is some 22.
        assert abs(sum(there[0::2]) - sum(there[1::2])) < 300
        assert abs(sum(there[:2_000]) - sum(there[2_000:])) < 300


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
@BOTH
def test_none_outlives_its_equals(binary: str, policy: str) -> None:
    """Nobody asks for any of them, and all come within a moment: what is replaced twice over is as good as gone."""
    with Server(binary) as server, server.connect() as client:
        connection = Connection(client)
        set_policy(connection, policy)
        fill(connection, 20_000)
        time.sleep(0.3)
        limit(connection, used(server))
        for generation in range(3):
            fill(connection, 20_000, f"new{generation}")
        limit(connection, 0)
        # By chance 5 % of them are left.
        assert sum(left(connection, 20_000)) < 4_000


@BOTH
def test_samples(binary: str) -> None:
    """With 1 the choice is nearly blind, with 64 nearly exact."""
    lost = {}
    for samples in (1, 64):
        with Server(binary) as server, server.connect() as client:
            connection = Connection(client)
            set_policy(connection, "volatile-ttl", samples)
            for number in range(3_000):
                connection.call("SET", f"key:{number}", "x" * 100, "EX", 1000 + number)
            evict_share(server, connection, 3_000, 0.4)
            lost[samples] = 1_000 - sum(left(connection, 3_000)[2_000:])
    assert lost[64] < 20 and lost[64] <= lost[1], lost


# What else an eviction is


@BOTH
def test_watched_key(binary: str) -> None:
    with Server(binary, "--maxmemory-policy", "allkeys-random") as server, server.connect() as client:
        connection = Connection(client)
        connection.call("SET", "k", "v")
        connection.call("WATCH", "k")
        server.call("CONFIG", "SET", "maxmemory", 1)
        assert eventually(lambda: evicted(server) == 1)
        connection.call("MULTI")
        connection.call("PING")
        assert connection.call("EXEC") == b"*-1\r\n"


@BOTH
def test_lazily(binary: str) -> None:
    """With and without lazyfree-lazy-eviction memory is freed and counted."""
    for lazy in ("yes", "no"):
        with Server(binary, "--lazyfree-lazy-eviction", lazy) as server, server.connect() as client:
            connection = Connection(client)
            set_policy(connection, "allkeys-lru")
            empty = used(server)
            for number in range(10):
                members = [b"member:%d" % member for member in range(20_000)]
                connection.call("SADD", f"set:{number}", *members)
            full = used(server)
            limit(connection, empty + (full - empty) // 2)
            assert eventually(lambda: used(server) <= empty + (full - empty) // 2 + SLACK)
            if binary == OURS or lazy == "no":  # Redis goes on while nothing has been freed yet
                assert 3 <= size(connection) <= 6, lazy


@BOTH
def test_not_a_change(binary: str) -> None:
    """Save points count what clients change."""
    with Server(binary, "--maxmemory-policy", "allkeys-random") as server, server.connect() as client:
        connection = Connection(client)
        fill(connection, 2_000)
        connection.call("SAVE")
        evict_share(server, connection, 2_000, 0.3)
        assert server.info("rdb_changes_since_last_save") == "0"

"""RENAME, COPY, MOVE, SWAPDB and DEBUG's digests beside Redis 8.2.3: the same replies, and the same data after them.

NEEDLETAIL_SEED=n repeats a run; NEEDLETAIL_LONG=1 makes it longer."""

import os
import random
import re
from collections.abc import Iterator

import pytest

from harness import LONG, ORACLE, OURS, Connection, Server, encode

BATCHES = 3_000 if LONG else 300
BATCH = 50
Command = list[bytes]

KEYS = [b"", b"a", b"b" * 5, b"c" * 16, b"d" * 20, b"e" * 32, b"f" * 39, b"g" * 40, b"h" * 41, b"i" * 300, b"j\x00\r\n"]
DATABASES = [b"0", b"1", b"2"]
ODD_NUMBERS = [b"-1", b"16", b"x", b"", b"1.0", b"01", b"2147483647", b"2147483648", b"99999999999999999999"]
LENGTHS = [0, 1, 5, 8, 15, 16, 20, 24, 32, 40, 41, 42, 43, 44, 45, 46, 63, 64, 100, 255, 256, 1023, 1025, 3000, 20_000, 90_000]
# Replies that depend on the moment: how far numbers may lie apart.
DISTANCES = {b"TTL": 2, b"PTTL": 2_000, b"OBJECT": 2}


@pytest.fixture(scope="module")
def debuggable() -> Iterator[tuple[Server, Server]]:
    options = ("--enable-debug-command", "yes")
    with Server(OURS, *options) as ours, Server(ORACLE, *options) as oracle:
        yield ours, oracle


@pytest.fixture
def connections(debuggable: tuple[Server, Server]) -> Iterator[tuple[Connection, Connection]]:
    both = tuple(Connection(server.connect(timeout=60)) for server in debuggable)
    for connection in both:
        connection.send(encode("FLUSHALL") + encode("CONFIG", "SET", "maxmemory-policy", "noeviction"), 2)
    yield both
    for connection in both:
        connection.close()


def command(rng: random.Random) -> Command:
    def key() -> bytes:
        return rng.choice(KEYS)

    def number() -> bytes:
        return rng.choice(DATABASES) if rng.random() < 0.95 else rng.choice(ODD_NUMBERS)

    def value() -> bytes:
        return b"%d" % rng.randrange(-1000, 20_000) if rng.random() < 0.2 else b"v" * rng.choice(LENGTHS)

    def options() -> Command:
        found: Command = []
        while rng.random() < 0.5:
            found += rng.choice([[b"REPLACE"], [b"replace"], [b"DB", number()], [b"db", number()]])
        if rng.random() < 0.03:
            found.append(rng.choice([b"DB", b"FOO", b""]))
        return found

    made = rng.choice(
        [
            lambda: [b"SET", key(), value()],
            lambda: [b"SET", key(), value(), b"EX", b"%d" % rng.randrange(1000, 100_000)],
            lambda: [b"SET", key(), value(), b"PXAT", rng.choice([b"4102444800000", b"281474976710657"])],
            lambda: [b"APPEND", key(), b"v" * rng.randrange(3)],
            lambda: [b"EXPIRE", key(), b"%d" % rng.randrange(1000, 100_000)],
            lambda: [b"PERSIST", key()],
            lambda: [b"DEL", key()],
            lambda: [b"GET", key()],
            lambda: [b"PTTL", key()],
            lambda: [b"OBJECT", b"ENCODING", key()],
            lambda: [b"OBJECT", b"IDLETIME", key()],
            lambda: [b"RENAME", key(), key()],
            lambda: [b"RENAME", key(), key()],
            lambda: [b"RENAMENX", key(), key()],
            lambda: [b"COPY", key(), key(), *options()],
            lambda: [b"COPY", key(), key(), *options()],
            lambda: [b"MOVE", key(), number()],
            lambda: [b"SELECT", rng.choice(DATABASES)],
            lambda: [b"SWAPDB", number(), number()],
            lambda: [b"MEMORY", b"USAGE", key(), *rng.choice([[], [b"SAMPLES"], [b"SAMPLES", number()], [b"FOO", b"1"]])],
            lambda: [b"DEBUG", b"DIGEST-VALUE", key(), key()],
            lambda: [b"DEBUG", b"DIGEST"],
            lambda: [b"DBSIZE"],
        ]
    )()
    if rng.random() < 0.02:
        made.insert(rng.randrange(1, len(made) + 1), value())
    elif rng.random() < 0.02 and len(made) > 1:
        made.pop()
    return made


def agree(made: Command, ours: bytes, theirs: bytes) -> bool:
    if ours == theirs:
        return True
    name = made[0]
    if name == b"MEMORY":  # two allocators' sizes
        return ours[:1] == theirs[:1] == b":"
    if name not in DISTANCES or ours[:1] != b":" or theirs[:1] != b":":
        return False
    return abs(int(ours[1:]) - int(theirs[1:])) <= DISTANCES[name] and int(ours[1:]) >= 0


def short(made: Command) -> str:
    return " ".join(repr(part[:60])[1:] for part in made)


@pytest.mark.parametrize("protocol", [2, 3])
def test_random_moves(connections: tuple[Connection, Connection], protocol: int) -> None:
    seed = int(os.environ.get("NEEDLETAIL_SEED", random.randrange(1 << 32)))
    rng = random.Random(seed)
    for connection in connections:
        connection.call("HELLO", protocol)
    for _ in range(BATCHES):
        commands = [command(rng) for _ in range(BATCH)] + [[b"DEBUG", b"DIGEST"]]
        data = b"".join(encode(*made) for made in commands)
        for connection in connections:
            connection.socket.sendall(data)
        for index, made in enumerate(commands):
            ours, theirs = (connection.reply() for connection in connections)
            before = "\n".join(map(short, commands[max(0, index - 12) : index]))
            assert agree(made, ours, theirs), (
                f"seed {seed}, RESP{protocol}:\n{before}\n{short(made)}\n  ours:  {ours[:300]!r}\n  redis: {theirs[:300]!r}"
            )


def test_expired_keys_are_none(connections: tuple[Connection, Connection]) -> None:
    replies = []
    for connection in connections:
        found = []
        for source, target in ((1, 0), (0, 1), (1, 1)):
            for work in (["RENAME", "k", "l"], ["RENAMENX", "k", "l"], ["COPY", "k", "l"], ["COPY", "k", "l", "REPLACE"], ["MOVE", "k", 1]):
                connection.call("FLUSHALL")
                connection.call("SET", "k", "value of k", *(["PXAT", 1] if source else []))
                if work[0] == "MOVE":
                    connection.call("SELECT", 1)
                connection.call("SET", work[2] if work[0] != "MOVE" else "k", "old", *(["PXAT", 1] if target else []))
                connection.call("SELECT", 0)
                found += [connection.call(*work), connection.call("MGET", "k", "l"), connection.call("SELECT", 1)]
                found += [connection.call("MGET", "k", "l"), connection.call("SELECT", 0)]
        replies.append(found)
    assert replies[0] == replies[1]


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lfu"])
def test_clocks(connections: tuple[Connection, Connection], policy: str) -> None:
    """How long a key has not been used, or how often it was, after it was renamed, copied or moved."""
    word = "FREQ" if "lfu" in policy else "IDLETIME"
    replies = []
    for connection in connections:
        connection.call("CONFIG", "SET", "maxmemory-policy", policy)
        # Any use counts for certain.
        connection.call("CONFIG", "SET", "lfu-log-factor", 0)
        found = []
        for value in ("12", "text", "x" * 60, "x" * 2000):
            for work in (["RENAME", "k", "l"], ["COPY", "k", "l"], ["COPY", "k", "l", "REPLACE"], ["MOVE", "k", 1], ["RENAME", "k", "k"]):
                connection.call("FLUSHALL")
                connection.call("SELECT", 0)
                for _ in range(5):
                    connection.call("SET", "k", value)
                    connection.call("GET", "k")
                if "REPLACE" in work:
                    connection.call("SET", "l", "y")
                    connection.call("GET", "l")
                found.append(connection.call(*work))
                if work[0] == "MOVE":
                    connection.call("SELECT", 1)
                found += [connection.call("OBJECT", word, key) for key in ("k", "l")]
        replies.append(found)
    assert replies[0] == replies[1]


def test_digests_of_everything(connections: tuple[Connection, Connection]) -> None:
    digests = []
    for connection in connections:
        found = [connection.call("DEBUG", "DIGEST")]
        for database in (0, 1, 7, 15):
            connection.call("SELECT", database)
            for length in LENGTHS:
                connection.call("SET", b"raw %d" % length, b"v" * length)
                found.append(connection.call("DEBUG", "DIGEST-VALUE", b"raw %d" % length))
            for number in (0, -1, 9_999, 10_000, 2**63 - 1, -(2**63)):
                connection.call("SET", number, number, "EX", 1000)
                connection.call("APPEND", b"appended %d" % number, number)
                found.append(connection.call("DEBUG", "DIGEST-VALUE", number, b"appended %d" % number, "none"))
            found.append(connection.call("DEBUG", "DIGEST"))
        connection.call("SELECT", 0)
        digests.append(found)
    assert digests[0] == digests[1]
    assert digests[0][0] == b"+%s\r\n" % (b"0" * 40)


DEBUG_REQUESTS = [
    ["DEBUG"],
    ["DEBUG", "NOSUCH"],
    ["DEBUG", "SLEEP"],
    ["DEBUG", "SLEEP", "0.01"],
    ["DEBUG", "SLEEP", "x"],
    ["DEBUG", "SLEEP", "-1"],
    ["DEBUG", "OBJECT", "none"],
    ["DEBUG", "OBJECT"],
    ["DEBUG", "OBJECT", "k", "fast"],
    ["DEBUG", "DIGEST", "x"],
    ["DEBUG", "DIGEST-VALUE"],
    ["DEBUG", "SET-ACTIVE-EXPIRE"],
    ["DEBUG", "SET-ACTIVE-EXPIRE", "1"],
    ["CONFIG", "SET", "enable-debug-command", "yes"],
    ["CONFIG", "GET", "enable-debug-command"],
    ["MEMORY"],
    ["MEMORY", "NOSUCH"],
    ["MEMORY", "USAGE"],
    ["MEMORY", "HELP", "x"],
    ["MEMORY", "USAGE", "none"],
    ["CONFIG", "RESETSTAT", "x"],
]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("request_", DEBUG_REQUESTS, ids=lambda request: " ".join(request))
def test_debug_and_memory(connections: tuple[Connection, Connection], request_: list[str], protocol: int) -> None:
    replies = []
    for connection in connections:
        connection.call("HELLO", protocol)
        replies.append(connection.call(*request_))
    assert replies[0] == replies[1]


@pytest.mark.parametrize("access", ["no", "local"])
def test_who_may_use_debug(access: str) -> None:
    replies = []
    for binary in (OURS, ORACLE):
        with Server(binary, "--enable-debug-command", access, "--requirepass", "x") as server:
            found = [server.call("DEBUG", "DIGEST"), server.call("DEBUG")]
            with server.connect() as client:
                connection = Connection(client)
                found += [connection.call("AUTH", "x"), connection.call("DEBUG", "DIGEST")]
                info = connection.call("INFO", "commandstats").decode()
                found.append(re.search(r"cmdstat_debug:calls=(\d+).*?(rejected_calls=\d+,failed_calls=\d+)", info).groups())
            replies.append(found)
    assert replies[0] == replies[1]


def test_debug_object(connections: tuple[Connection, Connection]) -> None:
    """What an RDB file would compress is left out: there is none yet."""
    lines = []
    for connection in connections:
        found = []
        for value in ("0", "127", "128", "-129", "32768", "2147483647", "2147483648", "9876543210987", "abc", "1.5", "007"):
            connection.call("SET", "k", value)
            line = connection.call("DEBUG", "OBJECT", "k").decode()
            found.append(re.sub(r"at:0x[0-9a-f]+|lru:\d+", "", line))
        lines.append(found)
    # Small integers are shared in Redis.
    assert [re.sub(r"refcount:\d+", "", line) for line in lines[0]] == [re.sub(r"refcount:\d+", "", line) for line in lines[1]]


def test_active_expiry_stops(connections: tuple[Connection, Connection]) -> None:
    for connection in connections:
        assert connection.call("DEBUG", "SET-ACTIVE-EXPIRE", 0) == b"+OK\r\n"
        connection.call("SET", "k", "v", "PX", 10)
        connection.call("DEBUG", "SLEEP", "0.3")
        assert connection.call("DBSIZE") == b":1\r\n"
        assert connection.call("GET", "k") == b"$-1\r\n"
        connection.call("SET", "k", "v", "PX", 10)
        connection.call("DEBUG", "SLEEP", "0.05")
        assert connection.call("DEBUG", "SET-ACTIVE-EXPIRE", 1) == b"+OK\r\n"


def test_reset_statistics(connections: tuple[Connection, Connection]) -> None:
    """The counters that are zero afterwards are the same ones."""

    def stats(connection: Connection) -> dict[str, str]:
        text = connection.call("INFO", "everything").decode("latin-1")
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    zeroed = []
    for connection in connections:
        connection.call("SET", "large", b"x" * 100_000)
        connection.call("UNLINK", "large")
        connection.call("SET", "e", "v", "PX", 1)
        connection.call("DEBUG", "SLEEP", "0.01")
        for work in (["GET", "e"], ["GET", "none"], ["SET", "k", "v"], ["GET", "k"], ["NOSUCH"], ["INCR", "k"], ["AUTH", "a", "b"]):
            connection.call(*work)
        before = stats(connection)
        assert connection.call("CONFIG", "RESETSTAT") == b"+OK\r\n"
        after = stats(connection)
        zeroed.append({name for name in before if before[name] not in ("0", "0.00") and after.get(name) in ("0", "0.00", None)})
        zeroed[-1].update(name for name in before if before[name].isdigit() and int(before[name]) > int(after.get(name, "0")) * 1.5 + 3)
    ours, theirs = zeroed
    common = set(stats(connections[0])) & set(stats(connections[1])) | ours & theirs
    volatile = re.compile(
        r"instantaneous|used_|allocator_|mem_|rss_|_human|fragmentation|uptime|lru_clock|eventloop_|loop_|"
        "client_recent_max_|reply_buffer_")
    different = {name for name in (ours ^ theirs) & common if not volatile.search(name)}
    assert not different, f"ours: {sorted(ours & different)}, redis: {sorted(theirs & different)}"


def test_a_reader_that_has_not_read(debuggable: tuple[Server, Server]) -> None:
    """A large value on its way to a client stays what it was, whatever happens to its key."""
    ours = debuggable[0]
    size = 40_000_000
    value = bytes(random.Random(1).randbytes(1_000_000)) * (size // 1_000_000)
    ways: list[list[list[object]]] = [
        [["RENAME", "k", "l"], ["APPEND", "l", "x"]],
        [["RENAME", "k", "l"], ["DEL", "l"]],
        [["RENAME", "k", "l"], ["FLUSHALL"]],
        [["SET", "l", "x"], ["RENAME", "l", "k"]],
        [["MOVE", "k", 1], ["SELECT", 1], ["FLUSHDB"]],
        [["SWAPDB", 0, 1], ["SELECT", 1], ["FLUSHDB"]],
        [["SWAPDB", 0, 1], ["SELECT", 1], ["RENAME", "k", "l"], ["SETRANGE", "l", 0, "xyz"]],
        [["COPY", "k", "l"], ["SETRANGE", "k", 5, "xyz"], ["FLUSHALL"]],
        [["SET", "k", "other"]],
        [["FLUSHALL", "ASYNC"]],
    ]
    for way in ways:
        with ours.connect(timeout=60) as one, ours.connect(timeout=60) as other:
            reader, writer = Connection(one), Connection(other)
            writer.call("FLUSHALL")
            writer.call("SELECT", 0)
            assert writer.call("SET", "k", value) == b"+OK\r\n"
            one.sendall(encode("GET", "k"))
            # Answered: its first bytes are there.
            assert reader.file.read(3) == b"$40"
            for work in way:
                assert not writer.call(*work).startswith(b"-"), work
            assert reader.file.readline() == b"000000\r\n"
            assert reader.file.read(size) == value, way
            reader.close()
            writer.close()
    assert ours.call("FLUSHALL") == b"+OK\r\n"
    assert ours.alive()

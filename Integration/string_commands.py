"""Random string and key commands, good and bad, out of small pools: collisions are what makes them interesting."""

import random
from collections.abc import Callable

Command = list[bytes]

KEYS = [b"k%d" % number for number in range(12)] + [b"", b"key with space", b"\x00\xff\r\n", b"k" * 300]
INTEGERS = [b"0", b"1", b"-1", b"7", b"100", b"9999", b"10000", b"-2147483648", b"4294967296"]
EXTREMES = [
    b"9223372036854775807",
    b"9223372036854775806",
    b"-9223372036854775808",
    b"-9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551616",
]
NOT_INTEGERS = [b"", b"abc", b" 1", b"1 ", b"+1", b"007", b"-0", b"0x10", b"1.0", b"1e3", b"--1", b"\x001"]
FLOATS = [b"3.14", b"-0.5", b"1e10", b"1e-7", b"5.0e3", b"0.1", b"1234567.890625", b"3.0", b"1e17", b"123456789012345678"]
ODD_FLOATS = [b"inf", b"-inf", b"nan", b"1e5000", b"1e308", b"-1e308", b"0x1p3", b" 3.0", b"3.0 ", b".5", b"5.", b"1e-320"]
PATTERNS = [b"*", b"k?", b"k1*", b"k[0-5]", b"k[^1]", b"\\k1", b"k[", b"k[a-", b"", b"**1", b"*k*", b"nosuch", b"k[5-0]"]
FAR_SECONDS = 4_102_444_800  # the year 2100


class Generator:
    def __init__(self, rng: random.Random):
        self.rng = rng
        own = [name for name in dir(self) if name.startswith("make_")]
        self.makers: list[Callable[[], Command]] = [getattr(self, name) for name in own]

    def command(self) -> Command:
        made = self.rng.choice(self.makers)()
        draw = self.rng.random()
        if draw < 0.02 and len(made) > 1:
            made.pop(self.rng.randrange(1, len(made)))
        elif draw < 0.04:
            made.insert(self.rng.randrange(1, len(made) + 1), self.value())
        return [self.any_case(made[0]), *made[1:]]

    # Pools

    def any_case(self, word: bytes) -> bytes:
        return self.rng.choice([word.upper(), word.lower(), word.title(), word])

    def key(self) -> bytes:
        return self.rng.choice(KEYS)

    def integer(self) -> bytes:
        pool = self.rng.choices([INTEGERS, EXTREMES, NOT_INTEGERS], [8, 2, 1])[0]
        return self.rng.choice(pool) if self.rng.random() < 0.6 else b"%d" % self.rng.randrange(-500, 500)

    def float(self) -> bytes:
        if self.rng.random() < 0.3:
            return b"%.6g" % self.rng.uniform(-1e6, 1e6)
        return self.rng.choice(self.rng.choices([FLOATS, INTEGERS, ODD_FLOATS, EXTREMES], [6, 2, 2, 1])[0])

    def value(self) -> bytes:
        draw = self.rng.random()
        if draw < 0.35:
            return self.integer()
        if draw < 0.45:
            return self.float()
        if draw < 0.7:
            return bytes(self.rng.choices(b"abc", k=self.rng.randrange(0, 30)))
        if draw < 0.9:
            return self.rng.randbytes(self.rng.choice([1, 5, 8, 16, 39, 43, 44, 45, 46, 63, 64, 65, 90]))
        return bytes(self.rng.choices(b"ab\r\n", k=self.rng.randrange(100, 800)))

    def seconds(self) -> bytes:
        """Never near the present, where the two servers would differ by a command's delay."""
        if self.rng.random() < 0.7:
            return b"%d" % self.rng.randrange(1_000, 10_000_000)
        edges = [b"0", b"-1", b"9223372036854775", b"9223372036854776", b"-9223372036854776", *EXTREMES, *NOT_INTEGERS]
        return self.rng.choice(edges)

    def milliseconds(self) -> bytes:
        if self.rng.random() < 0.7:
            return b"%d" % self.rng.randrange(1_000_000, 10_000_000_000)
        return self.rng.choice([b"0", b"-1", *EXTREMES, *NOT_INTEGERS])

    def at_seconds(self) -> bytes:
        if self.rng.random() < 0.6:
            return b"%d" % (FAR_SECONDS + self.rng.randrange(10_000_000))
        past = [b"1", b"1000000000"]
        edges = [b"0", b"-1", b"281474976710", b"281474976711", b"9223372036854775", b"9223372036854776"]
        return self.rng.choice([*past, *edges, *EXTREMES, *NOT_INTEGERS])

    def at_milliseconds(self) -> bytes:
        if self.rng.random() < 0.6:
            return b"%d" % (FAR_SECONDS * 1000 + self.rng.randrange(10_000_000_000))
        past = [b"1", b"1000000000000"]
        edges = [b"0", b"-1", b"281474976710655", b"281474976710656", b"281474976710657"]
        return self.rng.choice([*past, *edges, *EXTREMES, *NOT_INTEGERS])

    def deadline(self) -> list[bytes]:
        """EX 100 and its like."""
        return self.rng.choice(
            [
                lambda: [self.any_case(b"EX"), self.seconds()],
                lambda: [self.any_case(b"PX"), self.milliseconds()],
                lambda: [self.any_case(b"EXAT"), self.at_seconds()],
                lambda: [self.any_case(b"PXAT"), self.at_milliseconds()],
            ]
        )()

    def options(self, choices: list[Callable[[], list[bytes]]], odds: float = 0.4) -> list[bytes]:
        """Some options, in any order, now and then in conflict or twice."""
        found: list[bytes] = []
        while self.rng.random() < odds and len(found) < 8:
            found += self.rng.choice(choices)()
        return found

    def words(self, *words: bytes) -> list[Callable[[], list[bytes]]]:
        return [lambda word=word: [self.any_case(word)] for word in words]

    # Strings

    def make_set(self) -> Command:
        return [b"SET", self.key(), self.value()]

    def make_set_options(self) -> Command:
        choices = self.words(b"NX", b"XX", b"GET", b"KEEPTTL", b"PERSIST", b"NOSUCH")[: self.rng.choice([4, 4, 4, 6])]
        return [b"SET", self.key(), self.value(), *self.options([*choices, self.deadline, self.deadline], 0.6)]

    def make_get(self) -> Command:
        return [b"GET", self.key()]

    def make_getset(self) -> Command:
        return [b"GETSET", self.key(), self.value()]

    def make_getdel(self) -> Command:
        return [b"GETDEL", self.key()]

    def make_getex(self) -> Command:
        return [b"GETEX", self.key(), *self.options([self.deadline, *self.words(b"PERSIST")], 0.6)]

    def make_setnx(self) -> Command:
        return [b"SETNX", self.key(), self.value()]

    def make_setex(self) -> Command:
        if self.rng.random() < 0.5:
            return [b"SETEX", self.key(), self.seconds(), self.value()]
        return [b"PSETEX", self.key(), self.milliseconds(), self.value()]

    def make_append(self) -> Command:
        return [b"APPEND", self.key(), self.value()]

    def make_strlen(self) -> Command:
        return [b"STRLEN", self.key()]

    def make_getrange(self) -> Command:
        return [self.rng.choice([b"GETRANGE", b"SUBSTR"]), self.key(), self.integer(), self.integer()]

    def make_setrange(self) -> Command:
        offset = self.rng.choice([b"0", b"1", b"-1", b"5", b"40", b"900", b"536870912", b"9223372036854775807", b"abc"])
        return [b"SETRANGE", self.key(), offset, self.value()]

    def make_incr(self) -> Command:
        return [self.rng.choice([b"INCR", b"DECR"]), self.key()]

    def make_incrby(self) -> Command:
        return [self.rng.choice([b"INCRBY", b"DECRBY"]), self.key(), self.integer()]

    def make_incrbyfloat(self) -> Command:
        return [b"INCRBYFLOAT", self.key(), self.float()]

    def make_set_number(self) -> Command:
        """So that arithmetic meets numbers often enough."""
        return [b"SET", self.key(), self.rng.choice([self.integer, self.float])()]

    def make_mget(self) -> Command:
        return [b"MGET", *(self.key() for _ in range(self.rng.randrange(1, 6)))]

    def make_mset(self) -> Command:
        pairs = [item for _ in range(self.rng.randrange(1, 5)) for item in (self.key(), self.value())]
        return [self.rng.choice([b"MSET", b"MSETNX"]), *pairs]

    def make_lcs(self) -> Command:
        choices = self.words(b"LEN", b"IDX", b"IDX", b"WITHMATCHLEN") + [lambda: [b"MINMATCHLEN", self.integer()]]
        return [b"LCS", self.key(), self.key(), *self.options(choices, 0.5)]

    # Keys

    def make_del(self) -> Command:
        return [self.rng.choice([b"DEL", b"UNLINK"]), *(self.key() for _ in range(self.rng.randrange(1, 4)))]

    def make_exists(self) -> Command:
        return [self.rng.choice([b"EXISTS", b"TOUCH"]), *(self.key() for _ in range(self.rng.randrange(1, 4)))]

    def make_type(self) -> Command:
        return [b"TYPE", self.key()]

    def make_expire(self) -> Command:
        name, when = self.rng.choice(
            [
                (b"EXPIRE", self.seconds),
                (b"PEXPIRE", self.milliseconds),
                (b"EXPIREAT", self.at_seconds),
                (b"PEXPIREAT", self.at_milliseconds),
            ]
        )
        return [name, self.key(), when(), *self.options(self.words(b"NX", b"XX", b"GT", b"LT"))]

    def make_ttl(self) -> Command:
        return [self.rng.choice([b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"]), self.key()]

    def make_persist(self) -> Command:
        return [b"PERSIST", self.key()]

    def make_object(self) -> Command:
        word = self.rng.choice([b"ENCODING", b"ENCODING", b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ", b"NOSUCH"])
        return [b"OBJECT", self.any_case(word), self.key()]

    def make_keys(self) -> Command:
        return [b"KEYS", self.rng.choice(PATTERNS)]

    def make_scan(self) -> Command:
        """The first step only; whole scans are compared by the test itself."""
        cursor = self.rng.choice([b"0", b"abc", b"-1", b"", b"18446744073709551616", b" 0"])
        choices = [
            lambda: [b"MATCH", self.rng.choice(PATTERNS)],
            lambda: [b"COUNT", self.integer()],
            lambda: [b"TYPE", self.rng.choice([b"string", b"list", b"STRING", b"nosuch"])],
            *self.words(b"NOSUCH"),
        ]
        return [b"SCAN", cursor, *self.options(choices, 0.5)]

    def make_dbsize(self) -> Command:
        return [self.rng.choice([b"DBSIZE", b"RANDOMKEY", b"DBSIZE"])]

    def make_select(self) -> Command:
        return [b"SELECT", self.rng.choice([b"0", b"0", b"0", b"1", b"16", b"-1", b"abc"])]

    def make_rarely(self) -> Command:
        if self.rng.random() < 0.8:
            return [b"PING"] if self.rng.random() < 0.5 else [b"ECHO", self.value()]
        return [self.rng.choice([b"FLUSHDB", b"FLUSHALL"]), *self.options(self.words(b"ASYNC", b"SYNC"))]

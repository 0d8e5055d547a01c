"""What arguments may be: pools of good, extreme and bad values for each kind that the grammar names.

Pools are small, so that commands meet, and full of edges. Deadlines are never near: a key would expire at one moment in
one server and at another in the other. The generator's own pauses are the exception."""

import random
from collections.abc import Callable, Sequence

from .grammar import Argument, Command

Draw = Callable[[], bytes]

TYPED_KEYS = {
    "string": [b"s1", b"s2", b"s3", b"s4", b"s5"],
    "bitmap": [b"s1", b"s2", b"b1"],
    "hyperloglog": [b"p1", b"p2", b"s1"],
    "list": [b"l1", b"l2", b"l3"],
    "set": [b"e1", b"e2", b"e3"],
    "sorted-set": [b"z1", b"z2", b"z3"],
    "geo": [b"z1", b"g1"],
    "hash": [b"h1", b"h2", b"h3"],
    "stream": [b"x1", b"x2"],
}
ODD_KEYS = [b"", b"key with space", b"\x00\xff\r\n", b"k" * 300, b"{s1}tag", b"MULTI"]

SMALL = [b"0", b"1", b"2", b"3", b"-1", b"-2", b"5", b"7", b"10", b"-5", b"100", b"-100"]
WIDE = [b"9999", b"10000", b"-2147483648", b"2147483647", b"2147483648", b"4294967296", b"1234567890123"]
EXTREMES = [
    b"9223372036854775807",
    b"9223372036854775806",
    b"-9223372036854775808",
    b"-9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551615",
    b"18446744073709551616",
    b"4611686018427387904",
]
NOT_INTEGERS = [b"", b"abc", b" 1", b"1 ", b"+1", b"007", b"-0", b"0x10", b"1.0", b"1e3", b"--1", b"\x001", b"-"]
FLOATS = [b"3.14", b"-0.5", b"1e10", b"1e-7", b"5.0e3", b"0.1", b"1234567.890625", b"3.0", b"1e17", b"2", b"-7", b"0"]
ODD_FLOATS = [
    *(b"inf", b"-inf", b"+inf", b"Infinity", b"nan", b"1e400", b"-1e400", b"1e308", b"-1e308", b"0x1p3", b" 3.0"),
    *(b"3.0 ", b".5", b"5.", b"1e-320", b"123456789012345678", b"1e5000", b"0.30000000000000004", b"abc", b""),
]
PATTERNS = [
    *(b"*", b"s?", b"s1*", b"s[0-3]", b"s[^1]", b"\\s1", b"s[", b"s[a-", b"", b"**1", b"*s*", b"nosuch", b"s[3-0]"),
    *(b"?1", b"[a-z]?", b"*\\*", b"h*", b"k*k", b"[!s]1", b"[\\]]", b"s[^", b"*" * 20 + b"1"),
]
TEXTS = [
    *(b"", b"a", b"b", b"abc", b"hello world", b"value", b"ABC", b"\x00\xff\r\n", b"\xc3\xa9", b"aaaaaaaaab"),
    b"xyzabc",
]
LENGTHS = [
    *(7, 8, 12, 20, 31, 32, 40, 43, 44, 45, 46, 47, 48, 49, 63, 64, 65, 100, 127, 128, 255, 256, 257, 1000, 1023, 1024),
]
LONG_LENGTHS = [2000, 4096, 5000, 65_535, 65_536, 70_000]
FAR_SECONDS = 4_102_444_800  # the year 2100
# Settings that random requests may change: none of them ends a connection, the server or the test.
CHANGEABLE_SETTINGS = [
    *("lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lazyfree-lazy-user-del", "lazyfree-lazy-user-flush"),
    *("maxmemory-policy", "lfu-log-factor", "lfu-decay-time", "hash-max-listpack-entries", "hash-max-listpack-value"),
    *("list-max-listpack-size", "list-compress-depth", "set-max-intset-entries", "set-max-listpack-entries"),
    *("set-max-listpack-value", "zset-max-listpack-entries", "zset-max-listpack-value", "slowlog-log-slower-than"),
    *("slowlog-max-len", "latency-monitor-threshold", "stream-node-max-entries", "tcp-keepalive", "dynamic-hz"),
]
# Other settings whose values may be asked for: they are the same in both.
READABLE_SETTINGS = ["databases", "maxclients", "timeout", "hz", "proto-max-bulk-len", "loglevel", "tcp-backlog"]


class Values:
    """Draws values. `keys` and `has_passed_deadline` tell what was drawn since the generator last cleared them."""

    def __init__(self, rng: random.Random, commands: Sequence[Command], settings: Sequence[bytes]):
        self.rng = rng
        self.random = rng.random
        self.names = [command.name.encode() for command in commands if "|" not in command.name]
        self.changeable = [name.encode() for name in CHANGEABLE_SETTINGS if name.encode() in settings]
        self.readable = [name.encode() for name in READABLE_SETTINGS if name.encode() in settings] + self.changeable
        groups = {command.group for command in commands}
        self.every_key = [key for group, keys in TYPED_KEYS.items() if group in groups for key in keys]
        self.keys: list[bytes] = []
        self.has_passed_deadline = False
        self.lapses = False  # Deadlines within some milliseconds, for a pause that follows.
        draws: dict[str, Draw] = {
            "seconds": self.seconds,
            "ttl": self.milliseconds,
            "milliseconds": self.milliseconds,
            "unix-time-seconds": self.at_seconds,
            "unix-time-milliseconds": self.at_milliseconds,
            "offset": self.offset,
            "start": self.position,
            "end": self.position,
            "stop": self.position,
            "index": self.position,
            "bit": self.either(0.95, [b"0", b"1"], NOT_INTEGERS),
            "cursor": self.either(0.7, [b"0"], [b"abc", b"-1", b"", b" 0", b"1x"]),
            "count": self.either(
                0.85,
                [b"1", b"2", b"3", b"10", b"1000", b"100000"],
                [b"0", b"-1", *NOT_INTEGERS, *EXTREMES[:3]],
            ),
            "timeout": self.either(0.9, [b"0.001", b"0.002", b"0.005"], [b"-1", b"abc", b"nan", b"1e400", b""]),
            "numreplicas": self.either(0.9, [b"0"], [b"-1", b"abc"]),
            "numlocal": self.either(0.9, [b"0"], [b"-1", b"2", b"abc"]),
            "db": self.database,
            "destination-db": self.database,
            "index1": self.database,
            "index2": self.database,
            "protover": self.either(0.9, [b"2", b"3"], [b"1", b"4", b"abc", b"-3", b""]),
            "min-match-len": self.either(0.9, [b"0", b"1", b"2", b"3", b"5", b"-1"], [*EXTREMES, *NOT_INTEGERS]),
            "client-id": self.either(0.9, [b"1000001", b"1000002", b"0", b"-1"], [*EXTREMES, *NOT_INTEGERS]),
            "frequency": self.either(0.9, [b"0", b"1", b"100", b"255"], [b"256", b"-1", *NOT_INTEGERS]),
            "type": self.either(
                0.8,
                [b"string", b"list", b"set", b"zset", b"hash", b"stream"],
                [b"STRING", b"nosuch", b""],
            ),
            "value": self.value,
            "encoding": self.either(
                0.9,
                [b"u1", b"u4", b"u7", b"u8", b"i5", b"i8", b"u16", b"i16", b"u31", b"i33", b"u63", b"i64"],
                [b"u64", b"i65", b"u0", b"i0", b"x8", b"u", b"U8", b"i08", b"u-1", b""],
            ),
            "element": self.member,
            "member": self.member,
            "field": self.member,
            "pivot": self.member,
            "command": self.command_name,
            "command-name": self.command_name,
            "category": self.either(
                0.9,
                [b"string", b"keyspace", b"fast", b"write", b"dangerous"],
                [b"nosuch", b"@fast", b""],
            ),
            "parameter": self.setting,
            "connection-name": self.either(
                0.8,
                [b"one", b"two", b"three", b""],
                [b"with space", b"line\nend", b"\xff", b"~!"],
            ),
            "clientname": self.either(0.8, [b"one", b"two"], [b"with space", b""]),
            "libname": self.either(0.8, [b"lib", b"redis-py(x)", b""], [b"with space", b"\xff"]),
            "libver": self.either(0.8, [b"1.0", b"8.2", b""], [b"with space", b"\n"]),
            "username": self.either(0.8, [b"default"], [b"nobody", b""]),
            "password": self.either(0.8, [b"secret", b"x"], [b"", b"p" * 100]),
            "section": self.either(0.8, [b"server", b"keyspace", b"stats", b"everything"], [b"nosuch", b""]),
            "id": self.either(0.9, [b"0", b"1-1", b"2-0", b"2-1", b"5-3", b"10-0", b"$", b">", b"-", b"+"], NOT_INTEGERS),
            "arg": self.anything,
        }
        types: dict[str, Draw] = {
            "integer": self.integer,
            "double": self.double,
            "pattern": self.either(1, PATTERNS, []),
            "unix-time": self.at_milliseconds,
            "string": self.value,
        }
        self.by_name, self.by_type = draws, types

    def draw_for(self, argument: Argument, command: Command) -> Draw:
        """How values of an argument are drawn: by its name where there is a hint, else by its type."""
        if argument.type == "key":
            return self.keys_for(command.group)
        if argument.name == "milliseconds" and "blocking" in command.flags:
            return self.either(0.9, [b"1", b"2"], [b"-1", b"abc"])
        if command.name == "select":
            return self.database
        if argument.name == "value" and command.name == "config|set":
            return self.setting_value
        if argument.name == "parameter" and command.name == "config|set":
            return self.changeable_setting
        if command.group == "sorted-set" and argument.name in ("min", "max", "start", "stop"):
            return self.range_end(command.name)
        if command.group == "bitmap" and argument.name == "offset":
            return self.bit_offset
        if argument.type == "double" and argument.name != "timeout":
            return self.double
        # A name alone is ambiguous: ZRANGE's start is a string, ZPOPMIN's count an integer.
        return self.by_name.get(argument.name) or self.by_type.get(argument.type) or self.value

    # Drawing

    def pick(self, pool: Sequence[bytes]) -> bytes:
        return pool[int(self.random() * len(pool))]

    def either(self, odds: float, good: Sequence[bytes], bad: Sequence[bytes]) -> Draw:
        def draw() -> bytes:
            return self.pick(good if self.random() < odds or not bad else bad)

        return draw

    def number(self, low: int, high: int) -> bytes:
        return b"%d" % (low + int(self.random() * (high - low)))

    # Keys

    def keys_for(self, group: str) -> Draw:
        own = TYPED_KEYS.get(group, self.every_key)

        def draw() -> bytes:
            chance = self.random()
            key = self.pick(own if chance < 0.8 else self.every_key if chance < 0.93 else ODD_KEYS)
            self.keys.append(key)
            return key

        return draw

    # Numbers

    def integer(self) -> bytes:
        chance = self.random()
        if chance < 0.8:
            return self.pick(SMALL)
        return self.pick(WIDE if chance < 0.88 else EXTREMES if chance < 0.95 else NOT_INTEGERS)

    def position(self) -> bytes:
        chance = self.random()
        if chance < 0.9:
            return self.pick(SMALL) if chance < 0.6 else self.number(-60, 60)
        return self.pick(EXTREMES if chance < 0.96 else NOT_INTEGERS)

    def range_end(self, name: str) -> Draw:
        """An end of a range of members: by rank, score or bytes. Where scores differ, what lies between two members is a
        matter of chance in Redis, so commands that change anything get all members or none."""
        by_bytes = [b"-", b"+"]
        if name in ("zrange", "zrangebylex", "zrevrangebylex", "zlexcount"):
            by_bytes += [b"[a", b"(a", b"[c", b"(d", b"[g", b"[", b"(", b"[7"]
        if name.endswith("lex") or name == "zlexcount":
            return self.either(0.95, by_bytes, [b"a", b"", b"+x", b"1", *NOT_INTEGERS[:4]])
        by_score = [b"-inf", b"+inf", b"(1", b"(3.14", b"(-2", b"(inf", b"("]

        def draw() -> bytes:
            chance = self.random()
            if "score" in name or name == "zcount":
                return self.pick(by_score) if chance < 0.4 else self.double()
            if name in ("zrevrange", "zremrangebyrank") or chance < 0.6:
                return self.position()
            return self.pick(by_score) if chance < 0.75 else self.pick(by_bytes) if chance < 0.9 else self.double()

        return draw

    def offset(self) -> bytes:
        """A string grows no further than some kilobytes by it, or far beyond what it may."""
        chance = self.random()
        if chance < 0.9:
            return self.number(0, 70) if chance < 0.8 else self.number(70, 3000)
        return self.pick([b"-1", b"536870912", b"536870911999", *EXTREMES, *NOT_INTEGERS])

    def bit_offset(self) -> bytes:
        """As `offset`, in bits or, behind a #, in fields."""
        chance = self.random()
        if chance < 0.9:
            return self.number(0, 100) if chance < 0.6 else b"#" + self.number(0, 40) if chance < 0.75 else self.number(0, 24_000)
        return self.pick([b"-1", b"4294967296", b"#4294967296", b"#-1", b"#", b"9223372036854775807", b"#9223372036854775807",
                          b"9223372036854775808", *NOT_INTEGERS])

    def double(self) -> bytes:
        chance = self.random()
        if chance < 0.85:
            return self.pick(FLOATS if chance < 0.6 else SMALL)
        return self.pick(ODD_FLOATS)

    def database(self) -> bytes:
        chance = self.random()
        if chance < 0.92:
            return self.pick([b"0", b"0", b"1", b"2"])
        return self.pick([b"15", b"16", b"-1", *EXTREMES, *NOT_INTEGERS])

    # Times

    def seconds(self) -> bytes:
        chance = self.random()
        if chance < 0.85:
            return self.number(3_000, 10_000_000)
        edges = [b"0", b"-1", b"9223372036854775", b"9223372036854776", b"-9223372036854776"]
        return self.pick(edges if chance < 0.93 else EXTREMES if chance < 0.97 else NOT_INTEGERS)

    def milliseconds(self) -> bytes:
        if self.lapses:
            return self.number(1, 4)
        chance = self.random()
        if chance < 0.85:
            return self.number(3_000_000, 10_000_000_000)
        return self.pick([b"0", b"-1"] if chance < 0.93 else EXTREMES if chance < 0.97 else NOT_INTEGERS)

    def at_seconds(self) -> bytes:
        chance = self.random()
        if chance < 0.8:
            return self.number(FAR_SECONDS, FAR_SECONDS + 10_000_000)
        self.has_passed_deadline = True
        edges = [b"1", b"1000000000", b"0", b"-1", b"281474976710", b"281474976711"]
        edges += [b"9223372036854775", b"9223372036854776"]
        return self.pick(edges if chance < 0.93 else EXTREMES if chance < 0.97 else NOT_INTEGERS)

    def at_milliseconds(self) -> bytes:
        chance = self.random()
        if chance < 0.8:
            return self.number(FAR_SECONDS * 1000, FAR_SECONDS * 1000 + 10_000_000_000)
        self.has_passed_deadline = True
        edges = [b"1", b"1000000000000", b"0", b"-1", b"281474976710655", b"281474976710656", b"281474976710657"]
        return self.pick(edges if chance < 0.93 else EXTREMES if chance < 0.97 else NOT_INTEGERS)

    # Texts

    def value(self) -> bytes:
        chance = self.random()
        if chance < 0.4:
            return self.pick(SMALL if chance < 0.3 else WIDE if chance < 0.36 else EXTREMES)
        if chance < 0.52:
            return self.pick(FLOATS if chance < 0.49 else ODD_FLOATS)
        if chance < 0.72:
            return self.pick(TEXTS)
        length = self.pick_length(LENGTHS if chance < 0.99 else LONG_LENGTHS)
        start = int(self.random() * 26)
        return (b"abcdefghijklmnopqrstuvwxyz"[start:] * (length // (26 - start) + 1))[:length]

    def pick_length(self, pool: Sequence[int]) -> int:
        return pool[int(self.random() * len(pool))]

    def member(self) -> bytes:
        chance = self.random()
        if chance < 0.6:
            return self.pick([b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"])
        if chance < 0.8:
            return self.pick(SMALL)
        return self.value()

    def command_name(self) -> bytes:
        return self.pick(self.names) if self.random() < 0.9 else self.pick([b"nosuch", b"config|get", b"get ", b""])

    def setting(self) -> bytes:
        return self.pick(self.readable) if self.random() < 0.9 else b"nosuch-setting"

    def changeable_setting(self) -> bytes:
        """Others could keep the test itself out, or let Redis crash (proto-max-bulk-len)."""
        return self.pick(self.changeable) if self.random() < 0.9 else b"nosuch-setting"

    def setting_value(self) -> bytes:
        chance = self.random()
        if chance < 0.35:
            return self.pick([b"yes", b"no"])
        if chance < 0.7:
            return self.pick([b"0", b"1", b"8", b"64", b"128", b"512"])
        if chance < 0.85:
            return self.pick([b"allkeys-lru", b"noeviction", b"volatile-lfu", b"allkeys-random", b"NOEVICTION"])
        return self.pick([b"", b"abc", b"-1", b"1k", *EXTREMES, *NOT_INTEGERS])

    def anything(self) -> bytes:
        """An argument of any kind, where none or another one belongs."""
        chance = self.random()
        if chance < 0.3:
            return self.pick(self.every_key)
        if chance < 0.6:
            return self.value()
        words = [b"NX", b"XX", b"GET", b"EX", b"PX", b"COUNT", b"LIMIT", b"WITHSCORES", b"nosuch", b"*", b"0", b"-1"]
        return self.pick(words)

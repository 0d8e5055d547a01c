"""String commands that Redis 8.2.3 does not have: beside the same thing done in steps on Redis 8.2.3, and with values
large enough to be read straight into their place."""

import os
import random
import re

import pytest

from harness import LONG, Connection, Server, encode

KEYS = [b"k%d" % number for number in range(6)]
VALUES = [b"", b"a", b"b", b"12", b"-7", b"x" * 50, b"x" * 2000, b"y" * 2000]
OK, NULL, ZERO, ONE = b"+OK\r\n", b"$-1\r\n", b":0\r\n", b":1\r\n"
TOTAL = 200_000 if LONG else 4_000
MOST, LEAST = (1 << 63) - 1, -(1 << 63)


class Steps:
    """What one of our commands does, in steps that Redis 8.2.3 knows."""

    def __init__(self, oracle: Connection):
        self.call = oracle.call

    def value(self, key: bytes) -> bytes | None:
        reply = self.call("GET", key)
        return None if reply == NULL else reply.partition(b"\r\n")[2][:-2]

    def set_if(self, key: bytes, value: bytes, option: bytes, operand: bytes, *rest: bytes) -> bytes:
        present = self.value(key)
        if (present == operand) == (option == b"IFEQ"):
            return self.call("SET", key, value, *rest)
        return self.call("GET", key) if b"GET" in rest else NULL

    def delete_if(self, key: bytes, option: bytes, operand: bytes) -> bytes:
        present = self.value(key)
        if present is not None and (present == operand) == (option == b"IFEQ"):
            return self.call("DEL", key)
        return ZERO

    def set_many(self, pairs: list[bytes], *rest: bytes) -> bytes:
        found = [self.call("EXISTS", key) == ONE for key in pairs[::2]]
        if (b"NX" in rest and any(found)) or (b"XX" in rest and not all(found)):
            return ZERO
        for key, value in zip(pairs[::2], pairs[1::2]):
            assert self.call("SET", key, value, *(word for word in rest if word not in (b"NX", b"XX"))) == OK
        return ONE

    def add(self, key: bytes, delta: int, lower: int, upper: int, saturate: bool) -> bytes:
        present = self.value(key)
        text = b"0" if present is None else present
        if not re.fullmatch(rb"0|-?[1-9]\d*", text):
            return b"-ERR value is not an integer or out of range\r\n"
        old = int(text)
        new = min(max(old + delta, lower), upper)
        if new != old + delta and not saturate:
            return b"*2\r\n:%d\r\n:0\r\n" % old
        if not LEAST <= new - old <= MOST:
            return b"-ERR applied increment would overflow\r\n"
        self.call("SET", key, new, "KEEPTTL")
        return b"*2\r\n:%d\r\n:%d\r\n" % (new, new - old)


def test_random_commands_in_steps(pair: tuple[Server, Server]) -> None:
    seed = int(os.environ.get("NEEDLETAIL_SEED", random.randrange(1 << 32)))
    print(f"NEEDLETAIL_SEED={seed}")
    rng = random.Random(seed)
    with pair[0].connect(timeout=60) as our_socket, pair[1].connect(timeout=60) as their_socket:
        ours, oracle = Connection(our_socket), Connection(their_socket)
        steps = Steps(oracle)
        for _ in range(TOTAL):
            key, value, operand = rng.choice(KEYS), rng.choice(VALUES), rng.choice(VALUES)
            equality = rng.choice([b"IFEQ", b"IFNE"])
            by_digest = {b"IFEQ": b"IFDEQ", b"IFNE": b"IFDNE"}[equality]
            rest = rng.choice([[], [], [b"GET"], [b"KEEPTTL"], [b"EX", b"5000"], [b"PXAT", b"1"]])
            match rng.randrange(6):
                case 0:
                    command = ["SET", key, value, equality, operand, *rest]
                    expected = steps.set_if(key, value, equality, operand, *rest)
                case 1:
                    digest = digest_of(ours, operand)
                    command = ["SET", key, value, by_digest, digest, *rest]
                    expected = steps.set_if(key, value, equality, operand, *rest)
                case 2:
                    command = ["DELEX", key, equality, operand]
                    expected = steps.delete_if(key, equality, operand)
                case 3:
                    command = ["DELIFEQ", key, operand]
                    expected = steps.delete_if(key, b"IFEQ", operand)
                case 4:
                    count = rng.randrange(1, 4)
                    pairs = [part for _ in range(count) for part in (rng.choice(KEYS), rng.choice(VALUES))]
                    rest = [word for word in rest if word != b"GET"] + rng.choice([[], [b"NX"], [b"XX"]])
                    command = ["MSETEX", count, *pairs, *rest]
                    expected = steps.set_many(pairs, *rest)
                case _:
                    delta = rng.choice([1, -1, 40, -40, MOST, LEAST])
                    lower, upper = sorted(rng.choice([-50, 0, 50, LEAST, MOST]) for _ in range(2))
                    saturate = rng.random() < 0.5
                    command = ["INCREX", key, "BYINT", delta, "LBOUND", lower, "UBOUND", upper]
                    command += ["SATURATE"] * saturate
                    expected = steps.add(key, delta, lower, upper, saturate)
            assert ours.call(*command) == expected, (seed, command)
            for changed in {part for part in command if part in KEYS}:
                both = [(c.call("GET", changed), c.call("EXPIRETIME", changed)) for c in (ours, oracle)]
                assert both[0][0] == both[1][0], (seed, command)
                seconds = [int(reply[1][1:]) for reply in both]
                assert abs(seconds[0] - seconds[1]) <= 2, (seed, command)


def digest_of(client: Connection, value: bytes) -> bytes:
    assert client.call("SET", "digested", value) == OK
    return client.call("DIGEST", "digested")[5:21]


@pytest.mark.parametrize("size", [100_000, 1_000_000, 5_000_000])
def test_large_values(ours: Server, size: int) -> None:
    first, second = random.randbytes(size), random.randbytes(size)
    with ours.connect(timeout=60) as client:
        connection = Connection(client)
        connection.call("FLUSHALL")

        def bulk(value: bytes) -> bytes:
            return b"$%d\r\n%s\r\n" % (len(value), value)

        # In one write: what comes after a large argument shares a packet with its end.
        requests = [
            (("MSETEX", 2, "a", first, "b", second, "EX", 1000), ONE),
            (("GET", "a"), bulk(first)),
            (("SET", "a", second, "IFEQ", second), NULL),
            (("SET", "a", second, "IFEQ", first, "GET"), bulk(first)),
            (("GET", "a"), bulk(second)),
            (("DELEX", "a", "IFNE", second), ZERO),
            (("SET", "c", first, "IFNE", second), OK),
            (("DELIFEQ", "c", second), ZERO),
            (("DELIFEQ", "c", first), ONE),
            (("MSETEX", 2, "b", first, "c", second, "NX"), ZERO),
            (("GET", "b"), bulk(second)),
            (("DELEX", "a", "IFEQ", second), ONE),
            (("EXISTS", "a", "b", "c"), ONE),
        ]
        replies = connection.send(b"".join(encode(*request) for request, _ in requests), len(requests))
        for (request, expected), reply in zip(requests, replies):
            assert reply == expected, (request[0], reply[:100])


@pytest.mark.parametrize("protocol", [2, 3])
def test_reply_forms(ours: Server, protocol: int) -> None:
    null = NULL if protocol == 2 else b"_\r\n"
    decimals = b"*2\r\n$3\r\n1.5\r\n$3\r\n0.5\r\n" if protocol == 2 else b"*2\r\n,1.5\r\n,0.5\r\n"
    with ours.connect() as client:
        connection = Connection(client)
        connection.call("HELLO", protocol)
        connection.call("FLUSHALL")
        for request, expected in [
            (("DIGEST", "k"), null),
            (("SET", "k", "v", "IFEQ", "x"), null),
            (("SET", "k", "1", "IFNE", "x", "GET"), null),
            (("INCREX", "k", "BYFLOAT", "0.5"), decimals),
            (("INCREX", "n"), b"*2\r\n:1\r\n:1\r\n"),
            (("DIGEST", "k"), b"$16\r\n"),
            (("DELEX", "k"), ONE),
        ]:
            reply = connection.call(*request)
            assert reply[: len(expected)] == expected, request

"""Sets among sorted sets, and the forms that sets take, beside Redis 8.2.3."""

import random

import pytest

from harness import Connection, Server, encode

SIZES = [0, 1, 3, 20, 127, 128, 129, 300, 700]
SCORES = ["-inf", "-2.5", "-1", "0", "1", "1.5", "3", "1e10", "inf"]


def fill(rng: random.Random, connections: list[Connection]) -> list[str]:
    """Sets of integers and of names, packed and large, and sorted sets; one key is a string, one is missing."""
    requests, keys = [("FLUSHALL",), ("SET", "text", "x")], ["text", "none"]
    for size in SIZES:
        for kind in "isz":
            if size == 0:
                continue
            key = f"{kind}{size}"
            members = rng.sample(range(2 * max(SIZES)), size)
            if kind == "z":
                request = ["ZADD", key, *(part for m in members for part in (rng.choice(SCORES), f"{m}"))]
            else:
                request = ["SADD", key, *members, *(["name", "other"] if kind == "s" else [])]
            keys.append(key)
            requests.append(request)
    data = b"".join(encode(*request) for request in requests)
    replies = [connection.send(data, len(requests)) for connection in connections]
    assert replies[0] == replies[1]
    return keys


def request_of(rng: random.Random, keys: list[str]) -> list[object]:
    name = rng.choice(["ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"])
    count = rng.choice([1, 2, 2, 2, 3, 5])
    # The string is an error each time, which says little.
    inputs = [rng.choice(keys if rng.random() < 0.1 else keys[1:]) for _ in range(count)]
    request: list[object] = [name, *(["stored"] if name.endswith("STORE") else []), count, *inputs]
    if name.startswith(("ZUNION", "ZINTER")) and name != "ZINTERCARD":
        if rng.random() < 0.5:
            request += ["WEIGHTS", *(rng.choice(["0", "1", "-1", "2.5", "inf", "1e-3"]) for _ in inputs)]
        if rng.random() < 0.6:
            request += ["AGGREGATE", rng.choice(["SUM", "MIN", "MAX"])]
    if name == "ZINTERCARD":
        request += ["LIMIT", rng.choice([0, 1, 2, 50, 1000])] if rng.random() < 0.7 else []
    elif not name.endswith("STORE") and rng.random() < 0.7:
        request.append("WITHSCORES")
    return request


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_combining(pair: tuple[Server, Server], seed: int, protocol: int) -> None:
    rng = random.Random(seed * 10 + protocol)
    clients = [server.connect(30) for server in pair]
    connections = [Connection(client) for client in clients]
    for connection in connections:
        connection.call("HELLO", protocol)
    keys = fill(rng, connections)
    seen_sets = 0
    for _ in range(400):
        request = request_of(rng, keys)
        seen_sets += any(str(part)[:1] in ("i", "s") and str(part)[1:].isdigit() for part in request)
        replies = [connection.call(*request) for connection in connections]
        assert replies[0] == replies[1], request
        if request[0].endswith("STORE"):
            for question in (["OBJECT", "ENCODING", "stored"], ["ZRANGE", "stored", 0, -1, "WITHSCORES"]):
                stored = [connection.call(*question) for connection in connections]
                assert stored[0] == stored[1], request
    assert seen_sets > 100
    for client in clients:
        client.close()


# How sets come to their forms: integers only, names that went again, too many of either.
HISTORIES = {
    "integers": [["SADD", "s", 1, 2, 3]],
    "a name that went": [["SADD", "s", 1, 2, "x"], ["SREM", "s", "x"]],
    "a long name that went": [["SADD", "s", 1, 2, "x" * 65], ["SREM", "s", "x" * 65]],
    "names": [["SADD", "s", "a", "b"]],
    "as many integers as can be": [["SADD", "s", *range(512)]],
    "one integer more": [["SADD", "s", *range(513)]],
    "many integers, some left": [["SADD", "s", *range(513)], ["SREM", "s", *range(3, 513)]],
    "packed integers": [["SADD", "s", "x", *range(100)], ["SREM", "s", "x"]],
    "as many packed integers as can be": [["SADD", "s", "x", *range(127)], ["SREM", "s", "x"]],
    "too many to be packed": [["SADD", "s", "x", *range(128)], ["SREM", "s", "x"]],
    "no integer but like one": [["SADD", "s", "01", "2"]],
}


@pytest.mark.parametrize("maxima", [(512, 128), (2, 128), (512, 2), (0, 0)], ids=str)
@pytest.mark.parametrize("history", HISTORIES)
def test_form_of_a_restored_set(pair: tuple[Server, Server], history: str, maxima: tuple[int, int]) -> None:
    """A payload of either server becomes the same in both, whatever they allow: integers from a listpack stay packed,
    those from a plain set or an intset become one where there are few enough."""
    payloads = []
    for server in pair:
        with server.connect() as client:
            connection = Connection(client)
            for request in [["FLUSHALL"], *HISTORIES[history]]:
                assert not connection.call(*request).startswith(b"-")
            payloads.append(connection.call("DUMP", "s").split(b"\r\n", 1)[1][:-2])
    found = []
    for server in pair:
        with server.connect() as client:
            connection = Connection(client)
            integers, packed = maxima
            connection.call("CONFIG", "SET", "set-max-intset-entries", integers, "set-max-listpack-entries", packed)
            found.append([])
            for payload in payloads:
                found[-1].append(connection.call("RESTORE", "t", 0, payload, "REPLACE"))
                found[-1].append(connection.call("OBJECT", "ENCODING", "t"))
                found[-1].append(sorted(connection.call("SMEMBERS", "t").split(b"\r\n")))
            connection.call("CONFIG", "SET", "set-max-intset-entries", 512, "set-max-listpack-entries", 128)
    assert found[0] == found[1]
    assert found[0][0] == b"+OK\r\n"

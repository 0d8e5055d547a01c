"""The differential test's own parts: what it takes for a reply, for the same, and for shorter."""

import random

import pytest

from differential import reduction
from differential.restraints import keep_deadlines_away
from differential.grammar import Command
from differential.replies import elements_of, end_of_reply, value_of
from differential.rules import Rules
from differential.session import cli_lines

REPLIES = [
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":-12\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$4\r\n\r\n\r\n\r\n",
    b"_\r\n",
    b"#t\r\n",
    b",1.5\r\n",
    b"(123\r\n",
    b"=5\r\ntxt:x\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*2\r\n*1\r\n:1\r\n%1\r\n+a\r\n*0\r\n",
    b"~3\r\n:1\r\n:2\r\n$1\r\nx\r\n",
    b"%2\r\n$1\r\na\r\n%0\r\n$1\r\nb\r\n_\r\n",
    b"|1\r\n+ttl\r\n:3\r\n*1\r\n:7\r\n",
    b">2\r\n+message\r\n*0\r\n",
]


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_ends_where_it_ends(reply: bytes) -> None:
    for following in (b"", b":1\r\n"):
        assert end_of_reply(bytearray(b"xx" + reply + following), 2) == 2 + len(reply)
    for end in range(len(reply)):
        assert end_of_reply(bytearray(reply[:end]), 0) == -1


def test_elements() -> None:
    assert elements_of(b"*%d\r\n" % len(REPLIES) + b"".join(REPLIES)) == REPLIES
    assert value_of(b"%1\r\n+a\r\n*2\r\n:1\r\n_\r\n") == [(("+", b"a"), [1, None])]


def command(name: str, *tips: str) -> Command:
    words = tuple(word.upper().encode() for word in name.split("|"))
    return Command(name, words, "generic", frozenset(), frozenset(tips), (), is_container=name in ("config", "object"))


COMMANDS = [
    command("get"),
    command("keys", "nondeterministic_output_order"),
    command("randomkey", "nondeterministic_output"),
    command("pttl", "nondeterministic_output"),
    command("expiretime"),
    command("object|encoding", "nondeterministic_output"),
    command("object"),
    command("config|get"),
    command("config"),
    command("hello"),
]


@pytest.mark.parametrize(
    "request_, ours, theirs, agree",
    [
        (b"GET k", b":1\r\n", b":1\r\n", True),
        (b"GET k", b":1\r\n", b":2\r\n", False),
        (b"NOSUCH", b"-ERR a\r\n", b"-ERR b\r\n", False),
        (b"KEYS *", b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n", True),
        (b"KEYS *", b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\na\r\n$1\r\na\r\n", False),
        (b"RANDOMKEY", b"$1\r\na\r\n", b"$1\r\nb\r\n", True),
        (b"RANDOMKEY", b"$1\r\na\r\n", b"$-1\r\n", False),
        (b"RANDOMKEY", b"-ERR x\r\n", b"$1\r\na\r\n", False),
        (b"PTTL k", b":100000\r\n", b":102000\r\n", True),
        (b"PTTL k", b":100000\r\n", b":104000\r\n", False),
        (b"PTTL k", b":-1\r\n", b":-2\r\n", False),
        (b"expiretime k", b":100\r\n", b":103\r\n", True),
        (b"expiretime k", b":100\r\n", b":104\r\n", False),
        (b"CONFIG GET a b", b"*4\r\n+a\r\n+1\r\n+b\r\n+2\r\n", b"*4\r\n+b\r\n+2\r\n+a\r\n+1\r\n", True),
        (b"CONFIG GET a b", b"*4\r\n+a\r\n+1\r\n+b\r\n+2\r\n", b"*4\r\n+b\r\n+1\r\n+a\r\n+2\r\n", False),
        (b"OBJECT ENCODING k", b"$3\r\nint\r\n", b"$3\r\nraw\r\n", False),
        (b"HELLO", b"*4\r\n+id\r\n:1\r\n+proto\r\n:2\r\n", b"*4\r\n+id\r\n:9\r\n+proto\r\n:2\r\n", False),
        (b"HELLO", b"%1\r\n$2\r\nid\r\n:1\r\n", b"%1\r\n$2\r\nid\r\n:9\r\n", True),
        (b"HELLO", b"%1\r\n$2\r\nip\r\n:1\r\n", b"%1\r\n$2\r\nip\r\n:9\r\n", False),
    ],
)
def test_rules(request_: bytes, ours: bytes, theirs: bytes, agree: bool) -> None:
    assert Rules(COMMANDS).agree(request_.split(), ours, theirs) == agree


def test_rules_within_a_transaction() -> None:
    rules = Rules(COMMANDS)
    queue = [[b"GET", b"k"], [b"PTTL", b"k"]]
    ours = b"*2\r\n$1\r\nv\r\n:1000\r\n"
    assert rules.agree_in_transaction(queue, ours, b"*2\r\n$1\r\nv\r\n:1001\r\n")
    assert not rules.agree_in_transaction(queue, ours, b"*2\r\n$1\r\nw\r\n:1000\r\n")
    assert not rules.agree_in_transaction(queue, ours, b"*-1\r\n")
    assert not rules.agree_in_transaction(queue[:1], ours, b"*2\r\n$1\r\nv\r\n:1001\r\n")


def test_reduction_finds_what_matters() -> None:
    """Of 500 steps, those three that together make a difference, and of those only what it takes."""
    rng = random.Random(1)
    steps = [(rng.randrange(3), [b"SET", b"k%d" % rng.randrange(50), b"v", b"KEEPTTL"]) for _ in range(500)]
    wanted = [(2, [b"A", b"x"]), (1, [b"B", b"y", b"z"]), (0, [b"C"])]
    for position, (connection, request) in zip((100, 300, 500), wanted):
        steps.insert(position, (connection, [*request, b"more", b"and more"]))

    def shows(candidate: list) -> bool:
        names = [action[0] for _, action in candidate if action[0] in b"ABC"]
        return names == [b"A", b"B", b"C"] and all(b"z" in action for _, action in candidate if action[0] == b"B")

    assert reduction.reduced(steps, shows) == [(0, [b"A"]), (0, [b"B", b"z"]), (0, [b"C"])]


def test_no_deadline_comes_near() -> None:
    request = [b"SET", b"5", b"0", b"EX", b"70", b"4102444800", b"-1"]
    keep_deadlines_away(request, 1)
    assert request == [b"SET", b"3600000", b"0", b"EX", b"3600000", b"4102444800", b"-1"]


def test_lines_for_redis_cli() -> None:
    steps = [(0, [b"SET", b"a b", b'"\\\x00\xff', b""]), (0, "pause"), (0, "close")]
    assert cli_lines(steps) == ['SET "a b" "\\x22\\x5c\\x00\\xff" ""', "# wait 10 ms", "# close this redis-cli"]
    assert cli_lines([(1, [b"GET", b"k"]), (2, [b"GET", b"k"])]) == ["[1] GET k", "[2] GET k"]

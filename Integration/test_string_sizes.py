"""Strings of every size that matters to how they are kept, beside Redis 8.2.3."""

import pytest

from harness import Connection, Server

SIZES = [0, 1, 7, 8, 15, 16, 17, 31, 32, 43, 44, 45, 47, 48, 63, 64, 100, 255, 256, 1023, 4096, 65_535, 65_536, 200_000]


@pytest.mark.parametrize("size", SIZES)
def test_every_change_of_size(pair: tuple[Server, Server], size: int) -> None:
    """From each size to each other by every way that changes one."""
    replies = []
    for server in pair:
        with server.connect(timeout=60) as client:
            connection = Connection(client)
            found = []
            for other in SIZES:
                for step in (
                    ("SET", "s", b"x" * size),
                    ("APPEND", "s", b"y" * other),
                    ("OBJECT", "ENCODING", "s"),
                    ("SETRANGE", "s", other, b"z" * 5),
                    ("GETRANGE", "s", -10, -1),
                    ("SET", "s", b"w" * other, "KEEPTTL", "GET"),
                    ("EXPIRE", "s", 1000),
                    ("OBJECT", "ENCODING", "s"),
                    ("GETEX", "s", "PERSIST"),
                    ("GETSET", "s", b"v" * size),
                    ("STRLEN", "s"),
                    ("GETDEL", "s"),
                ):
                    found.append(connection.call(*step))
        replies.append(found)
    assert replies[0] == replies[1]

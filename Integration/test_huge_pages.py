"""`huge-pages yes`: that there are any, that they stay whole, who faults them in, and that they go back."""

import os
import pathlib
import re

import pytest

from harness import OURS, Connection, Server, encode, eventually

MODE = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
HUGE = 2 << 20
COUNT = 1_000_000


def has_huge_pages() -> bool:
    return MODE.exists() and "[never]" not in MODE.read_text()


def rollup(server: Server, field: str) -> int:
    text = pathlib.Path(f"/proc/{server.pid}/smaps_rollup").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", text, re.M)[1]) << 10


def faults(server: Server) -> dict[int, int]:
    """Page faults of each thread."""
    found = {}
    for thread in os.listdir(f"/proc/{server.pid}/task"):
        fields = pathlib.Path(f"/proc/{server.pid}/task/{thread}/stat").read_text().rpartition(")")[2].split()
        found[int(thread)] = int(fields[7])
    return found


@pytest.mark.skipif(not has_huge_pages(), reason="no transparent huge pages here")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core: nobody to fault memory in meanwhile")
def test_huge_pages() -> None:
    with Server(OURS, "--huge-pages", "yes") as server, server.connect(timeout=30) as client:
        fresh, before = rollup(server, "Rss"), faults(server)
        connection = Connection(client)
        for first in range(0, COUNT, 1000):
            pairs = [item for number in range(first, first + 1000) for item in (f"key:{number:012}", "v" * 16)]
            assert connection.call("MSET", *pairs) == b"+OK\r\n"
        loaded, huge = rollup(server, "Rss"), rollup(server, "AnonHugePages")
        # Growing leaves segments behind all the time; giving them back page by page would break huge pages up.
        assert huge > (loaded - fresh) * 0.6
        by_thread = {thread: count - before.get(thread, 0) for thread, count in faults(server).items()}
        others = sum(count for thread, count in by_thread.items() if thread != server.pid)
        assert others > huge // HUGE // 2, by_thread
        assert connection.call("FLUSHALL") == b"+OK\r\n"
        assert eventually(lambda: rollup(server, "Rss") - fresh < (loaded - fresh) // 2, seconds=20)
        assert connection.send(encode("SET", "k", "v") + encode("GET", "k"), 2) == [b"+OK\r\n", b"$1\r\nv\r\n"]


def test_without_huge_pages() -> None:
    with Server(OURS, "--huge-pages", "no") as server:
        assert rollup(server, "AnonHugePages") == 0

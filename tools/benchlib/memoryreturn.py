"""What memory is kept for clients that do not read, and what comes back to the system after mass deletion."""

import contextlib
import selectors
import socket
import time

from . import wire
from .evictioncosts import background, figures_table, longest_turn
from .hitratios import steady_memory
from .persistence import Usage, Watcher
from .sections import Plan
from .servers import Server

VALUE_BYTES = 1 << 20
READERS = 1000


class Readers:
    """Clients that each ask for one large value, and take it a few kilobytes at a time."""

    def __init__(self, port: int, count: int):
        self.sockets = []
        for _ in range(count):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the kernel keeps little for them
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            self.sockets.append(client)
        self.taken = [0] * count
        # What is evicted before it is asked for is answered, too.
        self.answers = (len(b"$%d\r\n" % VALUE_BYTES) + VALUE_BYTES + 2, len(b"$-1\r\n"))

    def ask(self, values: int) -> None:
        for number, client in enumerate(self.sockets):
            client.send(wire.encode((b"GET", b"large:%d" % (number % values))))

    def read(self, count: int) -> None:
        """Up to so many bytes each."""
        for number, client in enumerate(self.sockets):
            with contextlib.suppress(BlockingIOError):
                self.taken[number] += len(client.recv(count))

    def read_all(self, seconds: float = 120) -> int:
        """How many have got the value they asked for."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for number, client in enumerate(self.sockets):
                if self.taken[number] not in self.answers:
                    selector.register(client, selectors.EVENT_READ, number)
            while selector.get_map() and time.monotonic() < deadline:
                for ready, _ in selector.select(1):
                    size = self._take(ready.fileobj)
                    self.taken[ready.data] += size
                    if not size or self.taken[ready.data] in self.answers:
                        selector.unregister(ready.fileobj)
        return self.taken.count(self.answers[0])

    @staticmethod
    def _take(client: socket.socket) -> int:
        with contextlib.suppress(OSError):
            return len(client.recv(1 << 20))
        return 0

    def close(self) -> None:
        for client in self.sockets:
            client.close()


def readers(plan: Plan) -> list[dict]:
    count = 100 if plan.quick else READERS
    found = {}
    for name in list(plan.servers)[:2]:
        with plan.start(name, ["--maxmemory-policy", "allkeys-lru", "--maxclients", str(count + 100)]) as server:
            found[name] = slow_readers(server, count)
        plan.note(f"slow readers {name}: {found[name]}")
    return [figures_table(plan, f"{count:,} slow readers of {VALUE_BYTES:,} bytes at the limit", found)]


def slow_readers(server: Server, count: int, values: int = 32, small: int = 300_000) -> dict:
    for number in range(values):
        server.wire("SET", f"large:{number}", b"v" * VALUE_BYTES)
    wire.load_numbered(server.port, small, b"kib:", b"x" * 1000)
    clients = Readers(server.port, count)
    try:
        time.sleep(1)
        # Room for what is kept of a client and its request, not of what it asked for.
        limit = steady_memory(server.wire) + count * 20_000
        server.wire("CONFIG", "SET", "maxmemory", limit)
        began = steady_memory(server.wire)
        with Watcher(server) as watcher:
            clients.ask(values)
            for _ in range(10):
                time.sleep(1)
                clients.read(4096)
            used = int(server.wire.info("memory")["used_memory"])
            left = server.wire("DBSIZE")
            complete = clients.read_all()
    finally:
        clients.close()
    return {
        "keys evicted": values + small - left, "limit MB": limit / 1e6, "used before MB": began / 1e6,
        "used meanwhile MB": used / 1e6, "resident to the limit": watcher.most / limit, "got all": complete,
    }  # fmt: skip


# After mass deletion


def defragmentation(plan: Plan) -> list[dict]:
    count = 500_000 if plan.quick else 5_000_000
    keys = wire.RandomKeys(2)
    order = wire.shuffled(keys.blob(count), keys.WIDTH, seed=3)
    found = {}
    for name in list(plan.servers)[:2]:
        with plan.start(name) as server:
            wire.load_random(server.port, wire.RandomKeys(4), 0, count // 10, "random")
            fresh = server.settled()
        # Its background threads have the other core.
        with Server(name, plan.servers[name], core=None) as server:
            answer = server.wire.pipeline(("CONFIG", "SET", "activedefrag", "yes"))[0]
            if isinstance(answer, Exception):
                found[name] = {"activedefrag": str(answer)[:60]}
                continue
            server.wire("CONFIG", "SET", "activedefrag", "no", "latency-monitor-threshold", "1",
                        "active-defrag-ignore-bytes", "1mb")
            wire.load_random(server.port, keys, 0, count, "random")
            full = server.settled()
            head = b"*2\r\n$3\r\nDEL\r\n$16\r\n"
            wire.send_each(server.port, order[: count * 9 // 10], head, b"\r\n", len(b":1\r\n"))
            found[name] = {"with a tenth, fresh MB": fresh / 1e6, "with all MB": full / 1e6}
            found[name] |= defragmented(server, fresh, count // 10)
        plan.note(f"defragmentation {name}: {found[name]}")
    return [figures_table(plan, f"activedefrag after deleting 90 % of {count:,} keys at random", found)]


def defragmented(server: Server, fresh: int, left: int, seconds: float = 60) -> dict:
    if server.wire("DBSIZE") != left:
        raise RuntimeError(f"{server.name} holds not what is left")
    deleted = server.settled()
    with background(server, ["GET", "key:__rand_int__"], 16, left):
        before = Usage(server)
        time.sleep(5)
        _, rate = before.since()
        server.wire("CONFIG", "RESETSTAT")
        server.wire("CONFIG", "SET", "activedefrag", "yes")
        during, began, down = Usage(server), time.monotonic(), None
        during_rate = rate
        while time.monotonic() - began < seconds:
            time.sleep(0.5)
            if down is None and server.resident() <= 1.5 * fresh:
                down = time.monotonic() - began
            running = server.wire.info("memory").get("active_defrag_running", "0") != "0"
            if running:
                _, during_rate = during.since()
            elif down is not None:
                break
    events = {event[0].decode(): event[3] for event in server.wire("LATENCY", "LATEST")}
    return {
        "after deleting MB": deleted / 1e6, "at last MB": server.settled() / 1e6, "at last to fresh": server.settled() / fresh,
        "seconds until 1.5 x fresh": "never" if down is None else down, "throughput meanwhile": during_rate / rate,
        "longest cycle ms": events.get("active-defrag-cycle", 0),
    } | longest_turn(server)  # fmt: skip

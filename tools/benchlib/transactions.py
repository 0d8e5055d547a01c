"""A load that redis-benchmark does not know: transactions, each sent in one write as client libraries do."""

import os
import random
import select
import socket
import time

from .servers import CAN_PIN, LOAD_CORE, Server
from .wire import encode

SETS = 10
COMMANDS = SETS + 2  # MULTI and EXEC count as well
REPLY_BYTES = len(b"+OK\r\n") + SETS * len(b"+QUEUED\r\n") + len(b"*%d\r\n" % SETS) + SETS * len(b"+OK\r\n")


def requests(keys: int, transactions: int) -> list[bytes]:
    """Some hundred transactions of SETs of random keys, to be sent over and over."""
    rng = random.Random(7)

    def one() -> bytes:
        sets = (("SET", b"key:%012d" % rng.randrange(keys), b"x" * 16) for _ in range(SETS))
        return encode(("MULTI",)) + b"".join(map(encode, sets)) + encode(("EXEC",))

    return [b"".join(one() for _ in range(transactions)) for _ in range(4096 // transactions)]


def run(server: Server, keys: int, clients: int, pipeline: int, commands: int) -> float:
    """Commands a second. Every client sends `pipeline` transactions, waits for all replies, and sends again."""
    affinity = os.sched_getaffinity(0)
    if CAN_PIN:
        os.sched_setaffinity(0, {LOAD_CORE})
    blobs, expected = requests(keys, pipeline), REPLY_BYTES * pipeline
    rounds = max(1, commands // COMMANDS // pipeline)
    sockets = {}
    poll = select.epoll()
    try:
        start = time.monotonic()
        for number in range(clients):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sockets[client.fileno()] = client
            poll.register(client, select.EPOLLIN)
        waiting = dict.fromkeys(sockets, 0)
        sent = 0
        for descriptor, client in sockets.items():
            client.sendall(blobs[sent % len(blobs)])
            waiting[descriptor] = expected
            sent += 1
        active = len(sockets)
        while active:
            events = poll.poll(30)
            if not events:
                raise RuntimeError(f"{server.name} does not answer transactions")
            for descriptor, _ in events:
                client = sockets[descriptor]
                reply = client.recv(1 << 16)
                if not reply or b"-" in reply:
                    raise RuntimeError(f"a transaction failed on {server.name}: {reply[:200]!r}")
                waiting[descriptor] -= len(reply)
                if waiting[descriptor] > 0:
                    continue
                if sent >= rounds:
                    active -= 1
                    continue
                client.sendall(blobs[sent % len(blobs)])
                waiting[descriptor] = expected
                sent += 1
        return sent * pipeline * COMMANDS / (time.monotonic() - start)
    finally:
        poll.close()
        for client in sockets.values():
            client.close()
        os.sched_setaffinity(0, affinity)

"""A crowd, half of it rude, for some time: every reply to the polite half is checked, and nothing stays behind."""

import asyncio
import contextlib
import os
import random
import resource
import socket
import struct
import time

import pytest

from harness import LONG, OURS, Server, encode, eventually

COUNT = 10_000 if LONG else 500
SECONDS = 300 if LONG else 4


async def opened(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)


async def greeted(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that stays when the rude ones' memory has to go. One that found the kernel's queue full is reset as
    soon as it speaks, and tried again."""
    while True:
        with contextlib.suppress(ConnectionError):
            reader, writer = await opened(server)
            writer.write(encode("CLIENT", "NO-EVICT", "ON"))
            assert await asyncio.wait_for(reader.readexactly(5), 30) == b"+OK\r\n"
            return reader, writer


async def polite(server: Server, number: int, chance: random.Random, end: float) -> int:
    """Pipelines of its own keys, of which it knows what they hold, on one connection after the other."""
    total, counter, value = 0, 0, b""
    while time.monotonic() < end:
        reader, writer = await greeted(server)
        for _ in range(chance.randrange(1, 50)):
            requests, expected = [], []
            for _ in range(chance.choice([1, 1, 1, 16])):
                kind = chance.randrange(4)
                if kind == 0:
                    counter += 1
                    requests.append(encode("INCR", f"counter:{number}"))
                    expected.append(b":%d\r\n" % counter)
                elif kind == 1:
                    value = chance.randbytes(chance.choice([0, 10, 100, 1000, 70_000]))
                    requests.append(encode("SET", f"value:{number}", value))
                    expected.append(b"+OK\r\n")
                elif kind == 2 and value:
                    requests.append(encode("GET", f"value:{number}"))
                    expected.append(b"$%d\r\n%s\r\n" % (len(value), value))
                else:
                    requests.append(encode("ECHO", total))
                    expected.append(b"$%d\r\n%d\r\n" % (len(str(total)), total))
                total += 1
            writer.write(b"".join(requests))
            wanted = b"".join(expected)
            assert await asyncio.wait_for(reader.readexactly(len(wanted)), 30) == wanted
            if time.monotonic() > end:
                break
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return total


async def rude(server: Server, chance: random.Random, end: float) -> None:
    while time.monotonic() < end:
        # Also what comes of setting an option of a socket that has been closed meanwhile.
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            reader, writer = await opened(server)
            behaviour = chance.randrange(7)
            if behaviour == 0:
                # Byte by byte, and away before the end.
                for byte in encode("SET", "rude", "x" * 20)[: chance.randrange(40)]:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.002)
            elif behaviour == 1:
                # Never reads.
                writer.write(encode("GET", "large") * chance.randrange(100))
                await asyncio.sleep(chance.random())
            elif behaviour == 2:
                # No request at all.
                writer.write(chance.randbytes(chance.randrange(1, 5000)))
                await asyncio.wait_for(reader.read(1000), 1)
            elif behaviour == 3:
                # Says that it sends no more, and reads the rest, or does not.
                writer.write(encode("GET", "large") * 20)
                writer.write_eof()
                if chance.random() < 0.5:
                    await asyncio.wait_for(reader.read(), 5)
            elif behaviour == 4:
                # A long request of which half comes.
                writer.write(encode("MSET", *["x" * 100] * 2000)[: chance.randrange(200_000)])
                await asyncio.sleep(chance.random() / 2)
            elif behaviour == 5:
                # A transaction that tells much.
                writer.write(encode("MULTI") + encode("SET", "rude", "y") * 100)
                # Of ten thousand clients a list takes tens of milliseconds.
                writer.write(encode("CLIENT", "INFO" if LONG else "LIST") + encode("EXEC"))
                await asyncio.wait_for(reader.read(1000), 5)
            else:
                writer.write(encode("KEYS", "counter:*") * 5)
            if chance.random() < 0.5:
                # Vanishes, whatever is under way.
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort() if chance.random() < 0.3 else writer.close()
        await asyncio.sleep(chance.random() / 10)


async def crowd(server: Server, seed: int) -> int:
    end = time.monotonic() + SECONDS
    polites = [polite(server, number, random.Random(seed + number), end) for number in range(COUNT // 2)]
    rudes = [rude(server, random.Random(seed - 1 - number), end) for number in range(COUNT // 2)]
    results = await asyncio.gather(*polites, *rudes)
    return sum(results[: len(polites)])


def test_half_of_a_crowd_is_rude() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COUNT + 500:
        pytest.skip("too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COUNT + 500), hard))
    options = ["--maxclients", str(COUNT * 2), "--tcp-backlog", "4096"]
    options += ["--client-query-buffer-limit", "1mb", "--client-output-buffer-limit", "normal 20mb 5mb 1"]
    options += ["--maxmemory-clients", "64mb"]
    # Many clients here wait long for this process to come to them.
    options += ["--timeout", "120" if LONG else "30"]
    try:
        with Server(OURS, *options) as server:
            server.call("SETRANGE", "large", 300_000, "v")
            assert eventually(lambda: server.info("connected_clients") == "1")
            descriptors = len(os.listdir(f"/proc/{server.pid}/fd"))
            assert asyncio.run(crowd(server, seed)) > COUNT
            assert eventually(lambda: server.info("connected_clients") == "1", 10)
            # One is the connection that asked just now.
            assert eventually(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= descriptors, 5)
            assert int(server.info("mem_clients_normal")) < 10_000
            assert server.alive()
            assert int(server.info("loop_turn_max_usec")) < 20_000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

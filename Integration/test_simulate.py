"""tools/simulate: the keys of a running server. The policies have unit tests of their own."""

import subprocess
import sys
import threading
from pathlib import Path

import redis

from harness import Server

SCRIPT = Path(__file__).parent.parent / "tools" / "lib" / "livekeys.py"


def keys_of(server: Server, *options: str, meanwhile) -> list[bytes]:
    """What the script prints while `meanwhile` is done again and again with a client; one round's keys are in it."""
    process = subprocess.Popen(
        [sys.executable, SCRIPT, f"127.0.0.1:{server.port}", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    done = threading.Event()

    def work() -> None:
        with redis.Redis(port=server.port) as client:
            while not done.wait(0.05):
                meanwhile(client)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        done.set()
        worker.join()
    assert process.returncode == 0, errors
    return output.splitlines()


def one_round(client: redis.Redis) -> None:
    client.delete("start")
    client.get("a")
    client.set("a", 1)
    client.set("b c", 2)
    client.mget("#x", "a")
    client.ping()
    client.rename("b c", "d\r\n")


def test_keys_of_a_running_server(ours: Server) -> None:
    keys = keys_of(ours, "--commands", "21", meanwhile=one_round)
    assert len(keys) == 21, "no more than asked for"
    # What fills the cache after a miss is not printed, names that would not be one line and one word are in MONITOR's form.
    first = keys.index(b"start")
    assert keys[first : first + 7] == [b"start", b"a", rb"b\x20c", rb"\x23x", b"a", rb"b\x20c", rb"d\r\n"]


def test_time_is_up(ours: Server) -> None:
    assert keys_of(ours, "--seconds", "0.3", meanwhile=lambda client: client.ping()) == []


def test_a_server_that_is_not_there_is_an_error() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "127.0.0.1:1"], capture_output=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith(b"simulate: 127.0.0.1:1: ")

"""Prints the keys that a running server is asked for, one a line, as tools/simulate reads them.

Takes them from MONITOR, for a limited time and number. Where keys are in a command the server's own COMMAND tells. A write
of a key that the same client has just read is not printed: it fills the cache after a miss. A password is taken from
REDISCLI_AUTH, as redis-cli does, and a user's name from REDISCLI_USER."""

import argparse
import os
import re
import socket
import sys
import time

LINE = re.compile(rb'\d+\.\d+ \[(\d+) (\S+)\] (.*)', re.DOTALL)
ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
REMEMBERED = 256  # reads of a client after which a write fills their keys
CLIENTS = 10_000  # whose reads are remembered


class Server:
    def __init__(self, host: str, port: int):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.file = self.socket.makefile("rb", buffering=1 << 20)

    def send(self, *arguments: bytes) -> None:
        parts = [b"*%d\r\n" % len(arguments), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in arguments)]
        self.socket.sendall(b"".join(parts))

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise ConnectionError(rest.decode(errors="replace"))
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(max(0, int(rest)))]
        return rest


def key_places(server: Server) -> dict[bytes, tuple[int, int, int, bool]]:
    """Of each command that has keys: first, last and step of their places, and whether it writes."""
    server.send(b"COMMAND")
    found = {}
    for name, _, flags, first, last, step, *_ in server.reply():
        if int(first) > 0:
            found[name.lower()] = (int(first), int(last), max(1, int(step)), b"write" in flags)
    return found


def printable(key: bytes) -> bytes:
    """MONITOR's text of a key (which has no line break), without blanks and not like a comment."""
    return key.replace(b" ", b"\\x20").replace(b"#", b"\\x23") or b'""'


class Accesses:
    """Which keys of a command count."""

    def __init__(self, places: dict[bytes, tuple[int, int, int, bool]]):
        self.places = places
        self.read: dict[bytes, dict[bytes, None]] = {}

    def of(self, line: bytes) -> list[bytes]:
        match = LINE.match(line)
        arguments = ARGUMENT.findall(match[3]) if match else []
        place = self.places.get(arguments[0].lower()) if arguments else None
        if not place:
            return []
        first, last, step, writes = place
        keys = arguments[first : last + 1 if last >= 0 else len(arguments) + 1 + last : step]
        database = b"" if match[1] == b"0" else match[1] + b":"
        keys = [database + printable(key) for key in keys]
        recent = self.read.setdefault(match[2], {})
        if len(self.read) > CLIENTS:
            del self.read[next(iter(self.read))]
        if writes:
            return [key for key in keys if recent.pop(key, True)]
        for key in keys:
            recent.pop(key, None)
            recent[key] = False
            if len(recent) > REMEMBERED:
                del recent[next(iter(recent))]
        return keys


def connect(address: str) -> Server:
    host, _, port = address.rpartition(":")
    server = Server(host.strip("[]") or "127.0.0.1", int(port))
    if password := os.environ.get("REDISCLI_AUTH"):
        user = os.environ.get("REDISCLI_USER")
        server.send(b"AUTH", *(part.encode() for part in (user, password) if part))
        server.reply()
    return server


def follow(server: Server, seconds: float, commands: int) -> None:
    accesses = Accesses(key_places(server))
    server.send(b"MONITOR")
    server.reply()
    end, printed, pending = time.monotonic() + seconds, 0, b""
    while printed < commands and (left := end - time.monotonic()) > 0:
        server.socket.settimeout(left)
        try:
            more = server.file.read1(1 << 18)
        except TimeoutError:
            break
        if not more:
            break
        *lines, pending = (pending + more).split(b"\r\n")
        for line in lines:
            keys = accesses.of(line[1:])[: commands - printed]
            sys.stdout.buffer.writelines(key + b"\n" for key in keys)
            printed += len(keys)
    print(f"{printed} keys asked for", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--commands", type=int, default=1_000_000)
    options = parser.parse_args()
    try:
        follow(connect(options.address), min(options.seconds, 3600), options.commands)
    except (OSError, ValueError) as error:
        sys.exit(f"simulate: {options.address}: {error}")


if __name__ == "__main__":
    main()

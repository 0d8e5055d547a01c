"""Both servers side by side: the same steps go to each, and their replies are compared."""

import dataclasses
import itertools
import socket
import time
from collections.abc import Sequence

from harness import Server, encode

from .generator import CLOSE, PAUSE, Request, Step
from .grammar import Command
from .pauses import Waiting, begins_scene, is_pause, kept_short
from .replies import PUSH, end_of_reply
from .rules import CLOSED, OPEN, Rules
from .values import CHANGEABLE_SETTINGS

PAUSE_SECONDS = 0.008
# How long a reply may take; less when it is known not to come.
PATIENCE_SECONDS = 15.0
REPEATING_PATIENCE_SECONDS = 2.0
# After these nobody can say whether a request is answered, or the connection still there.
UNCERTAIN = {"client|reply", "client|kill"}


@dataclasses.dataclass
class Difference:
    """Two replies, or two states, that should be the same."""

    index: int  # of the step; the number of steps for a difference in the state
    request: Request
    ours: bytes
    theirs: bytes
    what: str = "reply"

    @property
    def signature(self) -> str:
        """What must stay the same while the sequence is cut down."""
        return f"reply {self.request[0].decode('latin-1').upper()}" if self.what == "reply" else self.what


class Endpoint:
    """One connection to one server."""

    def __init__(self, server: Server, protocol: int, patience_seconds: float = PATIENCE_SECONDS):
        self.patience_seconds = patience_seconds
        self.socket = server.connect(timeout=patience_seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = bytearray()
        self.is_open = True
        self.pushes: list[bytes] = []
        if protocol == 3:
            self.send(encode("HELLO", 3))
            self.replies(1)

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.is_open = False

    def replies(self, count: int) -> list[bytes]:
        """So many replies: fewer when the connection is closed or the server does not answer in time."""
        found: list[bytes] = []
        position = 0
        data = self.data
        while True:
            while len(found) < count and position < len(data):
                end = end_of_reply(data, position)
                if end < 0:
                    break
                (self.pushes if data[position] == PUSH else found).append(bytes(data[position:end]))
                position = end
            del data[:position]
            position = 0
            if len(found) == count or not self.receive():
                return found

    def receive(self) -> bool:
        try:
            chunk = self.socket.recv(1 << 18)
        except TimeoutError:
            return False
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            self.is_open = False
            return False
        self.data += chunk
        return True

    def available_replies(self) -> list[bytes]:
        """What has come by now."""
        self.socket.settimeout(0)
        try:
            while self.receive():
                pass
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(self.patience_seconds)
        found, position = [], 0
        while position < len(self.data) and (end := end_of_reply(self.data, position)) >= 0:
            found.append(bytes(self.data[position:end]))
            position = end
        del self.data[:position]
        return found

    def close(self) -> None:
        self.is_open = False
        self.socket.close()


class Channel:
    """A connection to each server, and what is known about it."""

    def __init__(self, ours: Endpoint, theirs: Endpoint):
        self.ours, self.theirs = ours, theirs
        self.queue: list[Request] = []  # what MULTI has queued
        self.unheard: list[Request] = []  # what came after a MULTI, or may have, while nobody can be sure of replies

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


class Pair:
    """Runs steps on both servers."""

    def __init__(self, ours: Server, oracle: Server, commands: Sequence[Command], rules: Rules, protocol: int):
        self.servers = ours, oracle
        self.rules = rules
        self.protocol = protocol
        self.patience_seconds = PATIENCE_SECONDS
        self.channels: dict[int, Channel] = {}
        self.control = self.open()
        self.uncertain: set[int] = set()  # connections that may have been told to be silent
        self.uncertain_words = {
            (words[0], words[-1]) for words in (c.words for c in commands if c.name in UNCERTAIN)
        }
        self.uncertain_names = {words[0] for words in self.uncertain_words}
        self.settings = self.changeable_settings()
        self.waiting = Waiting(self)

    def open(self) -> Channel:
        return Channel(*(Endpoint(server, self.protocol, self.patience_seconds) for server in self.servers))

    def ask(self, *requests: Sequence[object]) -> tuple[list[bytes], list[bytes]]:
        """Requests of the test itself, on a connection that random ones do not use."""
        data = b"".join(encode(*request) for request in requests)
        self.control.ours.send(data)
        self.control.theirs.send(data)
        return self.control.ours.replies(len(requests)), self.control.theirs.replies(len(requests))

    # Beginning anew

    def changeable_settings(self) -> list[list[bytes]]:
        """Requests that put back what CONFIG SET may have changed, for both."""
        replies, _ = self.ask(*(("CONFIG", "GET", name) for name in CHANGEABLE_SETTINGS))
        found = []
        for reply in replies:
            parts = reply.split(b"\r\n")
            if len(parts) >= 5:
                found.append([b"CONFIG", b"SET", parts[2], parts[4]])
        return found

    def reset(self) -> None:
        """Both as they were: no keys, no clients, settings as at the start. One that has crashed is started again."""
        self.unpause()
        for connection in list(self.channels):
            self.drop(connection)
        if any(len(replies) == 0 for replies in self.ask(["PING"])):
            self.control.close()
            for server in self.servers:
                self.revive(server)
            self.control = self.open()
        for replies in self.ask(["FLUSHALL"], *self.settings):
            wrong = [reply for reply in replies if reply != b"+OK\r\n"]
            if wrong or len(replies) != 1 + len(self.settings):
                raise RuntimeError(f"could not begin anew: {wrong}")

    def unpause(self) -> None:
        """What waits runs before its connection is closed, where that could be too late for one of the servers."""
        if self.waiting.is_on:
            self.ask(["CLIENT", "UNPAUSE"])
            self.settle()
            self.waiting = Waiting(self)

    @staticmethod
    def revive(server: Server) -> None:
        """Starts a server that has crashed. One may take a while to die."""
        try:
            if server.call("PING") == b"+PONG\r\n":
                return
        except OSError:
            pass
        server.process.wait(timeout=30)
        server.start()

    # Running

    def run(self, steps: Sequence[Step]) -> Difference | None:
        """Runs steps until two replies differ."""
        start = 0
        for connection, group in itertools.groupby(steps, key=lambda step: step[0]):
            turn = list(group)
            difference = self.turn(connection, turn, start)
            if difference:
                return difference
            start += len(turn)
        return self.waiting.end(start - 1)

    def turn(self, connection: int, steps: Sequence[Step], start: int) -> Difference | None:
        """Steps of one connection: what lies between closings, pauses and such as go alone is one pipeline."""
        pipeline: list[Request] = []
        for offset, (_, action) in enumerate(steps):
            if not isinstance(action, str):
                action = kept_short(action)  # One that was cut down may be longer.
            goes_alone = isinstance(action, str) or self.goes_alone(connection, action)
            if not goes_alone:
                pipeline.append(action)
            if pipeline and (goes_alone or offset == len(steps) - 1):
                first = start + offset - len(pipeline) + (0 if goes_alone else 1)
                if difference := self.pipeline(connection, pipeline, first):
                    return difference
                pipeline = []
            if goes_alone and (difference := self.single(connection, action, start + offset)):
                return difference
        return None

    def goes_alone(self, connection: int, request: Request) -> bool:
        if self.waiting.is_on or begins_scene(request):
            return True
        return connection in self.uncertain or request[0].upper() in self.rules.alone or self.is_uncertain(request)

    def single(self, connection: int, action: Request | str, start: int) -> Difference | None:
        if action == PAUSE:
            time.sleep(PAUSE_SECONDS)
            return None
        if self.ends_scene(connection, action) and (difference := self.waiting.end(start)):
            return difference
        if action == CLOSE:
            if connection in self.channels:
                self.drop(connection)
                self.settle()
        elif connection in self.uncertain or self.is_uncertain(action):
            return self.uncertain_request(connection, action, start)
        elif self.waiting.is_on or begins_scene(action):
            return self.waiting.run(connection, action, start)
        else:
            return self.pipeline(connection, [action], start)
        return None

    def ends_scene(self, connection: int, action: Request | str) -> bool:
        """What would be compared in another way than requests that wait, or would make everything wait."""
        if isinstance(action, str) or connection in self.uncertain or self.is_uncertain(action):
            return True
        return is_pause(action) and not begins_scene(action)

    def pipeline(self, connection: int, requests: list[Request], start: int) -> Difference | None:
        channel = self.send(connection, requests)
        theirs = channel.theirs.replies(len(requests))
        ours = channel.ours.replies(len(requests))
        difference = self.compare(channel, requests, ours, theirs, start)
        if len(theirs) < len(requests) and difference is None:
            difference = self.compare_connections(channel, requests[len(theirs)], start + len(theirs))
            self.drop(connection)
        return difference

    def send(self, connection: int, requests: list[Request]) -> Channel:
        channel = self.channels.get(connection)
        if channel is None:
            channel = self.channels[connection] = self.open()
        data = b"".join([encoded(request) for request in requests])
        channel.ours.send(data)
        channel.theirs.send(data)
        return channel

    def drop(self, connection: int) -> None:
        self.channels.pop(connection).close()
        self.uncertain.discard(connection)

    def compare(
        self, channel: Channel, requests: list[Request], ours: list[bytes], theirs: list[bytes], start: int
    ) -> Difference | None:
        for index, (request, our_reply, their_reply) in enumerate(zip(requests, ours, theirs)):
            if our_reply != their_reply and not self.agree(channel, request, our_reply, their_reply):
                return Difference(start + index, request, our_reply, their_reply)
            if their_reply == b"+QUEUED\r\n":
                channel.queue.append(request)
            elif channel.queue and request[0].upper() in (b"EXEC", b"DISCARD", b"RESET"):
                channel.queue = []
        if len(ours) != len(theirs):
            index = min(len(ours), len(theirs))
            missing = b"(none)"
            # Any request of the pipeline may be the cause: a server that crashes has not sent its last replies.
            return Difference(
                start + len(requests) - 1,
                requests[index],
                ours[index] if index < len(ours) else missing,
                theirs[index] if index < len(theirs) else missing,
                what="number of replies",
            )
        return None

    def compare_connections(self, channel: Channel, request: Request, index: int) -> Difference | None:
        """Both open, or both closed."""
        states = [OPEN if side.is_open else CLOSED for side in (channel.ours, channel.theirs)]
        if states[0] == states[1] or self.rules.agree(request, *states):
            return None
        return Difference(index, request, *states, what="connection")

    def agree(self, channel: Channel, request: Request, ours: bytes, theirs: bytes) -> bool:
        if channel.queue and request[0].upper() == b"EXEC":
            return self.rules.agree_in_transaction(channel.queue, ours, theirs)
        return self.rules.agree(request, ours, theirs)

    # Connections nobody can be sure of

    def is_uncertain(self, request: Request) -> bool:
        name = request[0].upper()
        if name not in self.uncertain_names or len(request) < 2:
            return False
        return (name, request[1].upper()) in self.uncertain_words

    def settle(self) -> None:
        """Waits until both servers have done all they were sent: each turn of their loops reads and answers."""
        for _ in range(3):
            if not (self.control.ours.is_open and self.control.theirs.is_open):
                self.control = self.open()  # CLIENT KILL may have met it.
            self.ask(["PING"])

    def uncertain_request(self, connection: int, request: Request, start: int) -> Difference | None:
        """One request whose reply may not come: compares what is there when both servers have nothing left to do."""
        self.uncertain.add(connection)
        channel = self.send(connection, [request])
        self.settle()
        ours, theirs = channel.ours.available_replies(), channel.theirs.available_replies()
        if len(ours) > 1 or len(ours) != len(theirs):
            if not self.agree_without_header(channel, request, ours, theirs):
                return Difference(start, request, b"".join(ours), b"".join(theirs), what="replies")
        elif ours and (difference := self.compare(channel, [request], ours, theirs, start)):
            return difference
        channel.unheard = [] if request[0].upper() in (b"MULTI", b"EXEC") else [*channel.unheard, request]
        if difference := self.compare_connections(channel, request, start):
            return difference
        if not (channel.ours.is_open and channel.theirs.is_open):
            self.drop(connection)
        elif ours and not self.is_silencing(request):
            self.uncertain.discard(connection)  # Replies come again.
        return None

    def agree_without_header(
        self, channel: Channel, request: Request, ours: Sequence[bytes], theirs: Sequence[bytes]
    ) -> bool:
        """An EXEC that CLIENT REPLY ON is part of: its header was not sent, the replies from there on were."""
        if request[0].upper() != b"EXEC" or not 1 < len(ours) == len(theirs) <= len(channel.unheard):
            return ours == theirs
        # WATCH is refused where others are queued.
        queue = [request for request in channel.unheard if request[0].upper() != b"WATCH"][-len(ours) :]
        return all(self.rules.agree(*triple) for triple in zip(queue, ours, theirs))

    @staticmethod
    def is_silencing(request: Request) -> bool:
        return len(request) == 3 and request[1].upper() == b"REPLY" and request[2].upper() != b"ON"


def encoded(request: Request) -> bytes:
    parts = [b"*%d\r\n" % len(request)]
    for argument in request:
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)

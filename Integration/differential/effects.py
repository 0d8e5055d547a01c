"""What the server says reproduces its changes, replayed into a second one: both must store the same, to the millisecond
of every expiry."""

import pathlib

from harness import Server, encode

from . import state
from .pair import Endpoint
from .session import Session
from .state import State

MARKER = b"effects:marker"


class EffectCheck:
    """Notes what our server stores at the end of each epoch, with a marker among the effects; replays them later."""

    def __init__(self, session: Session, path: pathlib.Path):
        self.session, self.path = session, path
        self.states: list[tuple[State, bytes | None]] = []
        session.after_epoch = self.note

    def note(self, epoch: int) -> None:
        control = self.session.pair.control.ours
        state.call(control, [b"SET", MARKER, b"%d" % len(self.states)])
        self.states.append((state.snapshot(control), state.digest(control)))

    def replay_into(self, server: Server) -> list[str]:
        """Replays the whole file, stopping at each marker, and tells what differs there. The server that wrote it has
        ended."""
        found = []
        endpoint = Endpoint(server, protocol=2)
        asking = Endpoint(server, protocol=self.session.protocol)
        data = self.path.read_bytes()
        position = 0
        for number, (expected, expected_digest) in enumerate(self.states):
            mark = encode("SET", MARKER, number)
            end = data.index(mark, position) + len(mark)
            self.send(endpoint, data[position:end])
            position = end
            replayed = state.snapshot(asking)
            # INCRBYFLOAT is reproduced as a SET, which in Redis as here makes an integer out of what was text.
            if what := state.difference(expected, replayed, tolerance_milliseconds=0, encodings=False):
                found.append(f"after epoch {number}: {what}")
            elif expected_digest != state.digest(asking):
                found.append(f"after epoch {number}: the digests differ")
        return found

    @staticmethod
    def send(endpoint: Endpoint, data: bytes) -> None:
        """In pieces, each answered before the next."""
        requests = split(data)
        for start in range(0, len(requests), 500):
            piece = requests[start : start + 500]
            endpoint.send(b"".join(piece))
            replies = endpoint.replies(len(piece))
            if len(replies) < len(piece):
                raise AssertionError(f"{len(replies)} replies to {len(piece)} reproducing commands")
            for request, reply in zip(piece, replies):
                if reply[:1] == b"-":
                    raise AssertionError(f"{request[:200]!r} -> {reply!r}")


def split(data: bytes) -> list[bytes]:
    """The requests of a file, unparsed."""
    found, position = [], 0
    while position < len(data):
        start = position
        line_end = data.index(b"\r\n", position)
        position = line_end + 2
        for _ in range(int(data[start + 1 : line_end])):
            line_end = data.index(b"\r\n", position)
            position = line_end + 2 + int(data[position + 1 : line_end]) + 2
        found.append(data[start:position])
    return found

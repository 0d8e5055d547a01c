"""CLIENT PAUSE: scenes in which requests wait, and how their replies are compared when they come."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .generator import Generator, Request, Step
    from .pair import Difference, Pair

# A pause of writes in a scene lasts until CLIENT UNPAUSE. One that lasts as long is taken for such a pause.
SCENE_MILLISECONDS = 60_000
# All others end by themselves: at once, or after this at most.
SHORT_MILLISECONDS = 30


def is_pause(request: "Request") -> bool:
    return len(request) > 2 and request[0].upper() == b"CLIENT" and request[1].upper() == b"PAUSE"


def begins_scene(request: "Request") -> bool:
    is_of_writes = is_pause(request) and len(request) == 4 and request[3].upper() == b"WRITE"
    return is_of_writes and request[2].isdigit() and int(request[2]) >= SCENE_MILLISECONDS


def kept_short(request: "Request") -> "Request":
    """Nothing waits for long but in a scene. What is too much for a time is an error, and stays."""
    if not is_pause(request) or begins_scene(request) or not re.fullmatch(rb"\+?\d+", request[2]):
        return request
    return [*request[:2], b"3", *request[3:]] if SHORT_MILLISECONDS < int(request[2]) < 2**63 - 1 else request


def scene(generator: "Generator", found: "list[Step]", connections: int) -> None:
    """A pause and what several connections do meanwhile."""
    rng = generator.rng
    pauser, *others = rng.sample(range(connections), connections)
    others = [n for n in others if not generator.is_silent[n]]
    if generator.may_be_in_multi[pauser] or generator.is_silent[pauser] or not others:
        return
    if rng.random() < 0.3:
        found.append((pauser, [b"CLIENT", b"PAUSE", b"%d" % rng.randrange(5, SHORT_MILLISECONDS), *rng.choice([[], [b"ALL"]])]))
        generator.some_steps(found, others, rng.randrange(1, 10))
        return
    lapsing: list[bytes] = []
    if rng.random() < 0.3 and not generator.may_be_in_multi[others[0]]:
        lapsing = generator.lapsing_request(found, others[0])
    found.append((pauser, [b"CLIENT", b"PAUSE", b"%d" % SCENE_MILLISECONDS, b"WRITE"]))
    if lapsing:
        # Nothing is removed while clients are paused, whoever looks.
        found += [(others[0], "pause"), (others[0], [b"EXISTS", *lapsing]), (others[0], [b"DBSIZE"])]
    generator.some_steps(found, others, rng.randrange(1, 25))
    found.append((pauser, [b"CLIENT", b"UNPAUSE"]))
    if lapsing:
        found.append((pauser, [b"EXISTS", *lapsing]))


class Waiting:
    """The requests that a pause of writes holds back, on all connections of a pair."""

    def __init__(self, pair: "Pair"):
        self.pair = pair
        self.is_on = False
        self.requests: "dict[int, list[Request]]" = {}

    def run(self, connection: int, request: "Request", index: int) -> "Difference | None":
        """One request, to be answered now or later; compares all replies that are there."""
        self.is_on = True
        self.pair.send(connection, [request])
        self.requests.setdefault(connection, []).append(request)
        if difference := self.compare_all(index):
            return difference
        if [word.upper() for word in request] == [b"CLIENT", b"UNPAUSE"] and not self.requests:
            self.is_on = False
        return None

    def end(self, index: int) -> "Difference | None":
        """Ends the pause, if there is one, and compares what comes then."""
        if not self.is_on:
            return None
        self.pair.ask(["CLIENT", "UNPAUSE"])
        difference = self.compare_all(index)
        self.is_on = False
        self.requests.clear()
        return difference

    def compare_all(self, index: int) -> "Difference | None":
        self.pair.settle()
        for connection in sorted(self.requests):
            if difference := self.compare(connection, index):
                return difference
        return None

    def compare(self, connection: int, index: int) -> "Difference | None":
        pair, requests = self.pair, self.requests[connection]
        channel = pair.channels[connection]
        ours, theirs = channel.ours.available_replies(), channel.theirs.available_replies()
        count = max(len(ours), len(theirs))
        answered = requests[:count]
        del requests[:count]
        is_open = channel.ours.is_open and channel.theirs.is_open
        last = answered[-1] if answered else requests[0] if requests else [b"(none)"]
        if not requests or not is_open:
            del self.requests[connection]
        difference = pair.compare(channel, answered, ours, theirs, index)
        if difference is None and not is_open:
            difference = pair.compare_connections(channel, last, index)
            pair.drop(connection)
        if difference:
            difference.index = index
        return difference

"""Delta debugging: the shortest sequence that still shows a difference."""

import time
from collections.abc import Callable, Sequence

from .generator import Request, Step

Shows = Callable[[Sequence[Step]], bool]


def reduced(steps: Sequence[Step], shows: Shows, seconds: float = 20) -> list[Step]:
    """The steps, as few and as short as is found in the time given.

    `shows` tells whether a sequence still differs; it is true for `steps`."""
    deadline = time.monotonic() + seconds
    found = list(steps)
    found = only_related(found, shows)
    found = fewer(found, shows, deadline)
    found = on_one_connection(found, shows)
    found = shorter_requests(found, shows, deadline)
    return fewer(found, shows, deadline)


def only_related(steps: list[Step], shows: Shows) -> list[Step]:
    """What has an argument in common with the last request is most often enough."""
    last = steps[-1][1]
    if isinstance(last, str):
        return steps
    wanted = set(last[1:])
    related = [s for s in steps[:-1] if isinstance(s[1], str) or wanted & set(s[1][1:]) or s[1][0].upper() == b"SELECT"]
    candidate = [*related, steps[-1]]
    return candidate if len(candidate) < len(steps) and shows(candidate) else steps


def without_transactions(steps: Sequence[Step]) -> list[Step]:
    """The same requests, each for itself."""
    words = (b"MULTI", b"EXEC", b"DISCARD", b"WATCH")
    return [step for step in steps if isinstance(step[1], str) or step[1][0].upper() not in words]


def fewer(steps: list[Step], shows: Shows, deadline: float) -> list[Step]:
    """Zeller's ddmin, leaving out a part at a time."""
    size = max(1, len(steps) // 2)
    while size and time.monotonic() < deadline:
        start, has_shrunk = 0, False
        while start < len(steps) and time.monotonic() < deadline:
            candidate = steps[:start] + steps[start + size :]
            if candidate and shows(candidate):
                steps, has_shrunk = candidate, True
            else:
                start += size
        if not has_shrunk or size > len(steps):
            size //= 2
    return steps


def on_one_connection(steps: list[Step], shows: Shows) -> list[Step]:
    candidate = [(0, action) for _, action in steps]
    return candidate if candidate != steps and shows(candidate) else steps


def shorter_requests(steps: list[Step], shows: Shows, deadline: float) -> list[Step]:
    """Each request with fewer arguments, then with shorter ones."""
    for index in range(len(steps)):
        for change in (fewer_arguments, shorter_arguments):
            if isinstance(steps[index][1], str):
                continue
            position = 1
            while position < len(steps[index][1]) and time.monotonic() < deadline:
                connection, request = steps[index]
                for candidate in change(request, position):
                    trial = [*steps[:index], (connection, candidate), *steps[index + 1 :]]
                    if shows(trial):
                        steps = trial
                        break
                else:
                    position += 1
    return steps


def fewer_arguments(request: Request, position: int) -> list[Request]:
    return [request[:position] + request[position + count :] for count in (1, 2) if position + count <= len(request)]


def shorter_arguments(request: Request, position: int) -> list[Request]:
    """Shorter forms of one argument."""
    argument = request[position]
    # Not numbers: a deadline could come near.
    shorter = [argument[: len(argument) // 2], argument[:-1]] if len(argument) > 8 and not argument.isdigit() else []
    return [[*request[:position], form, *request[position + 1 :]] for form in shorter]

"""What random requests must not be, so that both servers can be expected to answer the same, and soon."""

from .grammar import Command
from .pauses import begins_scene, kept_short

# No deadline a mutation happens to make may be nearer than this, in whatever unit.
NEAREST_DEADLINE = 3_000_000
HARMLESS_DEADLINE = b"3600000"

Request = list[bytes]


def restrained(command: Command, request: Request) -> Request:
    if command.group == "generic" and command.words[0].startswith(b"SORT"):
        keep_order_known(request)
    if command.name == "zrangestore":
        keep_ranges_known(request)
    if command.group == "sorted-set":
        leave_out_newer(request)
    if command.name == "client|kill":
        keep_ages_away(request)
    if command.name in ("hrandfield", "srandmember", "zrandmember"):
        keep_answers_short(request)
    if command.name == "config|set":
        # Redis reads numbers up to such a byte, and sets what was meant by the rest of them.
        request = [argument.replace(b"\0", b"") for argument in request]
    if command.name == "client|pause":
        if begins_scene(request):
            request[2] = b"3"
        return kept_short(request)
    return request


def keep_deadlines_away(request: Request, words: int) -> None:
    for index in range(words, len(request)):
        digits = request[index]
        if digits.isdigit() and len(digits) < 8 and 0 < int(digits) < NEAREST_DEADLINE:
            request[index] = HARMLESS_DEADLINE


def keep_answers_short(request: Request) -> None:
    """HRANDFIELD and its kin answer a negative count with as many elements, however many those are."""
    for index in range(2, len(request)):
        digits = request[index][1:]
        if request[index][:1] == b"-" and digits.isdigit() and len(digits) > 4 and int(digits) < 2**63:
            request[index] = request[index][:4]


def keep_order_known(request: Request) -> None:
    """SORT by what names no key does not sort: a set's order would show. Equal weights are ordered with ALPHA by chance."""
    has_by = False
    for index in range(2, len(request) - 1):
        if request[index].upper() == b"BY":
            has_by = True
            if b"*" not in request[index + 1]:
                request[index + 1] += b"*"
    if has_by:
        request[2:] = [argument for argument in request[2:] if argument.upper() != b"ALPHA"]


def keep_ranges_known(request: Request) -> None:
    """Ranges by bytes of members whose scores differ are a matter of chance: none is stored."""
    request[:] = [b"BYSCORE" if argument.upper() == b"BYLEX" else argument for argument in request]


def leave_out_newer(request: Request) -> None:
    """AGGREGATE COUNT is newer than the oracle."""
    for index in range(2, len(request) - 1):
        if request[index].upper() == b"AGGREGATE" and request[index + 1].upper() == b"COUNT":
            request[index + 1] = b"SUM"


def keep_ages_away(request: Request) -> None:
    """Ages of a few seconds are those of the test's own connections, some of which are a moment older on one side."""
    for index in range(2, len(request) - 1):
        if request[index].upper() == b"MAXAGE" and request[index + 1].isdigit() and 0 < int(request[index + 1]) < 100:
            request[index + 1] += b"000"

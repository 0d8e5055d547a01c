"""Random steps out of the grammar."""

import random
from collections.abc import Callable, Container, Sequence

from . import pauses, restraints
from .grammar import Argument, Command
from .values import Values

# A step is a connection's number and either a request or one of these words.
CLOSE = "close"  # the client closes the connection; the next step on it opens another
PAUSE = "pause"  # long enough for a deadline of a lapsing command to pass
Request = list[bytes]
Step = tuple[int, Request | str]

# Appends arguments; the second parameter asks for so many of a multiple one (0: any number). Returns how many.
Emit = Callable[[Request, int], int]

CONNECTIONS = 5
LAPSE_ODDS = 0.0006
CLIENT_PAUSE_ODDS = 0.0004
CLOSE_ODDS = 0.003
MUTATION_ODDS = 0.06
OPTION_ODDS = 0.35
# Arguments that make what is stored depend on the moment: XADD's *.
CHANCE = {"auto-id"}
# In the midst of EXEC's reply they would leave it unfinished.
NOT_IN_MULTI = {"client|reply", "client|kill"}
# While clients are paused there is a pause already.
NOT_WHILE_PAUSED = NOT_IN_MULTI | {"client|pause", "quit"}

# How often a command comes, against 1 for one that works on data.
GROUP_WEIGHTS = {"connection": 0.15, "server": 0.15, "transactions": 0.6, "scripting": 0.3, "pubsub": 0.3}
WEIGHTS = {"flushall": 0.02, "flushdb": 0.04, "quit": 0.03, "reset": 0.05, "select": 0.5, "swapdb": 0.1, "dbsize": 0.5}


class Generator:
    """Makes steps for one seed."""

    def __init__(self, commands: Sequence[Command], settings: Sequence[bytes], alone: Container[bytes], seed: int):
        self.rng = random.Random(seed)
        self.random = self.rng.random
        self.values = Values(self.rng, commands, settings)
        self.emits = {command.name: self.emit_of(command) for command in commands}
        self.commands = list(commands)
        total, self.cumulative = 0.0, []
        for command in commands:
            total += weight_of(command)
            self.cumulative.append(total)
        self.deadline_names = {command.name for command in commands if has_deadline(command.arguments)}
        # Fields of a hash are left out: Redis removes them in its own time.
        self.lapsing = [c for c in commands if c.name in self.deadline_names and c.is_write and c.group != "hash"]
        self.by_name = {command.name: command for command in commands}
        self.alone = alone
        self.is_pausing = False
        self.may_be_in_multi = [False] * CONNECTIONS
        self.is_silent = [False] * CONNECTIONS

    # Steps

    def steps(self, count: int) -> list[Step]:
        found: list[Step] = []
        connection, left = 0, 0
        while len(found) < count:
            if left <= 0:
                connection = int(self.random() * CONNECTIONS)
                left = 1 + int(self.random() ** 2 * 100)
            left -= 1
            chance = self.random()
            if chance < CLOSE_ODDS:
                found.append((connection, CLOSE))
                self.may_be_in_multi[connection] = self.is_silent[connection] = False
            elif self.is_silent[connection] and chance > 0.8:
                found.append((connection, [b"CLIENT", b"REPLY", b"ON"]))
                self.is_silent[connection] = False
            elif chance < CLOSE_ODDS + LAPSE_ODDS and self.lapsing and not self.may_be_in_multi[connection]:
                self.lapse(found, connection)
            elif chance > 1 - CLIENT_PAUSE_ODDS and "client|pause" in self.by_name:
                pauses.scene(self, found, CONNECTIONS)
                left = 0
            else:
                self.step(found, connection)
        return found

    def step(self, found: list[Step], connection: int) -> None:
        values = self.values
        command = self.choose(connection)
        values.keys.clear()
        values.has_passed_deadline = False
        request = self.request(command)
        found.append((connection, request))
        self.follow(connection, command, request)
        if values.has_passed_deadline and command.is_write and values.keys:
            # Redis keeps such a key until somebody asks for it, which DBSIZE and others would show.
            found.append((connection, [b"EXISTS", *dict.fromkeys(values.keys)]))

    def lapse(self, found: list[Step], connection: int) -> None:
        """A key that expires while nobody does anything."""
        keys = self.lapsing_request(found, connection)
        found += [(connection, PAUSE), (connection, [b"EXISTS", *keys])]

    def lapsing_request(self, found: list[Step], connection: int) -> list[bytes]:
        """A request that gives keys a deadline which is near; and the keys."""
        values = self.values
        values.keys.clear()
        values.lapses = True
        request = self.plain_request(self.lapsing[int(self.random() * len(self.lapsing))])
        values.lapses = False
        found.append((connection, request))
        return list(values.keys)

    def some_steps(self, found: list[Step], connections: Sequence[int], count: int) -> None:
        """Steps while clients are paused."""
        self.is_pausing = True
        for _ in range(count):
            self.step(found, connections[int(self.random() * len(connections))])
        self.is_pausing = False

    def choose(self, connection: int) -> Command:
        if self.may_be_in_multi[connection]:
            chance = self.random()
            if chance < 0.08 and "exec" in self.by_name:
                return self.by_name["discard" if chance < 0.01 and "discard" in self.by_name else "exec"]
        while True:
            command = self.rng.choices(self.commands, cum_weights=self.cumulative)[0]
            cannot_be_queued = command.words[0] in self.alone or command.name in NOT_IN_MULTI
            if self.may_be_in_multi[connection] and cannot_be_queued:
                continue
            if self.is_pausing and (command.words[0] in self.alone or command.name in NOT_WHILE_PAUSED):
                continue
            return command

    def follow(self, connection: int, command: Command, request: Request) -> None:
        if command.name == "multi":
            self.may_be_in_multi[connection] = True
        elif command.name in ("exec", "discard", "reset", "quit") and len(request) == 1:
            self.may_be_in_multi[connection] = False
        elif command.name == "client|reply":
            self.is_silent[connection] = True

    # Requests

    def plain_request(self, command: Command) -> Request:
        request = list(command.words)
        self.emits[command.name](request, 0)
        return request

    def request(self, command: Command) -> Request:
        request = self.plain_request(command)
        chance = self.random()
        if chance < 0.2:
            word = int(self.random() * len(command.words))
            request[word] = self.any_case(request[word])
        # A blocking command may be mutated into one that blocks for ever.
        if chance > 1 - MUTATION_ODDS and "blocking" not in command.flags:
            self.mutate(request, len(command.words))
            if command.name in self.deadline_names:
                restraints.keep_deadlines_away(request, len(command.words))
                self.values.has_passed_deadline = True
        return restraints.restrained(command, request)

    def mutate(self, request: Request, words: int) -> None:
        """Spoils a request: an argument less, more, twice, elsewhere or of another kind."""
        kind = int(self.random() * 6)
        here = words + int(self.random() * (len(request) - words + 1))
        if kind == 0 or here >= len(request):
            request.insert(here, self.values.anything())
        elif kind == 1:
            del request[here]
        elif kind == 2:
            request.insert(here, request[here])
        elif kind == 3:
            request[here] = self.values.anything()
        elif kind == 4:
            other = words + int(self.random() * (len(request) - words))
            request[here], request[other] = request[other], request[here]
        else:
            del request[here:]

    def any_case(self, word: bytes) -> bytes:
        chance = self.random()
        if chance < 0.4:
            return word.lower()
        if chance < 0.6:
            return word.title()
        if chance < 0.8:
            return word.swapcase()
        return bytes(byte ^ 0x20 if 65 <= byte <= 90 and self.random() < 0.5 else byte for byte in word)

    # The grammar, compiled

    def emit_of(self, command: Command) -> Emit:
        if command.name in ("command|getkeys", "command|getkeysandflags"):
            return self.nested_request
        return self.sequence(command.arguments, command)

    def nested_request(self, request: Request, count: int) -> int:
        command = self.commands[int(self.random() * len(self.commands))]
        if command.words[0] == b"COMMAND":
            command = self.by_name.get("set", command)
        request += command.words
        if command.words[0] != b"COMMAND":
            self.emits[command.name](request, 0)
        return 1

    def sequence(self, arguments: Sequence[Argument], command: Command) -> Emit:
        parts = [(argument, self.argument(argument, command)) for argument in arguments]
        if not parts:
            return lambda request, count: 1
        if len(parts) == 1 and "optional" not in parts[0][0].flags:
            return parts[0][1]
        rows = []
        for index, (argument, emit) in enumerate(parts):
            following = parts[index + 1][0] if index + 1 < len(parts) else None
            counts_next = (
                argument.type == "integer"
                and argument.name.startswith("num")
                and following is not None
                and "multiple" in following.flags
            )
            rows.append((emit, "optional" in argument.flags, counts_next, "multiple" in argument.flags))
        return self.sequence_emit(rows)

    def sequence_emit(self, rows: list[tuple[Emit, bool, bool, bool]]) -> Emit:
        random = self.random
        integer = self.values.integer
        has_options = sum(is_optional for _, is_optional, _, _ in rows) > 1

        def emit_all(request: Request, count: int) -> int:
            order = rows
            if has_options and random() < 0.25:
                order = self.reordered(rows)
            repeats, mark = 0, -1
            for emit, is_optional, counts_next, is_multiple in order:
                if is_optional and random() > OPTION_ODDS:
                    repeats = 0
                    continue
                # Two lists side by side are mostly of the same length (XREAD's keys and IDs).
                given = emit(request, repeats if is_multiple and repeats and random() < 0.9 else 0)
                repeats = given if is_multiple else 0
                if mark >= 0:
                    request[mark] = b"%d" % given if random() < 0.93 else integer()
                    mark = -1
                if counts_next:
                    mark = len(request) - 1
            return 1

        return emit_all

    def reordered(self, rows: list[tuple[Emit, bool, bool, bool]]) -> list[tuple[Emit, bool, bool, bool]]:
        """Options in another order, perhaps one of them twice; what is not optional stays where it is."""
        options = [row for row in rows if row[1]]
        self.rng.shuffle(options)
        found = [options.pop() if row[1] else row for row in rows]
        if self.random() < 0.3:
            twice = [index for index, row in enumerate(found) if row[1]]
            index = twice[int(self.random() * len(twice))]
            emit, _, counts_next, is_multiple = found[index]
            found[index : index + 1] = [(emit, False, counts_next, is_multiple)] * 2
        return found

    def argument(self, argument: Argument, command: Command) -> Emit:
        emit = self.single(argument, command)
        token = argument.token if argument.type != "pure-token" else None
        repeats_token = "multiple_token" in argument.flags
        if "multiple" not in argument.flags:
            if token is None:
                return emit

            def with_token(request: Request, count: int) -> int:
                request.append(token if self.random() < 0.85 else self.any_case(token))
                return emit(request, 0)

            return with_token

        def several(request: Request, count: int) -> int:
            chosen = count or 1 + int(self.random() ** 3 * 5)
            if token is not None and not repeats_token:
                request.append(token)
            for _ in range(chosen):
                if token is not None and repeats_token:
                    request.append(token)
                emit(request, 0)
            return chosen

        return several

    def single(self, argument: Argument, command: Command) -> Emit:
        """One occurrence, without its token."""
        if argument.type == "pure-token":
            word = argument.token or argument.name.upper().encode()

            def emit_token(request: Request, count: int) -> int:
                request.append(word if self.random() < 0.85 else self.any_case(word))
                return 1

            return emit_token
        if argument.type == "oneof":
            choices = [self.argument(choice, command) for choice in argument.arguments if choice.name not in CHANCE]

            def emit_one(request: Request, count: int) -> int:
                choices[int(self.random() * len(choices))](request, 0)
                if self.random() < 0.03:
                    choices[int(self.random() * len(choices))](request, 0)
                return 1

            return emit_one
        if argument.type == "block":
            return self.sequence(argument.arguments, command)
        draw = self.values.draw_for(argument, command)

        def emit_value(request: Request, count: int) -> int:
            request.append(draw())
            return 1

        return emit_value


def weight_of(command: Command) -> float:
    if command.is_container or command.name.endswith("|help"):
        return 0.03
    return WEIGHTS.get(command.name, GROUP_WEIGHTS.get(command.group, 1.0))


def has_deadline(arguments: Sequence[Argument]) -> bool:
    return any(
        argument.type == "unix-time"
        or argument.name in ("seconds", "milliseconds", "ttl")
        or has_deadline(argument.arguments)
        for argument in arguments
    )

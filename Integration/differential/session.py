"""A whole run: epoch after epoch, each from empty servers and a seed of its own."""

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence

from harness import Server

from . import reduction, state
from .generator import CLOSE, PAUSE, Generator, Step
from .grammar import Command, ask, load
from .pair import PATIENCE_SECONDS, REPEATING_PATIENCE_SECONDS, Difference, Pair
from .replies import pairs_of
from .rules import TOLERANCE_MILLISECONDS, Rules

EPOCH_COMMANDS = 4_000
# Of one kind of difference so many are cut down; of a run, so many are reported.
SAME_KIND_MAX = 2
FINDINGS_MAX = 15


@dataclasses.dataclass
class Finding:
    """A difference and the shortest steps that show it."""

    seed: int
    epoch: int
    protocol: int
    steps: list[Step]
    difference: Difference
    is_repeatable: bool

    def __str__(self) -> str:
        lines = [f"{self.difference.what} differs, seed {self.seed}, epoch {self.epoch}, RESP{self.protocol}"]
        if not self.is_repeatable:
            lines[0] += " (not again when repeated: not cut down)"
        lines += [f"    {line}" for line in cli_lines(self.steps[-40:])]
        lines.append(f"  ours:  {self.difference.ours[:400]!r}")
        lines.append(f"  redis: {self.difference.theirs[:400]!r}")
        lines.append(f"  again: tools/differ --protocol {self.protocol} --seed {self.seed} --epoch {self.epoch}")
        return "\n".join(lines)


def cli_lines(steps: Sequence[Step]) -> list[str]:
    """Steps as lines for redis-cli; where there are several connections, each line says which."""
    several = len({connection for connection, _ in steps}) > 1
    lines = []
    for connection, action in steps:
        if action == CLOSE:
            line = "# close this redis-cli"
        elif action == PAUSE:
            line = "# wait 10 ms"
        else:
            line = " ".join(map(quoted, action))
        lines.append(f"[{connection}] {line}" if several else line)
    return lines


def quoted(argument: bytes) -> str:
    if re.fullmatch(rb"[!#-&(-\[\]-~]+", argument):
        return argument.decode()
    plain = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in argument)
    return f'"{plain}"'


class Session:
    """Runs epochs against two servers and gathers what differs."""

    def __init__(self, ours: Server, oracle: Server, protocol: int, seed: int):
        self.seed, self.protocol = seed, protocol
        every = load(ours, oracle)
        self.rules = Rules(every)
        self.commands: list[Command] = [command for command in every if not self.rules.excludes(command.name)]
        self.settings = sorted(
            {key for key, _ in pairs_of(ask(ours, "CONFIG", "GET", "*"))}
            & {key for key, _ in pairs_of(ask(oracle, "CONFIG", "GET", "*"))}
        )
        self.pair = Pair(ours, oracle, self.commands, self.rules, protocol)
        self.compares_digests = self._has_same_digest()
        self.findings: list[Finding] = []
        self.kinds: Counter[str] = Counter()
        self.command_count = 0
        self.after_epoch: Callable[[int], None] = lambda epoch: None

    def _has_same_digest(self) -> bool:
        """Whether both have DEBUG DIGEST, and mean the same by it."""
        self.pair.reset()
        self.pair.ask(["SET", "digest", "of this"])
        digests = [state.digest(side) for side in (self.pair.control.ours, self.pair.control.theirs)]
        self.pair.reset()
        return digests[0] is not None and digests[0] == digests[1]

    # Running

    def run(self, commands: int) -> None:
        for epoch in range(-(-commands // EPOCH_COMMANDS)):
            self.run_epoch(epoch, min(EPOCH_COMMANDS, commands - epoch * EPOCH_COMMANDS))
            if len(self.findings) >= FINDINGS_MAX:
                break

    def steps_of(self, epoch: int, commands: int = EPOCH_COMMANDS) -> list[Step]:
        # No hash() of Python's: it is another one in each run.
        digest = hashlib.blake2b(f"{self.seed} {epoch}".encode(), digest_size=8).digest()
        return Generator(self.commands, self.settings, self.rules.alone, int.from_bytes(digest)).steps(commands)

    def run_epoch(self, epoch: int, commands: int = EPOCH_COMMANDS) -> None:
        """One epoch. After a difference both servers begin anew, and the epoch goes on behind it."""
        steps = self.steps_of(epoch, commands)
        self.command_count += len(steps)
        while steps:
            self.pair.reset()
            difference = self.observe(steps)
            if difference is None:
                self.after_epoch(epoch)
                return
            self.note(epoch, steps[: difference.index + 1], difference)
            if len(self.findings) >= FINDINGS_MAX:
                return
            steps = steps[difference.index + 1 :]

    def observe(self, steps: Sequence[Step]) -> Difference | None:
        """Runs steps and compares all that is stored at their end."""
        return self.pair.run(steps) or self.state_difference(len(steps))

    def state_difference(self, index: int) -> Difference | None:
        control = self.pair.control
        ours, theirs = state.snapshot(control.ours), state.snapshot(control.theirs)
        if what := state.difference(ours, theirs, TOLERANCE_MILLISECONDS):
            return Difference(index, [b"(state)"], what.encode(), b"(ours first)", what="state")
        if self.compares_digests:
            digests = state.digest(control.ours), state.digest(control.theirs)
            if digests[0] != digests[1]:
                return Difference(index, [b"DEBUG", b"DIGEST"], *map(bytes, digests), what="digest")
        return None

    # What differs

    def note(self, epoch: int, steps: list[Step], difference: Difference) -> None:
        """Cuts a difference down, unless there are enough of its kind."""
        kind = difference.signature
        self.kinds[kind] += 1
        if self.kinds[kind] > SAME_KIND_MAX:
            return
        self.pair.patience_seconds = REPEATING_PATIENCE_SECONDS
        self.findings.append(self.finding(epoch, steps, difference))
        self.pair.patience_seconds = PATIENCE_SECONDS

    def finding(self, epoch: int, steps: list[Step], difference: Difference) -> Finding:
        kind = difference.signature
        # Twice, if need be: a difference that depends on the moment may not show each time.
        last = self.repeated(steps, kind) or self.repeated(steps, kind)
        if last is None:
            return Finding(self.seed, epoch, self.protocol, steps, difference, is_repeatable=False)
        shortest = self.reduced(steps, kind)
        plain = reduction.without_transactions(shortest)
        if len(plain) < len(shortest) and (simpler := self.repeated(plain)):
            shortest, kind = self.reduced(plain[: simpler.index + 1], simpler.signature), simpler.signature
        last = self.repeated(shortest, kind) or last
        return Finding(self.seed, epoch, self.protocol, shortest, last, is_repeatable=True)

    def reduced(self, steps: list[Step], kind: str) -> list[Step]:
        return reduction.reduced(steps, lambda candidate: self.repeated(candidate, kind) is not None)

    def repeated(self, steps: Sequence[Step], kind: str | None = None) -> Difference | None:
        """The difference (of that kind) which the steps show when they begin with empty servers."""
        self.pair.reset()
        difference = self.observe(steps)
        return difference if difference and kind in (None, difference.signature) else None

    def report(self) -> str:
        others = {kind: count - SAME_KIND_MAX for kind, count in self.kinds.items() if count > SAME_KIND_MAX}
        lines = [str(finding) for finding in self.findings]
        lines += [f"{kind}: {count} more times" for kind, count in sorted(others.items())]
        return "\n".join(lines)

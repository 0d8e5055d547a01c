"""Random commands to Needletail and to Redis 8.2.3: every reply, and all that is stored, must be the same.

Each epoch of 4,000 commands begins with empty servers and has a seed of its own, so that one is enough to see a
difference again. What differs is cut down to the shortest sequence that still does."""

import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import ORACLE, OURS, Server  # noqa: E402

from differential.rules import matches  # noqa: E402
from differential.servers import start  # noqa: E402
from differential.session import EPOCH_COMMANDS, Session, cli_lines  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/differ", description=__doc__)
    parser.add_argument("--protocol", choices=["2", "3", "both"], default="both", help="RESP2 or RESP3 (default both)")
    parser.add_argument("--commands", type=int, default=60_000, help="for each protocol (default %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run")
    parser.add_argument("--epoch", type=int, default=None, help="only this epoch of the run")
    parser.add_argument("--print", action="store_true", help="prints the steps of --epoch and runs nothing else")
    parser.add_argument("--only", help="commands whose names match one of these patterns, as in 'h*,del,expire*'")
    parser.add_argument("--list", action="store_true", help="lists what is tested, and what is not, and why")
    parser.add_argument("--ours", default=OURS, help="our server (default %(default)s)")
    parser.add_argument("--oracle", default=ORACLE, help="Redis 8.2.3 (default %(default)s)")
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    failed = False
    protocols = [2, 3] if arguments.protocol == "both" else [int(arguments.protocol)]
    with start(arguments.ours) as ours, start(arguments.oracle) as oracle:
        for protocol in protocols:
            session = Session(ours, oracle, protocol, seed)
            if arguments.only:
                patterns = arguments.only.split(",")
                session.commands = [command for command in session.commands if matches(command.name, patterns)]
            if arguments.list:
                list_commands(session)
                return 0
            if arguments.print:
                print("\n".join(cli_lines(session.steps_of(arguments.epoch or 0))))
                return 0
            failed |= not run(session, arguments.commands, arguments.epoch)
    return 1 if failed else 0


def run(session: Session, commands: int, epoch: int | None) -> bool:
    begin = time.monotonic()
    if epoch is None:
        session.run(commands)
    else:
        session.run_epoch(epoch, EPOCH_COMMANDS)
    seconds = time.monotonic() - begin
    print(
        f"RESP{session.protocol}, seed {session.seed}: {session.command_count} commands of "
        f"{len(session.commands)} kinds in {seconds:.1f} s, {sum(session.kinds.values())} differences"
        + (", digests compared" if session.compares_digests else "")
    )
    if session.findings:
        print(session.report())
    return not session.findings


def list_commands(session: Session) -> None:
    print("tested:", *(command.name for command in session.commands))
    for entry in session.rules.excluded:
        print("not tested:", ", ".join(entry["commands"]), "-", entry["why"])


if __name__ == "__main__":
    sys.exit(main())

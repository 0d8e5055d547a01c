"""Random commands to Needletail and to Redis 8.2.3: see `differential`.

NEEDLETAIL_SEED=n repeats a run; NEEDLETAIL_LONG=1 makes it 1,000,000 commands in each protocol instead of 60,000, and
proves with a server that has planted faults (a build of its own) that such are found and cut down."""

import os
import pathlib
import random
import subprocess
from collections.abc import Iterator

import pytest

from differential import servers
from differential.effects import EffectCheck
from differential.session import EPOCH_COMMANDS, Session
from harness import LONG, ORACLE, OURS, ROOT, Connection, Server

COMMANDS = 1_000_000 if LONG else 60_000
SEED = int(os.environ.get("NEEDLETAIL_SEED", random.randrange(1 << 32)))
FAULTY = os.environ.get("NEEDLETAIL_FAULTY_SERVER", str(ROOT / ".build-faults/release/needletail-server"))

long_only = pytest.mark.skipif(not LONG, reason="needs a build of its own: NEEDLETAIL_LONG=1")


@pytest.fixture(scope="module")
def debug_pair() -> Iterator[tuple[Server, Server]]:
    with servers.start(OURS) as ours, servers.start(ORACLE) as oracle:
        yield ours, oracle


@pytest.fixture(scope="module")
def faulty_server() -> str:
    """A server with planted faults. Its build is kept, and made up to date, unless the environment names one."""
    if "NEEDLETAIL_FAULTY_SERVER" not in os.environ:
        options = ["-c", "release", "--static-swift-stdlib", "--product", "needletail-server"]
        places = ["--package-path", str(ROOT), "--scratch-path", str(ROOT / ".build-faults")]
        subprocess.run(["swift", "build", *options, *places, "-Xswiftc", "-DPLANTED_FAULTS"], check=True, timeout=1800)
    return FAULTY


@pytest.mark.parametrize("protocol", [2, 3])
def test_random_commands(debug_pair: tuple[Server, Server], protocol: int) -> None:
    print(f"NEEDLETAIL_SEED={SEED}")
    session = Session(*debug_pair, protocol, SEED)
    session.run(COMMANDS)
    assert session.command_count >= COMMANDS
    assert not session.findings, session.report()


def test_redis_beside_itself() -> None:
    """The grammar of all its commands makes nothing that depends on the moment: what differs is a server's doing."""
    with servers.start(ORACLE) as one, servers.start(ORACLE) as other:
        session = Session(one, other, 3, SEED)
        # When one that waits goes on depends on the moment.
        session.commands[:] = [command for command in session.commands if "blocking" not in command.flags]
        session.run(COMMANDS // 10)
        assert len(session.commands) > 300
        assert not session.findings, session.report()


def test_every_command_is_met(debug_pair: tuple[Server, Server]) -> None:
    """What is not left out with a reason comes up, in requests that are in order."""
    session = Session(*debug_pair, 2, SEED)
    names = {command.name for command in session.commands}
    left_out = {name for name in session.rules.commands if name not in names}
    assert all(session.rules.excludes(name) for name in left_out)
    met = set()
    for epoch in range(20):
        for _, action in session.steps_of(epoch):
            if not isinstance(action, str) and (command := session.rules.command_of(action)):
                met.add(command.name)
    assert met >= names, names - met


def test_steps_depend_on_the_seed_alone(debug_pair: tuple[Server, Server]) -> None:
    sessions = [Session(*debug_pair, 2, seed) for seed in (1, 1, 2)]
    first, same, other = (session.steps_of(3) for session in sessions)
    assert first == same
    assert first != other


@long_only
@pytest.mark.parametrize(
    "fault, longest, command",
    [
        pytest.param(1, 3, b"SET", id="a wrong reply where options meet"),
        pytest.param(2, 4, None, id="an expiry lost on a rewrite"),
        pytest.param(3, 3, None, id="a wrong state behind a right reply"),
        pytest.param(4, 1, b"LCS", id="a crash"),
    ],
)
def test_planted_faults_are_found_and_cut_down(
    faulty_server: str, fault: int, longest: int, command: bytes | None
) -> None:
    with servers.start(faulty_server, {"NEEDLETAIL_FAULT": str(fault)}) as ours, servers.start(ORACLE) as oracle:
        session = Session(ours, oracle, 2, SEED)
        epoch = 0
        while not session.findings and epoch < 100:
            session.run_epoch(epoch)
            epoch += 1
        assert session.findings, "not found"
        finding = session.findings[0]
        print(finding)
        assert finding.is_repeatable
        assert len(finding.steps) <= longest, str(finding)
        if command:
            assert finding.difference.request[0].upper() == command


@long_only
@pytest.mark.parametrize("protocol", [2, 3])
def test_effects_reproduce_the_state(faulty_server: str, protocol: int, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "effects"
    with servers.start(faulty_server, {"NEEDLETAIL_EFFECTS": str(path)}) as ours, servers.start(ORACLE) as oracle:
        session = Session(ours, oracle, protocol, SEED)
        check = EffectCheck(session, path)
        session.run(25 * EPOCH_COMMANDS)
        assert not session.findings, session.report()
        with ours.connect() as client:
            client.sendall(b"SHUTDOWN NOSAVE\r\n")
            assert client.recv(100) == b""
        ours.process.wait(timeout=20)
    with servers.start(OURS) as second:
        assert len(check.states) == 25
        different = check.replay_into(second)
    assert not different, "\n".join(different)


def test_a_faultless_build_has_no_instruments(tmp_path: pathlib.Path) -> None:
    """The server that is shipped takes no notice of the test's switches."""
    path = tmp_path / "effects"
    switches = {"NEEDLETAIL_FAULT": "1", "NEEDLETAIL_EFFECTS": str(path)}
    with servers.start(OURS, switches) as server, server.connect() as client:
        connection = Connection(client)
        connection.call("SET", "k", "v")
        assert connection.call("SET", "k", "w", "XX", "GET", "KEEPTTL") == b"$1\r\nv\r\n"
    assert not path.exists()
    assert b"NEEDLETAIL_FAULT" not in pathlib.Path(OURS).read_bytes()

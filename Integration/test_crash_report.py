"""What a crash leaves in the log, and what the watchdog says."""

import os
import signal
import time

import pytest

from harness import OURS, Server

START = "NEEDLETAIL BUG REPORT START"
END = "NEEDLETAIL BUG REPORT END"


@pytest.fixture
def server():
    server = Server(OURS, "--enable-debug-command", "yes")
    yield server
    server.stop()


def ended(server: Server) -> int:
    return server.process.wait(30)


def crash(server: Server, *command: str) -> None:
    """Sends a command after which nothing comes."""
    with server.connect() as connection:
        connection.sendall(b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a.encode()) for a in command))
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            pass


@pytest.mark.parametrize(
    ("subcommand", "number", "name"),
    [
        ("SEGFAULT", signal.SIGSEGV, "SIGSEGV"),
        ("PANIC", signal.SIGABRT, "SIGABRT"),
        ("ASSERT", signal.SIGILL, "SIGILL"),
    ],
)
def test_a_crash_is_reported(server, subcommand, number, name):
    crash(server, "DEBUG", subcommand)
    assert ended(server) == -number
    report = server.log()[server.log().index(START) :]
    assert f"crashed by signal: {int(number)} ({name})" in report
    assert f'"DEBUG" "{subcommand}"' in report
    assert "STACK TRACE" in report and "debugCommand" in report
    assert "redis_version:" in report and "# Keyspace" in report
    assert "cmd=debug" in report
    assert END in report


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP])
def test_a_signal_from_outside_is_reported(server, number):
    server.process.send_signal(number)
    assert ended(server) == -number
    log = server.log()
    assert f"Sent by process {os.getpid()} " in log
    assert "COMMAND IN PROGRESS ------\nnone" in log
    assert END in log


def test_a_command_in_a_transaction_is_named(server):
    with server.connect() as connection:
        connection.sendall(b"MULTI\r\nSET k v\r\nDEBUG SEGFAULT\r\nEXEC\r\n")
        ended(server)
    assert '"EXEC"\n"DEBUG" "SEGFAULT"' in server.log()


def test_a_renamed_command_keeps_its_secret():
    server = Server(OURS, "--enable-debug-command", "yes", "--watchdog-period", "200", "--hz", "1",
                    "--rename-command", "auth", "login", "--rename-command", "config", "settings")
    try:
        with server.connect() as connection:
            connection.sendall(b"MULTI\r\nSETTINGS SET requirepass verysecret\r\nDEBUG SLEEP 0.5\r\nEXEC\r\n")
            while b"+OK\r\n" not in connection.recv(4096).split(b"QUEUED\r\n")[-1]:
                pass
        # An idle loop is not held up: it sleeps for a second here.
        time.sleep(1.5)
        assert server.log().count("WATCHDOG TIMER EXPIRED") == 1
        with server.connect() as connection:
            connection.sendall(b"LOGIN verysecret\r\nMULTI\r\nLOGIN verysecret\r\nDEBUG SEGFAULT\r\nEXEC\r\n")
            ended(server)
        assert "DEBUG" in server.log() and "verysecret" not in server.log()
    finally:
        server.stop()


def test_no_report_when_it_is_switched_off():
    server = Server(OURS, "--enable-debug-command", "yes", "--crash-log-enabled", "no")
    try:
        crash(server, "DEBUG", "SEGFAULT")
        assert ended(server) == -signal.SIGSEGV
        assert START not in server.log()
    finally:
        server.stop()


def test_the_report_can_be_switched_on_and_off(server):
    assert server.call("CONFIG", "SET", "crash-log-enabled", "no") == b"+OK\r\n"
    assert server.call("CONFIG", "SET", "crash-log-enabled", "yes") == b"+OK\r\n"
    crash(server, "DEBUG", "SEGFAULT")
    assert ended(server) == -signal.SIGSEGV
    assert server.log().count(START) == 1


def test_a_log_file_gets_the_report(tmp_path):
    path = tmp_path / "its.log"
    server = Server(OURS, "--enable-debug-command", "yes", "--logfile", str(path))
    try:
        crash(server, "DEBUG", "SEGFAULT")
        ended(server)
        assert END in path.read_text()
    finally:
        server.stop()


def test_the_report_goes_where_the_log_does(tmp_path):
    """A relative name means the working directory, which CONFIG SET dir changes, for both; as in Redis."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    options = ("--dir", str(tmp_path / "first"), "--logfile", "server.log", "--loglevel", "verbose")
    server = Server(OURS, "--enable-debug-command", "yes", "--enable-protected-configs", "yes", *options)
    try:
        assert server.call("CONFIG", "SET", "dir", str(tmp_path / "second")) == b"+OK\r\n"
        server.call("BGSAVE")
        crash(server, "DEBUG", "SEGFAULT")
        ended(server)
        assert START not in (tmp_path / "first/server.log").read_text()
        log = (tmp_path / "second/server.log").read_text()
        assert "Background saving started" in log and START in log and END in log
    finally:
        server.stop()


def test_the_watchdog_tells_what_holds_the_loop_up(server):
    assert server.call("CONFIG", "SET", "watchdog-period", "200") == b"+OK\r\n"
    assert server.call("DEBUG", "SLEEP", "0.1") == b"+OK\r\n"
    assert "WATCHDOG TIMER EXPIRED" not in server.log()
    assert server.call("DEBUG", "SLEEP", "0.8") == b"+OK\r\n"
    log = server.log()
    assert log.count("WATCHDOG TIMER EXPIRED") == 1
    assert "debugSleep" in log and '"DEBUG" "SLEEP" "0.8"' in log
    # An idle loop is not held up.
    time.sleep(0.6)
    assert server.log().count("WATCHDOG TIMER EXPIRED") == 1
    assert server.call("CONFIG", "SET", "watchdog-period", "0") == b"+OK\r\n"
    assert server.call("DEBUG", "SLEEP", "0.5") == b"+OK\r\n"
    assert server.log().count("WATCHDOG TIMER EXPIRED") == 1

"""redis-cli and redis-benchmark against the server, as a person would use them."""

import csv
import io
import subprocess

import pytest

from harness import Server, encode


def cli(server: Server, *arguments: str, data: bytes | None = None, timeout: float = 60) -> str:
    done = subprocess.run(
        ["redis-cli", "-h", "127.0.0.1", "-p", str(server.port), *arguments],
        input=data,
        stdin=None if data is not None else subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
    )
    return (done.stdout + done.stderr).decode(errors="replace")


def cli_for(server: Server, seconds: float, *arguments: str) -> str:
    """The output of a redis-cli that would go on for ever."""
    process = subprocess.Popen(
        # Its output would stay in a buffer that dies with it.
        ["stdbuf", "-oL", "redis-cli", "-h", "127.0.0.1", "-p", str(server.port), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    return output


def test_commands(ours: Server) -> None:
    assert cli(ours, "PING") == "PONG\n"
    assert cli(ours, "-3", "PING") == "PONG\n"
    assert cli(ours, "SET", "k", "v") == "OK\n"
    assert cli(ours, "GET", "k") == "v\n"
    assert cli(ours, "--no-raw", "GET", "nosuch") == "(nil)\n"
    assert cli(ours, "-n", "3", "DBSIZE") == "0\n"
    assert "ERR unknown command" in cli(ours, "NOSUCH")
    assert "redis_version:8.2.3" in cli(ours, "INFO", "server")
    assert cli(ours, "DEL", "k") == "1\n"


def test_commands_from_stdin(ours: Server) -> None:
    """redis-cli sends COMMAND DOCS for its hints when it starts a session."""
    output = cli(ours, data=b'set a "x y"\nget a\nincr n\ndel a n\n')
    assert output == "OK\nx y\n1\n2\n"


def test_stat(ours: Server) -> None:
    output = cli_for(ours, 3, "--stat", "-i", "0.5")
    lines = [line for line in output.splitlines() if line and line[0].isdigit()]
    assert len(lines) >= 3, output


def test_latency(ours: Server) -> None:
    output = cli_for(ours, 3, "--latency", "--raw", "-i", "1")
    samples = [line.split() for line in output.splitlines() if line.strip()]
    assert samples and all(len(sample) == 4 and float(sample[1]) < 1000 for sample in samples), output


def test_pipe_and_scan(ours: Server) -> None:
    count = 1_000_000
    ours.call("FLUSHALL")
    data = b"".join(encode("SET", f"pipe:{number}", number) for number in range(count))
    output = cli(ours, "--pipe", data=data, timeout=120)
    assert f"errors: 0, replies: {count}" in output
    assert ours.call("DBSIZE") == b":%d\r\n" % count
    names = cli(ours, "--scan", timeout=120).split()
    assert len(names) == len(set(names)) == count
    assert sorted(cli(ours, "--scan", "--pattern", "pipe:99999?").split()) == [f"pipe:99999{n}" for n in range(10)]
    ours.call("FLUSHALL")


def test_big_and_mem_keys_end(ours: Server) -> None:
    """They may ask for commands that are not there yet; they must end all the same."""
    ours.call("FLUSHALL")
    ours.call("SET", "k", "v" * 1000)
    for option in ("--bigkeys", "--memkeys", "--hotkeys"):
        assert cli(ours, option, timeout=20)
    assert ours.alive()


@pytest.mark.parametrize("pipeline", [1, 16, 64])
def test_benchmark(ours: Server, pipeline: int) -> None:
    rows = benchmark(ours, "-t", "ping,set,get,incr,mset", "-P", str(pipeline), "-n", "20000")
    names = [row[0] for row in rows]
    assert len(rows) == 6, names
    assert all(float(row[1]) > 0 for row in rows)


@pytest.mark.parametrize("pipeline", [1, 16, 64])
def test_benchmark_with_all_its_tests(ours: Server, pipeline: int) -> None:
    """As somebody runs it who gives no -t. It ends at the first error."""
    rows = benchmark(ours, "-P", str(pipeline), "-n", "5000")
    names = [row[0].split()[0] for row in rows]
    assert {"PING_INLINE", "SPOP", "HSET", "ZADD", "ZPOPMIN", "LRANGE_600", "MSET"} <= set(names)
    assert len(rows) >= 20, names
    assert all(float(row[1]) > 0 for row in rows)


def test_benchmark_with_random_keys_and_resp3(ours: Server) -> None:
    rows = benchmark(ours, "-3", "-r", "1000", "-t", "set,get", "-P", "16", "-n", "20000", "-d", "1000")
    assert len(rows) == 2


def test_benchmark_without_keepalive(ours: Server) -> None:
    assert benchmark(ours, "-k", "0", "-t", "ping_mbulk", "-n", "2000", "-c", "20")


def benchmark(server: Server, *arguments: str) -> list[list[str]]:
    done = subprocess.run(
        ["redis-benchmark", "-p", str(server.port), "--csv", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Could not fetch server CONFIG" not in done.stderr, done.stderr
    return [row for row in csv.reader(io.StringIO(done.stdout)) if len(row) > 2][1:]

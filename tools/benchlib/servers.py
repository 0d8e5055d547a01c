"""The servers under test: starting them on their core, reading what they used, and ending them."""

import atexit
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .wire import Wire

SERVER_CORE, LOAD_CORE = 0, 1
CAN_PIN = (os.cpu_count() or 1) >= 2 and shutil.which("taskset") is not None


def pinned(core: int, command: list[str]) -> list[str]:
    return ["taskset", "-c", str(core), *command] if CAN_PIN else command


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cpu:
    """Processor time in seconds. The total is the scheduler's own, in nanoseconds; /proc/PID/stat, whose ticks are
    coarse and its split a matter of chance in short samples, gives the proportion of user time only. The kernel scales
    that split by the whole life of the process, so a server should not serve loads of very different kinds."""

    def __init__(self, total: float, user: float, system: float):
        self.total, self.user, self.system = total, user, system

    @staticmethod
    def of(pid: int) -> "Cpu":
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        tick = os.sysconf("SC_CLK_TCK")
        user, system = int(fields[11]) / tick, int(fields[12]) / tick
        try:
            threads = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
            total = sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
        except (OSError, ValueError, IndexError):
            total = user + system
        return Cpu(total or user + system, user, system)

    def since(self, start: "Cpu") -> "Cpu":
        return Cpu(self.total - start.total, self.user - start.user, self.system - start.system)


class Server:
    """One running server with a temporary directory of its own."""

    running: list["Server"] = []

    def __init__(self, name: str, binary: str, options: list[str] | None = None, core: int | None = SERVER_CORE):
        """`core` None: on whichever there is."""
        self.name = name
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="needletail-bench-")
        command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", self.directory, *(options or [])]
        self.command = command if core is None else pinned(core, command)
        self.log = open(os.path.join(self.directory, "log"), "wb")
        Server.running.append(self)
        self._start()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT
        )
        self.pid = self.process.pid  # taskset execs, so this is the server's own
        self.wire = self._connect()

    def restart(self) -> None:
        """Ends the process and starts another in the same directory."""
        self.wire.close()
        self.process.kill()
        self.process.wait()
        self._start()

    def _connect(self) -> Wire:
        deadline = time.monotonic() + 20
        while True:
            try:
                wire = Wire(self.port)
                wire("INFO", "server")  # answered while a file is being loaded, too
                return wire
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    text = pathlib.Path(self.directory, "log").read_text(errors="replace")
                    raise RuntimeError(f"{self.name} did not start:\n{text[-2000:]}") from None
                time.sleep(0.02)

    def cpu(self) -> Cpu:
        return Cpu.of(self.pid)

    def commands(self) -> int | None:
        value = self.wire.info("stats").get("total_commands_processed")
        return int(value) if value else None

    def resident(self) -> int:
        """Resident bytes. smaps_rollup is exact where VmRSS lags by each thread's cached counts."""
        for line in pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) << 10
        raise RuntimeError("no resident size")

    def settled(self, limit: float = 30) -> int:
        """Resident bytes once they stand still: rehashing and returning pages to the system go on for a while."""
        deadline = time.monotonic() + limit
        steady, last = 0, self.resident()
        while steady < 4 and time.monotonic() < deadline:
            time.sleep(0.5)
            now = self.resident()
            steady = steady + 1 if abs(now - last) < 256 << 10 else 0
            last = now
        return last

    def stop(self) -> None:
        if self not in Server.running:
            return
        Server.running.remove(self)
        self.wire.close()
        self.process.kill()  # nothing here is worth a graceful end, which could take long with 10 M keys
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def stop_all(*_: object) -> None:
    for server in list(Server.running):
        server.stop()


def stop_all_at_exit() -> None:
    """However the run ends, short of SIGKILL, no server outlives it."""
    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: exit(1))

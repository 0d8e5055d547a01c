"""The forms of one service: starting each on its core, reading what it used, and ending it with all it started."""

import atexit
import ctypes
import dataclasses
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SERVICE_CORE, LOAD_CORE = 0, 1
PR_SET_PDEATHSIG = 1
KERNEL_STACK_BYTES = 16 << 10  # of each thread and process, on 64-bit machines
LIBC = ctypes.CDLL(None)
CAN_PIN = (os.cpu_count() or 1) >= 2


@dataclasses.dataclass(frozen=True)
class Form:
    key: str
    label: str
    program: str
    options: tuple[str, ...] = ()
    is_slow: bool = False  # one request of a thousand takes a millisecond


FORMS = [
    Form("process", "a process per connection", "c10k", ("process",)),
    Form("thread", "a thread per connection", "c10k", ("thread",)),
    Form("needletail", "Needletail", "needletail-server"),
    Form("loop", "a bare loop", "c10k", ("loop",)),
    Form("loop-slow", "the bare loop, slow handler on it", "c10k", ("loop-slow",), True),
    Form("loop-slow-behind", "the bare loop, slow handler behind it", "c10k", ("loop-slow-behind",), True),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare(core: int, parent: int, descriptors: int | None) -> None:
    """In a new process, before its program: it is killed when this one ends, and keeps to its core. It has as many
    descriptors as may be, or so many."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    if CAN_PIN:
        os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = descriptors or hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def spawn(command: list[str], core: int, descriptors: int | None = None, **streams) -> subprocess.Popen:
    """A group of its own, so that all of it can be ended, and nothing else."""
    parent = os.getpid()
    return subprocess.Popen(
        command, start_new_session=True, preexec_fn=lambda: prepare(core, parent, descriptors), **streams
    )


@dataclasses.dataclass
class Usage:
    """What the threads of a form have used so far."""

    nanoseconds: int = 0
    switches: int = 0  # how often one of them got the core

    def since(self, start: "Usage") -> "Usage":
        return Usage(self.nanoseconds - start.nanoseconds, self.switches - start.switches)


@dataclasses.dataclass
class Memory:
    """Bytes of a form, all its processes together."""

    private: int = 0
    shared: int = 0  # of one process: what forked ones have in common, the table and the program
    page_tables: int = 0
    stacks: int = 0  # the kernel's own, one for each thread

    @property
    def kernel(self) -> int:
        return self.page_tables + self.stacks


class Service:
    """One form, running."""

    running: list["Service"] = []

    def __init__(self, form: Form, binaries: pathlib.Path, maximum: int, descriptors: int):
        self.form = form
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="needletail-c10k-")
        command = [str(binaries / form.program), *form.options, "--port", str(self.port)]
        if form.program == "needletail-server":
            command += ["--bind", "127.0.0.1", "--save", "", "--dir", self.directory]
            command += ["--maxclients", str(maximum), "--tcp-backlog", "65535"]
        self.log_path = pathlib.Path(self.directory, "log")
        with open(self.log_path, "wb") as log:
            self.process = spawn(command, SERVICE_CORE, descriptors, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self.process.pid
        Service.running.append(self)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(100) == b"+PONG\r\n":
                        return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = self.log()
                self.stop()
                raise RuntimeError(f"{self.form.label} did not start: {text[-1000:]}")
            time.sleep(0.02)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def children(self) -> list[int]:
        if self.form.key != "process":
            return []
        return [int(pid) for pid in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def usage(self) -> Usage:
        total = Usage()
        places = [f"/proc/{self.pid}/task/{thread}" for thread in os.listdir(f"/proc/{self.pid}/task")]
        for place in [*places, *(f"/proc/{child}" for child in self.children())]:
            try:
                with open(place + "/schedstat") as file:
                    used, _, switches = file.read().split()
            except OSError:
                continue  # gone since
            total.nanoseconds += int(used)
            total.switches += int(switches)
        return total

    def memory(self, sample: int = 100) -> Memory:
        """Of forked processes a sample is looked at: they are all alike."""
        children = self.children()
        total = of_process(self.pid)
        looked_at = children[:: max(1, len(children) // sample)]
        found = [memory for memory in map(of_process, looked_at) if memory]
        if found:
            factor = len(children) / len(found)
            for field in ("private", "page_tables", "stacks"):
                more = sum(getattr(memory, field) for memory in found) * factor
                setattr(total, field, getattr(total, field) + round(more))
        return total

    def mappings(self) -> int:
        with open(f"/proc/{self.pid}/maps") as file:
            return sum(1 for _ in file)

    def stop(self) -> None:
        if self not in Service.running:
            return
        Service.running.remove(self)
        end_group(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def of_process(pid: int) -> Memory | None:
    try:
        rollup = fields(f"/proc/{pid}/smaps_rollup")
        status = fields(f"/proc/{pid}/status")
    except OSError:
        return None
    return Memory(
        private=rollup["Private_Clean"] + rollup["Private_Dirty"],
        shared=rollup["Shared_Clean"] + rollup["Shared_Dirty"],
        page_tables=status["VmPTE"],
        stacks=status["Threads"] // 1024 * KERNEL_STACK_BYTES,
    )


def fields(path: str) -> dict[str, int]:
    """The numbers of such a file, all taken for KiB, as most are."""
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) << 10
    return found


def end_group(process: subprocess.Popen) -> None:
    """Ends a process and all that it forked; returns when they are gone."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise RuntimeError(f"processes of group {process.pid} do not end")


def stop_all() -> None:
    for service in list(Service.running):
        service.stop()


def stop_all_at_exit() -> None:
    """However the run ends: after SIGKILL the kernel ends what this process started, and that what it forked."""
    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: exit(1))

"""What the system allows, and which of it a form would use up first."""

import dataclasses
import os
import pathlib
import resource

from .forms import Form


@dataclasses.dataclass
class Limit:
    name: str
    connections: float  # at which it is reached


def number(path: str) -> int | None:
    """The number in a file of the system; None: there is no such file, or it says that there is no limit."""
    try:
        text = pathlib.Path(path).read_text().split()[0]
    except (OSError, IndexError):
        return None
    return int(text) if text.isdigit() else None


def control_group_files(name: str) -> list[pathlib.Path]:
    """A file of this process's control group and of those above it, in either version of them."""
    found = []
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, place = line.split(":", 2)
        base = pathlib.Path("/sys/fs/cgroup", controllers) if controllers else pathlib.Path("/sys/fs/cgroup")
        directory = base / place.lstrip("/")
        while directory.is_relative_to(base):
            found.append(directory / name)
            directory = directory.parent
    return [path for path in found if path.exists()]


def tasks() -> tuple[str, int]:
    """How many more processes or threads there may be, and by which limit."""
    running = int(pathlib.Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    found = [("kernel.pid_max", number("/proc/sys/kernel/pid_max")), ("kernel.threads-max", number("/proc/sys/kernel/threads-max"))]
    found += [("the control group's pids.max", number(str(path))) for path in control_group_files("pids.max")]
    if os.geteuid() != 0:  # root is not bound by it
        soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        found.append(("RLIMIT_NPROC", soft if soft != resource.RLIM_INFINITY else None))
    name, limit = min(((name, limit) for name, limit in found if limit is not None), key=lambda one: one[1])
    return name, max(0, limit - running)


def available_bytes() -> tuple[str, int]:
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            found = [("memory", int(line.split()[1]) << 10)]
    for name in ("memory.max", "memory.limit_in_bytes"):
        values = [number(str(path)) for path in control_group_files(name)]
        found += [("the control group's memory", value) for value in values if value is not None and value < 1 << 60]
    return min(found, key=lambda one: one[1])


def descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def service_descriptors() -> int:
    """Fewer than the load generator has, so that it is the service that stops."""
    return descriptors() - 500


def of(form: Form, count: int, bytes_a_connection: float, mappings_a_connection: float) -> list[Limit]:
    """The limits of a form that has `count` connections, the one that comes first at the front. Of memory only the
    form's own is counted."""
    found = []
    if form.key in ("process", "thread"):
        name, left = tasks()
        found.append(Limit(name, count + left))
    if form.key != "process":  # where each connection is another process's
        found.append(Limit("RLIMIT_NOFILE", service_descriptors()))
    if mappings_a_connection > 0.5:
        mappings = number("/proc/sys/vm/max_map_count")
        if mappings:
            found.append(Limit("vm.max_map_count", mappings / mappings_a_connection))
    name, left = available_bytes()
    found.append(Limit(name, count + left / max(1.0, bytes_a_connection)))
    return sorted(found, key=lambda limit: limit.connections)

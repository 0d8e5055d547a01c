"""Starting servers for the test: with DEBUG, where they have it."""

import subprocess

from harness import Server

DEBUG_OPTIONS = ("--enable-debug-command", "yes")


def start(binary: str, environment: dict[str, str] | None = None, options: tuple[str, ...] = ()) -> Server:
    # A crash is cut down by many more: no time for backtraces.
    variables = {"SWIFT_BACKTRACE": "enable=no", **(environment or {})}
    return Server(binary, *debug_options(binary), *options, environment=variables)


def debug_options(binary: str) -> tuple[str, ...]:
    """Settings to start it with. Redis has them all; we, those that `--sample-config` shows."""
    if "needletail" not in binary:
        return DEBUG_OPTIONS
    sample = subprocess.run([binary, "--sample-config"], capture_output=True, text=True, timeout=20, check=True).stdout
    return DEBUG_OPTIONS if DEBUG_OPTIONS[0][2:] in sample else ()

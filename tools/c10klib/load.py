"""The load generator: one process that is asked line by line and answers in JSON."""

import json
import pathlib
import select
import subprocess

from .forms import LOAD_CORE, end_group, spawn


class Load:
    def __init__(self, binaries: pathlib.Path, port: int):
        command = [str(binaries / "c10k"), "load", "--port", str(port)]
        self.process = spawn(command, LOAD_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, *words: object, timeout: float = 60) -> dict:
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise RuntimeError(f"the load generator did not answer to: {' '.join(map(str, words))}")
        return json.loads(line)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        end_group(self.process)
        self.process.stdin.close()
        self.process.stdout.close()

"""Servers that tests share. Each is started once for a module and ended by its own process id."""

import atexit
import pathlib
from collections.abc import Iterator

import pytest

import harness
from harness import ORACLE, OURS, Server

atexit.register(harness.stop_all)


def pytest_sessionstart() -> None:
    missing = [path for path in (OURS, ORACLE) if not pathlib.Path(path).exists()]
    if missing:
        pytest.exit(f"not there: {', '.join(missing)} (tools/test makes them)", returncode=1)


@pytest.fixture(autouse=True, scope="module")
def no_server_left() -> Iterator[None]:
    yield
    harness.stop_all()


@pytest.fixture(scope="module")
def ours() -> Iterator[Server]:
    with Server(OURS) as server:
        yield server


@pytest.fixture(scope="module")
def oracle() -> Iterator[Server]:
    with Server(ORACLE) as server:
        yield server


@pytest.fixture(scope="module")
def pair(ours: Server, oracle: Server) -> tuple[Server, Server]:
    return ours, oracle

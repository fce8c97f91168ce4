"""Fixtures for tests on real servers.

    engine        a running Server (tests/servers.py), once per shared engine; `engine.url`, `engine.operator()`
    shared_url    its URL, as the least-rights user `router`
    any_engine    a URL, once for `memory://` and once per shared engine
    servers       start one by name: `servers("valkey")`; shared by the whole run, so never stop it
    pool          a fresh pool name

One server per engine and xdist worker serves all tests; the fresh pool keeps them apart. A test that stops, fills or
reconfigures a server starts its own with `tests.servers.start`.
"""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from tests import tally
from tests.servers import Server, engines, start
from tests.sockets import pytest_runtest_setup, pytest_runtest_teardown
from tests.tally import pytest_addoption, pytest_terminal_summary

# How long an example takes says nothing: these machines are shared.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

__all__ = ["pytest_addoption", "pytest_runtest_setup", "pytest_runtest_teardown", "pytest_terminal_summary"]

FIRST, *FURTHER = engines()
SHARED = (FIRST, *(pytest.param(name, marks=pytest.mark.further) for name in FURTHER))


def pytest_collection_finish() -> None:
    """What was imported stays: without it, a full collection takes a hundredth of the time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes has a target of its own, `make long`."""
    if "long" in (config.getoption("markexpr") or ""):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str], Server]]:
    running: dict[str, Server] = {}

    def server(name: str) -> Server:
        if name not in running:
            running[name] = start(name)
        return running[name]

    yield server
    for one in running.values():
        one.stop()


@pytest.fixture(params=SHARED)
def engine(request: pytest.FixtureRequest, servers: Callable[[str], Server]) -> Server:
    tally.note(request.node, request.param)
    return servers(request.param)


@pytest.fixture
def shared_url(engine: Server) -> str:
    return engine.url


@pytest.fixture(params=("memory", *SHARED))
def any_engine(request: pytest.FixtureRequest, servers: Callable[[str], Server]) -> str:
    tally.note(request.node, request.param)
    return "memory://" if request.param == "memory" else servers(request.param).url


@pytest.fixture
def pool() -> str:
    return f"test-{secrets.token_hex(6)}"

"""Fixtures for the tests of the Store: a pool on every engine (`place`), on every shared one (`shared`), on memory://
with time that stands still (`memory`), on Valkey alone (`valkey`, where one server is enough).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests import tally
from tests.servers import Server
from tests.state.kit import Place


@pytest.fixture
async def place(any_engine: str, pool: str) -> AsyncIterator[Place]:
    """A pool, once per engine."""
    made = Place(any_engine, pool)
    yield made
    await made.aclose()


@pytest.fixture
async def shared(shared_url: str, pool: str) -> AsyncIterator[Place]:
    """A pool, once per shared engine."""
    made = Place(shared_url, pool)
    yield made
    await made.aclose()


@pytest.fixture
async def memory(request: pytest.FixtureRequest, pool: str) -> AsyncIterator[Place]:
    """A pool on memory://, time frozen."""
    tally.note(request.node, "memory")
    made = Place("memory://", pool)
    made.freeze()
    yield made
    await made.aclose()


@pytest.fixture
async def valkey(request: pytest.FixtureRequest, servers: Callable[[str], Server], pool: str) -> AsyncIterator[Place]:
    """A pool on Valkey."""
    tally.note(request.node, "valkey")
    made = Place(servers("valkey").url, pool)
    yield made
    await made.aclose()

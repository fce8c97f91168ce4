"""The pools of the Store's tests: `place`, `shared`, `memory`; and `valkey`, one on Valkey only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests import tally
from tests.servers import Server
from tests.state.conftest import memory, place, shared
from tests.state.kit import Place

__all__ = ["memory", "place", "shared", "valkey"]


@pytest.fixture
async def valkey(request: pytest.FixtureRequest, servers: Callable[[str], Server], pool: str) -> AsyncIterator[Place]:
    tally.note(request.node, "valkey")
    made = Place(servers("valkey").url, pool)
    yield made
    await made.aclose()

"""Two simulated upstreams, and routers that are closed at the end of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from router_core.router import Router
from router_core.simulator import Upstream
from tests import tally
from tests.servers import Server


@pytest.fixture
async def first() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def second() -> AsyncIterator[Upstream]:
    async with Upstream() as upstream:
        yield upstream


@pytest.fixture
async def routers(pool: str) -> AsyncIterator[Callable[..., Router]]:
    """`routers(model_list, **arguments)` on `memory://` and a pool of its own."""
    made: list[Router] = []

    def make(model_list: list[dict[str, Any]], **arguments: Any) -> Router:
        router = Router(model_list=model_list, **{"redis_url": "memory://", "pool": pool, **arguments})
        made.append(router)
        return router

    yield make
    for router in made:
        await router.aclose()


@pytest.fixture(params=["memory", "valkey"])
def url(request: pytest.FixtureRequest, servers: Callable[[str], Server]) -> str:
    """Of a pool on memory:// and on Valkey."""
    tally.note(request.node, request.param)
    return "memory://" if request.param == "memory" else servers(request.param).url

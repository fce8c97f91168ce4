"""A pool with two deployments on a real server, and the command line before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from router_core import strategies
from router_core.cli.app import app
from router_core.state.records import Acquire, Declared, Outcome
from router_core.state.store import Store
from tests.servers import Server

T = TypeVar("T")
Ask = Callable[[Callable[[Store], Coroutine[Any, Any, T]]], T]
Cli = Callable[..., Result]

DECLARED = (
    Declared("chat-eu-1", "chat", "openai", "acc", limits={"requests/60": 10, "tokens/60": 1000, "concurrent": 4}),
    Declared("chat-us-1", "chat", "openai", "acc", weight=2.0, order=1),
    Declared("embed-1", "embed", "openai", "acc"),
)


@pytest.fixture
def ask(engine: Server, pool: str) -> Iterator[Ask[Any]]:
    """`ask(f)` runs `await f(store)` as a worker of the pool, which lives as long as the test."""
    with asyncio.Runner() as runner:
        store = Store(engine.url, pool=pool, ranks=strategies.sources())
        runner.run(_begin(store))
        yield lambda work: runner.run(work(store))
        runner.run(store.aclose())


async def _begin(store: Store) -> None:
    await store.register(DECLARED)
    lease = await store.acquire(Acquire("chat", ("chat-eu-1",), input_tokens=50, output_tokens=50))
    store.settle(lease, Outcome("ok", total_ms=120.0, input_tokens=40, output_tokens=20, cost_nano=1_500_000))
    await store.flush()
    await store.acquire(Acquire("chat", ("chat-eu-1",), input_tokens=50, output_tokens=50))  # still running


@pytest.fixture
def cli(engine: Server, pool: str) -> Cli:
    """`cli("status", "--json")`, its address and pool from the environment."""

    def run(*arguments: str, env: dict[str, str] | None = None, **more: Any) -> Result:
        where = {"ROUTER_CORE_REDIS_URL": engine.url, "ROUTER_CORE_POOL": pool, "COLUMNS": "200", **(env or {})}
        return CliRunner().invoke(app, list(arguments), env=where, **more)

    return run

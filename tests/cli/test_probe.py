"""probe: the fleet is asked, and says what came of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from router_core.state.store import Store
from tests.cli.conftest import DECLARED, Ask, Cli
from tests.servers import Server

ENDS = {"chat-eu-1": "ok", "chat-us-1": "server"}


@pytest.fixture
def prober(engine: Server, pool: str) -> Iterator[None]:
    """A worker that looks after two of the three deployments."""
    over = threading.Event()

    async def work() -> None:
        store = Store(engine.url, pool=pool)
        await store.register(DECLARED)
        while not over.is_set():
            for id in (await store.probes.due(dict.fromkeys(ENDS, 3600.0))).deployments:
                await store.probes.ended(id, ENDS[id], 12.0)  # type: ignore[arg-type]
            await asyncio.sleep(0.05)
        await store.aclose()

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    yield
    over.set()
    thread.join()


def test_it_says_how_the_probe_ended(ask: Ask[None], prober: None, cli: Cli) -> None:
    said = cli("probe", "chat-eu-1")
    assert (said.exit_code, said.stdout) == (0, "chat-eu-1: ok after 12 ms\n")


def test_a_failure_is_status_1(ask: Ask[None], prober: None, cli: Cli) -> None:
    said = cli("probe", "chat-us-1")
    assert (said.exit_code, said.stdout) == (1, "chat-us-1: server after 12 ms\n")


@pytest.mark.slow
def test_without_a_name_all_are_probed_and_nobody_s_are_named(ask: Ask[None], prober: None, cli: Cli) -> None:
    said = cli("probe", "--wait", "2")
    assert said.exit_code == 1
    assert sorted(line.partition(" after")[0] for line in said.stdout.splitlines()) == [
        "chat-eu-1: ok",
        "chat-us-1: server",
        "embed-1: nobody has probed it; has it a health_check, is it drained, does a worker of it live?",
    ]


def test_an_unknown_name_is_status_3(ask: Ask[None], cli: Cli) -> None:
    said = cli("probe", "chat-eu-9")
    assert said.exit_code == 3
    assert "chat-eu-1" in said.stderr

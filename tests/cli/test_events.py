"""`router-core events`: the diary, oldest first, and what comes while one follows."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from typing import Any

import pytest

from router_core.state.store import Store
from tests.cli.conftest import Ask, Cli
from tests.cli.test_status import command
from tests.servers import Server


def test_the_newest_in_order_of_time(ask: Ask[Any], cli: Cli) -> None:
    ask(lambda store: store.control("cool", "embed-1", ms=30_000))
    ask(lambda store: store.control("drain", "chat-us-1"))
    lines = cli("events", "--count", "3").stdout.splitlines()
    assert [line.split()[2:5] for line in lines] == [
        ["cooldown", "embed-1", "operator"],
        ["control", "embed-1", "cool"],
        ["control", "chat-us-1", "drain"],
    ]


def test_json_is_an_object_a_line(ask: Ask[Any], cli: Cli) -> None:
    found = [json.loads(line) for line in cli("events", "--json").stdout.splitlines()]
    assert {"id", "at_ms", "kind", "deployment", "detail"} == set(found[0])
    assert [event["deployment"] for event in found if event["kind"] == "registered"] == [
        "chat-eu-1", "chat-us-1", "embed-1",
    ]  # fmt: skip


@pytest.mark.slow
def test_follow_shows_each_new_one_once(ask: Ask[Any], engine: Server, pool: str) -> None:
    words, env = command(engine, pool, "events", "--follow", "--json", "--count", "1")
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline())]
        for deployment in ("chat-eu-1", "embed-1"):
            ask(partial(_drain, deployment))
            seen.append(json.loads(process.stdout.readline()))
        process.terminate()
    assert [event["deployment"] for event in seen[1:]] == ["chat-eu-1", "embed-1"]
    assert len({event["id"] for event in seen}) == 3


async def _drain(deployment: str, store: Store) -> str:
    return await store.control("drain", deployment)

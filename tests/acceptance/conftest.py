"""Fixtures of the whole: one Valkey."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from router_core.simulator import Behaviour
from tests import tally
from tests.acceptance.processes import RemoteUpstream, upstreams
from tests.acceptance.rig import Models
from tests.servers import Server, free_port


@pytest.fixture
def valkey(request: pytest.FixtureRequest, servers: Callable[[str], Server]) -> Server:
    """A running Valkey: where one server is enough, since the tests of the Store run on all."""
    tally.note(request.node, "valkey")
    return servers("valkey")


@pytest.fixture(scope="module")
def up() -> Iterator[RemoteUpstream]:
    with upstreams(Behaviour(latency=0.003)) as (one,):
        yield one


@pytest.fixture
def nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address of a Redis in the environment."""
    monkeypatch.delenv("ROUTER_CORE_REDIS_URL", raising=False)


@pytest.fixture
def model_list(up: RemoteUpstream) -> Models:
    """Two providers behind one name, and one of them is down."""
    return [
        {
            "model_name": "gpt-3.5-turbo",
            "litellm_params": {
                "model": "openai/chatgpt-v-2",
                "api_key": "azure-key",
                "api_version": "2023-07-01-preview",
                "api_base": f"http://127.0.0.1:{free_port()}/v1",
            },
        },
        {
            "model_name": "gpt-3.5-turbo",
            "litellm_params": {"model": "gpt-3.5-turbo", "api_key": "openai-key", "api_base": up.url},
        },
    ]

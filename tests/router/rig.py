"""A Router before simulated upstreams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from router_core.hooks import Event
from router_core.router import Router
from router_core.simulator import Upstream
from router_core.state.records import DeploymentState

T = TypeVar("T")
Make = Callable[..., Router]

PROMPT = [{"role": "user", "content": "hello"}]


def entry(upstream: Upstream, id: str, group: str = "m", **params: Any) -> dict[str, Any]:
    """One entry of a model_list; keys of model_info go in as `info={…}`."""
    info = params.pop("info", {})
    return {
        "model_name": group,
        "litellm_params": {"model": "openai/sim", "api_base": upstream.url, "api_key": f"key-of-{id}", **params},
        "model_info": {"id": id, **info},
    }


class Seen:
    """A hook that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


async def state_of(router: Router, id: str) -> DeploymentState:
    """A deployment as the pool sees it, after everything handed over was settled."""
    await router.store.flush()
    return (await router.snapshot()).deployments[id]


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another task makes true; TimeoutError after 5 s."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)

"""Attempts that were refused before any work was done: which of them count as retries."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from router_core.errors import APIConnectionError, InternalServerError, RouterError
from router_core.simulator import Upstream
from tests.router.rig import PROMPT, Make, entry

OFF = {"disable_cooldowns": True}
DEAD = [f"dead-{number}" for number in range(6)]


def dead(upstream: Upstream, good: Upstream) -> list[dict[str, Any]]:
    """Six deployments of an upstream that fails, and after them one that serves."""
    return [entry(upstream, id) for id in DEAD] + [entry(good, "good", order=1)]


def nobody() -> list[dict[str, Any]]:
    """Deployments at an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    params = {"model": "openai/sim", "api_base": url, "api_key": "none"}
    return [{"model_name": "m", "litellm_params": params, "model_info": {"id": id}} for id in DEAD]


async def attempts_of(router: Any, **options: Any) -> int:
    """Upstream calls of a call that fails."""
    with pytest.raises(RouterError) as caught:
        await router.acompletion("m", PROMPT, **options)
    assert len({record.deployment for record in caught.value.attempts}) == len(caught.value.attempts)
    return len(caught.value.attempts)


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_refusals_do_not_count_where_nobody_gave_a_number(
    routers: Make, first: Upstream, second: Upstream, status: int
) -> None:
    """Two retries as ever, and four that are spared: each at another deployment, and no more."""
    router = routers(dead(first, second), **OFF)
    first.fail(status)
    answer = await router.acompletion("m", PROMPT)
    assert (answer.deployment, len(answer.attempts)) == ("good", 7)
    first.fail(status)
    second.fail(status)
    assert await attempts_of(routers([*dead(first, second), entry(second, "last")], pool="more", **OFF)) == 7


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_what_may_have_done_something_counts(
    routers: Make, first: Upstream, second: Upstream, status: int
) -> None:
    router = routers(dead(first, second), **OFF)
    first.fail(status)
    assert await attempts_of(router) == 3


@pytest.mark.parametrize(
    ("arguments", "params", "options"),
    [
        ({"num_retries": 2}, {}, {}),
        ({"retry_policy": {"DefaultRetries": 2}}, {}, {}),
        ({}, {"num_retries": 2}, {}),
        ({}, {}, {"num_retries": 2}),
    ],
)
async def test_a_number_that_somebody_gave_is_exact(
    routers: Make, first: Upstream, arguments: Any, params: Any, options: Any
) -> None:
    router = routers([entry(first, id, **params) for id in DEAD], **OFF, **arguments)
    first.fail(503)
    assert await attempts_of(router, **options) == 3


async def test_where_there_was_no_connection_no_upstream_saw_it(routers: Make) -> None:
    """So of a number that somebody gave it is none; but no retries are none."""
    router = routers(nobody(), num_retries=1, **OFF)
    assert await attempts_of(router) == 6
    assert await attempts_of(router, num_retries=0) == 1


async def test_one_deployment_is_not_asked_again_and_again(routers: Make, first: Upstream) -> None:
    """What is spared is an attempt elsewhere."""
    first.fail(503)
    router = routers([entry(first, "one"), entry(first, "two")], **OFF)
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("m", PROMPT)
    assert len(caught.value.attempts) == 3
    router = routers(nobody()[:1], num_retries=1, pool="lone", **OFF)
    with pytest.raises(APIConnectionError) as refused:
        await router.acompletion("m", PROMPT)
    assert len(refused.value.attempts) == 2

"""Forked children, redirects, and errors under openai's names."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest

from router_core.errors import BadGatewayError
from router_core.router import Router
from router_core.simulator import Redirect, Upstream
from tests.router.rig import PROMPT, Make, entry


async def test_a_redirect_is_never_followed(routers: Make, first: Upstream, second: Upstream) -> None:
    first.behaviour = replace(first.behaviour, faults=(Redirect(to=second.origin),))
    router = routers([entry(first, "one")], num_retries=0)
    with pytest.raises(BadGatewayError):
        await router.acompletion("m", PROMPT)
    assert second.log.arrived == 0


async def test_errors_are_openais_too(routers: Make, first: Upstream) -> None:
    first.fail(429, retry_after=60)
    router = routers([entry(first, "one")])
    with pytest.raises(openai.RateLimitError):
        await router.acompletion("m", PROMPT)
    with pytest.raises(openai.RateLimitError):  # it is cooling now: nobody can serve
        await router.acompletion("m", PROMPT)


async def test_no_key_and_no_prompt_in_errors_and_reprs(routers: Make, first: Upstream) -> None:
    first.fail(401)
    router = routers([entry(first, "one")], num_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        await router.acompletion("m", PROMPT)
    shown = [repr(caught.value), str(caught.value), repr(router), repr(router.settings), repr(router.deployments)]
    shown.append(repr(router.get_model_list()))
    assert not [text for text in shown if "key-of-one" in text or "hello" in text]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_forked_children_serve_after_a_call_in_the_parent(first: Upstream, pool: str, shared_url: str) -> None:
    router = Router(model_list=[entry(first, "one", max_parallel_requests=9)], redis_url=shared_url, pool=pool)
    assert (await asyncio.to_thread(router.completion, "m", PROMPT)).deployment == "one"
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            asyncio.events._set_running_loop(None)  # the child is no task of the parent's loop
            os._exit(_serve_and_leave(router))
        children.append(child)
    codes = await asyncio.gather(*(asyncio.to_thread(os.waitpid, child, 0) for child in children))
    assert [os.waitstatus_to_exitcode(status) for _, status in codes] == [0, 0, 0]
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
    await router.store.flush()
    assert (await router.snapshot()).deployments["one"].inflight == 0
    await router.aclose()


def _serve_and_leave(router: Router) -> int:
    try:
        answers = [router.completion("m", PROMPT) for _ in range(5)]
        router.close()
    except BaseException:
        return 2
    return 0 if all(answer.deployment == "one" for answer in answers) else 1


async def test_any_httpx_transport_will_do(routers: Make, first: Upstream) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        message = {"role": "assistant", "content": "from a mock"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return httpx.Response(200, json=body)

    router = routers([entry(first, "one")], transport=httpx.MockTransport(handler))
    answer = await router.acompletion("m", PROMPT)
    assert answer.choices[0].message.content == "from a mock"
    assert answer.usage is None
    assert answer._hidden_params["response_cost"] is None

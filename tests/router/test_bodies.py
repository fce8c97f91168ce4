"""However its body arrives, an answer is read: compressed, in pieces, or already whole in the hands of a transport."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from router_core.router import Router
from tests.router.rig import PROMPT

ANSWER = json.dumps({"choices": [{"message": {"content": "Fine."}}]}).encode()
MODEL = {"model_name": "m", "litellm_params": {"model": "openai/m", "api_base": "http://upstream.test", "api_key": "k"}}


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 7):
        yield body[start : start + 7]


def whole() -> httpx.Response:
    return httpx.Response(200, content=ANSWER)


def in_pieces() -> httpx.Response:
    return httpx.Response(200, content=pieces(ANSWER))


def compressed() -> httpx.Response:
    return httpx.Response(200, content=pieces(gzip.compress(ANSWER)), headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("answer", [whole, in_pieces, compressed])
async def test_an_answer_is_read_however_it_arrives(answer: Callable[[], httpx.Response]) -> None:
    transport = httpx.MockTransport(lambda _: answer())
    async with Router(model_list=[MODEL], transport=transport) as router:
        assert (await router.acompletion("m", PROMPT)).choices[0].message.content == "Fine."

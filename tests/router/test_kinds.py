"""A group of unlike providers: a call goes to those that can make it, and who lacks a parameter is passed over."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from router_core.answering.answers import Answer
from router_core.answering.files import attached
from router_core.dialects.openai.chat import Chat
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers import Call, HttpAdapter, Provider
from router_core.providers.base import KINDS, Sender
from router_core.providers.parameters import Parameters
from router_core.simulator import Upstream
from tests.router.rig import PROMPT, Make, entry, state_of

PLAIN = Provider("plain", {"chat": Chat(Parameters.all_but("chat", "logprobs"))})
ADAPTERS = {"plain": partial(HttpAdapter, provider=PLAIN)}


async def test_only_who_offers_a_kind_of_call_is_asked(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "chats", model="plain/x"), entry(second, "both")], adapters=ADAPTERS)
    for _ in range(8):
        assert (await router.aembedding("m", "hello")).deployment == "both"
    assert {(await router.acompletion("m", PROMPT)).deployment for _ in range(20)} == {"chats", "both"}


async def test_a_kind_that_nobody_offers_is_the_callers_error(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "chats", model="plain/x")], adapters=ADAPTERS)
    with pytest.raises(BadRequestError, match="no deployment of 'm' offers embedding"):
        await router.aembedding("m", "hello")
    with pytest.raises(BadRequestError, match="plain has no embedding calls"):
        await router.aembedding("chats", "hello", specific_deployment=True)
    assert len(first.log) == 0


async def test_a_parameter_that_one_lacks_is_served_by_the_other(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    router = routers(
        [entry(first, "lacks", model="plain/x", order=1), entry(second, "has", order=2)], adapters=ADAPTERS
    )
    answer = await router.acompletion("m", PROMPT, logprobs=True)
    assert answer.deployment == "has"
    assert len(first.log) == 0
    state = await state_of(router, "lacks")
    assert (state.health, state.inflight) == ("closed", 0)


@pytest.mark.parametrize("where", ["call", "deployment"])
async def test_a_parameter_nobody_has_is_named_or_dropped(routers: Make, first: Upstream, where: str) -> None:
    params: dict[str, Any] = {"drop_params": True} if where == "deployment" else {}
    router = routers([entry(first, "lacks", model="plain/x", **params)], adapters=ADAPTERS)
    if where == "call":
        with pytest.raises(UnsupportedParamsError, match="plain does not support logprobs") as caught:
            await router.acompletion("m", PROMPT, logprobs=True)
        assert caught.value.params == ("logprobs",)
        assert len(first.log) == 0
    dropping: dict[str, Any] = {"drop_params": True} if where == "call" else {}
    assert (await router.acompletion("m", PROMPT, logprobs=True, **dropping)).deployment == "lacks"


def test_files_are_read_once_whatever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(b"RIFF")
    expected = ("voice.wav", b"RIFF", "audio/x-wav")
    assert attached(path) == expected
    with path.open("rb") as open_file:
        assert attached(open_file) == expected
    assert attached(("voice.wav", io.BytesIO(b"RIFF"))) == expected
    assert attached(("a", b"x", "image/png")) == ("a", b"x", "image/png")
    assert attached(b"x") == ("file", b"x", "application/octet-stream")
    assert attached(b"\x89PNG\r\n\x1a\n")[::2] == ("file.png", "image/png")
    assert attached(b"RIFF\0\0\0\0WAVE")[0] == "file.wav"
    assert attached(b"\0\0\0\x20ftypM4A ")[0] == "file.mp4"
    for wrong in ("a text", 5, None, tmp_path / "missing", io.StringIO("x")):
        with pytest.raises(BadRequestError, match=r"^image"):
            attached(wrong, "image")


class AnyKind:
    """An adapter that could make any call, and is never asked to."""

    kinds = frozenset(KINDS)

    async def answer(self, call: Call, sender: Sender) -> Answer:
        raise AssertionError(call.kind)

    async def chunks(self, call: Call, sender: Sender) -> AsyncIterator[Answer]:
        raise AssertionError(call.kind)


WHOLE: dict[str, tuple[tuple[object, ...], dict[str, object]]] = {
    "text_completion": (("m", "hello"), {"choices": [{"index": 0, "text": "mocked"}]}),
    "responses": (("m", "hello"), {"output": []}),
    "anthropic_messages": (("m", PROMPT, 5), {"content": []}),
    "image_generation": (("a cat", "m"), {"data": [{"url": "https://example.com"}]}),
    "image_edit": ((b"x", "a cat", "m"), {"data": []}),
    "transcription": ((b"x", "m"), {"text": "mocked"}),
    "moderation": (("m", "hello"), {"results": [{"flagged": False}]}),
    "rerank": (("m", "hello", ["a"]), {"results": [{"index": 0, "relevance_score": 1.0}]}),
}


@pytest.mark.parametrize("method", WHOLE)
async def test_each_kind_of_call_is_routed_with_and_without_an_event_loop(
    routers: Make, first: Upstream, method: str
) -> None:
    """By answers of the caller's own: the pool decides and settles, and nothing goes upstream."""
    arguments, answer = WHOLE[method]
    router = routers([entry(first, "a", model="any/x")], adapters={"any": lambda _: AnyKind()})
    blocking = partial(getattr(router, method), *arguments, mock_response=answer)
    for found in (
        await getattr(router, f"a{method}")(*arguments, mock_response=answer),
        await asyncio.to_thread(blocking),
    ):
        assert (found.deployment, found.model_dump(exclude_unset=True)) == ("a", answer)
    assert (await state_of(router, "a")).ok == 2
    assert len(first.log) == 0


async def test_of_metadata_anthropics_own_reaches_it(routers: Make, first: Upstream) -> None:
    class Showing(AnyKind):
        async def answer(self, call: Call, sender: Sender) -> Answer:
            sender.began()
            return Answer(call.body)

    router = routers([entry(first, "a", model="any/x")], adapters={"any": lambda _: Showing()})
    answer = await router.aanthropic_messages("m", PROMPT, 5, metadata={"user_id": "u1", "tags": ["t"]})
    assert answer["metadata"] == {"user_id": "u1"}


async def test_a_mocked_text_is_a_response_too(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "a")])
    answer = await router.aresponses("m", "hello", mock_response="mocked")
    assert answer.output_text == "mocked"
    stream = await router.aresponses("m", "hello", mock_response="mocked", stream=True)
    events = [event async for event in stream]
    assert "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta") == "mocked"
    assert events[-1]["type"] == "response.completed"

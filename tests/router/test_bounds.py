"""What `reserve="max"` reserves is really the most: of the input by its bytes, of the output by what is sent along."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.estimating.bounds import OUTPUT, PER_IMAGE, UNBOUNDED, Bounds, upper_bound
from router_core.providers.base import Call, Kind
from router_core.router import Router
from router_core.state.records import Acquire, Lease
from tests.config.helpers import entry, loaded

TEXT = st.text(st.characters(codec="utf-8"))
HELLO = [{"role": "user", "content": "hello"}]
MAX = [{"scope": "provider", "name": "openai", "resource": "output", "window": "day", "amount": 9, "reserve": "max"}]
TOOL = {"type": "function", "function": {"name": "f", "description": "d" * 500, "parameters": {"type": "object"}}}


def chat(*content: Any, **parameters: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": one} for one in content], **parameters}


def bounds(*entries: Any, **arguments: Any) -> Bounds:
    return Bounds(*loaded(*(entries or (entry(model_info={"id": "a"}),)), **{"limits": MAX, **arguments}))


class TestInput:
    @given(st.lists(TEXT), TEXT, st.dictionaries(TEXT, TEXT))
    def test_no_token_is_shorter_than_a_byte_wherever_the_text_stands(
        self, texts: list[str], system: str, schema: dict[str, str]
    ) -> None:
        parts = [{"type": "text", "text": text} for text in texts]
        call = {"function": {"name": "f", "arguments": json.dumps(schema, ensure_ascii=False)}, "type": "function"}
        messages = [{"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "user", "content": parts}]
        body = {"messages": messages, "system": system, "response_format": {"json_schema": schema}}
        read = [*texts, system, *schema, *schema.values(), call["function"]["arguments"]]  # type: ignore[index]
        assert upper_bound(body) > sum(len(text.encode()) for text in read)

    def test_every_message_and_tool_brings_more_than_its_text(self) -> None:
        assert upper_bound(chat("a", "b")) - upper_bound(chat("a")) > 16
        assert upper_bound(chat("a", tools=[TOOL])) - upper_bound(chat("a")) > 1500

    def test_tokens_given_as_numbers_are_as_many_as_they_are(self) -> None:
        body: dict[str, Any] = {"input": [[1, 2, 3] * 100, [4]]}
        assert 301 < upper_bound(body) < 600

    def test_a_picture_counts_as_the_largest_whatever_its_bytes(self) -> None:
        url = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 3_000_000}}
        assert PER_IMAGE < upper_bound(chat([url])) < PER_IMAGE + 1000

    @pytest.mark.parametrize(
        "body",
        [
            chat([{"type": "file", "file": {"file_id": "f"}}]),
            chat([{"type": "input_audio", "input_audio": {"data": "x"}}]),
            chat("x", tools=[{"type": "web_search"}]),
            {"input": "x", "previous_response_id": "resp_1"},
            {"input": "x", "conversation": {"id": "c"}},
            chat(object()),
        ],
    )
    def test_what_nothing_in_the_call_bounds_is_bounded_by_the_window(self, body: dict[str, Any]) -> None:
        assert upper_bound(body) == UNBOUNDED
        assert upper_bound(body, 8000) == 8000

    def test_nothing_is_longer_than_the_window(self) -> None:
        assert upper_bound(chat("x" * 10_000), 8000) == 8000
        assert upper_bound(chat("x" * 10), 8000) < 1000

    def test_the_window_of_a_group_is_its_widest_and_unknown_if_one_is(self) -> None:
        body = chat("x" * 3_000_000)
        wide, narrow = entry(max_input_tokens=9000), entry(api_key="2", max_input_tokens=5000)
        assert bounds(wide, narrow).of("chat", Call("chat", body))[0] == 9000
        unknown = entry(model="openai/nobody-knows-it", api_key="3")
        assert bounds(wide, unknown).of("chat", Call("chat", body))[0] > 3_000_000

    def test_what_a_deployment_adds_to_calls_counts(self) -> None:
        call = Call("chat", chat("x"))
        plain, adding = bounds(), bounds(entry(system="y" * 5000))
        assert adding.of("chat", call)[0] - plain.of("chat", call)[0] > 5000


class TestOutput:
    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
    def test_the_callers_word_holds_and_nothing_is_added(self, name: str) -> None:
        call = Call("chat", chat("x", **{name: 7}, n=3))
        assert bounds().of("chat", call)[1] == 21
        assert bounds().limited(call, "a") is call

    @pytest.mark.parametrize("kind", ["chat", "completion", "responses"])
    def test_where_nobody_says_it_the_length_is_sent(self, kind: Kind) -> None:
        call = Call(kind, chat("x", max_tokens=None))
        name = "max_output_tokens" if kind == "responses" else "max_tokens"
        assert bounds().of("chat", call)[1] == OUTPUT
        assert bounds().limited(call, "a").body == {**call.body, name: OUTPUT}
        assert call.body["max_tokens"] is None, "another deployment may have another length"

    def test_each_deployment_has_its_own_and_the_longest_is_reserved(self) -> None:
        made = bounds(
            entry(max_tokens=100, model_info={"id": "written"}),
            entry(model_info={"id": "known", "max_output_tokens": 8000}),
            entry(model_info={"id": "unknown"}),
        )
        call = Call("chat", chat("x"))
        assert made.of("chat", call)[1] == 8000
        sent = {id: made.limited(call, id).body.get("max_tokens") for id in ("written", "known", "unknown")}
        assert sent == {"written": None, "known": 8000, "unknown": OUTPUT}, "its default is sent by itself"

    @pytest.mark.parametrize("kind", ["embedding", "rerank", "moderation"])
    def test_what_makes_no_text_has_no_length(self, kind: Kind) -> None:
        call = Call(kind, {"input": "x"})
        assert bounds().of("chat", call)[1] == 0
        assert bounds().limited(call, "a") is call


class TestInARouter:
    async def asked(
        self, monkeypatch: pytest.MonkeyPatch, limits: list[dict[str, Any]], **parameters: Any
    ) -> tuple[dict[str, Any], Acquire]:
        """What went upstream, and what was asked of the pool."""
        sent: list[httpx.Request] = []
        asked: list[Acquire] = []

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return httpx.Response(200, json={"choices": [{"message": {"content": "Fine."}}]})

        model = entry("m", api_base="http://upstream.test")
        transport = httpx.MockTransport(answer)
        async with Router(model_list=[model], limits=limits, redis_url="memory://", transport=transport) as router:
            acquire = router.store.acquire

            async def note(request: Acquire) -> Lease:
                asked.append(request)
                return await acquire(request)

            monkeypatch.setattr(router.store, "acquire", note)
            await router.acompletion("m", HELLO, **parameters)
        return json.loads(sent[0].content), asked[0]

    async def test_a_call_under_such_a_limit_asks_for_the_most_and_sends_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body, asked = await self.asked(
            monkeypatch, [{**MAX[0], "amount": 10_000}], user="alice", metadata={"team": "red"}
        )
        assert (body["max_tokens"], asked.max_output) == (OUTPUT, OUTPUT)
        assert len("hello") < asked.max_input < 1000
        assert asked.subjects == ("user:alice", "team:red")

    async def test_without_one_nothing_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        body, asked = await self.asked(monkeypatch, [])
        assert body == {"model": "gpt-4o", "messages": HELLO}
        assert (asked.max_input, asked.max_output, asked.subjects) == (0, 0, ())

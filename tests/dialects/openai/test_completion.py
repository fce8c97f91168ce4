"""Text completions: OpenAI's own, and through a chat."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types import Completion as OpenAICompletion

from router_core.answering.collect import collector_for
from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.completion import Completion
from router_core.dialects.over_chat import OverChat
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Dialect, Reply, UpstreamFailure
from router_core.providers.parameters import Parameters
from tests.dialects.streamed import events, streamed

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
OVER = OverChat(Chat(Parameters.all_but("chat", "seed")))


def call(stream: bool = False, **body: Any) -> Call:
    return Call("completion", {"prompt": "once", **body}, stream)


def chunk(text: str | None, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "text": text, "finish_reason": finish}],
        **more,
    }


def said(delta: Any, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


def whole(dialect: Dialect, body: Any) -> Any:
    answer = dialect.decode(call(), "m", Reply({}, json.dumps(body).encode()))
    OpenAICompletion.model_validate(answer.model_dump())
    return answer


STREAMS: dict[str, tuple[Dialect, bytes]] = {
    "own": (Completion(), events(chunk("upon"), chunk(" a"), chunk("", "length"), {"choices": [], "usage": USAGE})),
    "over chat": (
        OVER,
        events(said({"content": "upon"}), said({"content": " a"}), said({}, "length"), {"choices": [], "usage": USAGE}),
    ),
}


def test_the_request_is_openais() -> None:
    wire = Completion().encode(call(max_tokens=5, user=None), "davinci-002")
    assert (wire.path, wire.body) == ("/completions", {"prompt": "once", "max_tokens": 5, "model": "davinci-002"})
    streaming = Completion().encode(call(stream=True), "m").body
    assert streaming["stream_options"] == {"include_usage": True}


def test_what_a_server_leaves_out_is_filled_in() -> None:
    answer = whole(Completion(), {"choices": [{"text": "upon", "finish_reason": "eos"}], "usage": USAGE})
    assert (answer.object, answer.choices[0].finish_reason, answer.usage.total_tokens) == ("text_completion", "stop", 3)


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize("way", STREAMS)
def test_a_stream_adds_up_however_it_is_cut(way: str, size: int) -> None:
    dialect, body = STREAMS[way]
    collector = collector_for("completion")
    for piece in streamed(dialect, call(stream=True), body, size):
        OpenAICompletion.model_validate({**piece.model_dump(), "choices": []})
        assert piece["choices"]
        collector.add(piece)
    answer: Any = collector.answer()
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("upon a", "length")
    assert answer.usage.total_tokens == 3


@pytest.mark.parametrize("way", STREAMS)
def test_a_stream_that_breaks_off_or_fails_says_so(way: str) -> None:
    dialect, body = STREAMS[way]
    with pytest.raises(CutStream):
        streamed(dialect, call(stream=True), body[: body.index(b"\n\n") + 2])
    with pytest.raises(UpstreamFailure):
        streamed(dialect, call(stream=True), b'data: {"error": {"message": "down"}}\n\n')


def test_a_server_that_ignores_stream_gives_one_chunk() -> None:
    (own,) = Completion().whole(call(stream=True), "m", Reply({}, json.dumps(chunk("upon", "stop")).encode()))
    assert own["choices"][0]["text"] == "upon"
    body = {"choices": [{"message": {"content": "upon"}, "finish_reason": "stop"}]}
    (over,) = OVER.whole(call(stream=True), "m", Reply({}, json.dumps(body).encode()))
    assert (over["choices"][0]["text"], over["choices"][0]["finish_reason"]) == ("upon", "stop")


@pytest.mark.parametrize("prompt", ["once", ["once"]])
def test_over_chat_the_prompt_is_what_the_user_says(prompt: Any) -> None:
    wire = OVER.encode(Call("completion", {"prompt": prompt, "max_tokens": 5, "n": 2}), "m")
    assert (wire.path, wire.body) == (
        "/chat/completions",
        {"messages": [{"role": "user", "content": "once"}], "max_tokens": 5, "n": 2, "model": "m"},
    )


@pytest.mark.parametrize("prompt", [["one", "two"], [1, 2, 3], [[1, 2]], None, []])
def test_over_chat_there_is_one_prompt_and_it_is_text(prompt: Any) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        OVER.encode(Call("completion", {"prompt": prompt}), "m")
    assert caught.value.params == ("prompt",)


@pytest.mark.parametrize("name", ["suffix", "echo", "best_of", "logprobs", "seed"])
def test_over_chat_what_a_chat_cannot_do_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        OVER.parameters.select({"prompt": "once", name: 3}, "this")
    assert caught.value.params == (name,)


def test_over_chat_the_answer_is_a_text_and_reasoning_is_kept_beside_it() -> None:
    message = {"content": "upon", "reasoning_content": "hm"}
    answer = whole(OVER, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE})
    choice = answer.choices[0]
    assert (choice.text, choice.finish_reason, choice.logprobs, answer.usage.total_tokens) == ("upon", "stop", None, 3)
    assert choice.provider_specific_fields == {"reasoning_content": "hm"}
    assert "message" not in choice

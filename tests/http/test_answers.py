"""Answers look like openai's, and cost what a dict costs."""

from __future__ import annotations

import copy
import json
import pickle
import timeit
from collections.abc import Callable
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion as OpenAIChat
from openai.types.chat import ChatCompletionChunk as OpenAIChunk

from router_core.answering.answers import Answer, ChatCompletion, ChatCompletionChunk, Choice, EmbeddingResponse

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hush"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
CHUNK: dict[str, Any] = {
    **CHAT,
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "finish_reason": None, "delta": {"tool_calls": [{"index": 0, **CALL}]}}],
}
VECTORS: dict[str, Any] = {
    "object": "list",
    "model": "m",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}],
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}


@pytest.fixture
def answer() -> ChatCompletion:
    one = ChatCompletion(copy.deepcopy(CHAT))
    one.deployment, one.model_used, one._response_ms = "a", "gpt-4o", 12.5
    one._hidden_params["model_id"] = "a"
    return one


def test_attributes_and_items_are_the_same_thing(answer: ChatCompletion) -> None:
    assert answer.choices[0].message.content == answer["choices"][0]["message"]["content"] == "hush"
    answer.choices[0].message.content = "changed"
    assert answer["choices"][0]["message"]["content"] == "changed"


def test_absent_optional_fields_are_none_and_unknown_ones_an_error(answer: ChatCompletion) -> None:
    assert answer.choices[0].message.tool_calls is None
    assert answer["choices"][0]["message"]["tool_calls"] is None
    assert ChatCompletion({**CHAT, "usage": None}).usage is None
    with pytest.raises(AttributeError, match="colour"):
        _ = answer.colour
    with pytest.raises(KeyError):
        _ = answer["colour"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ChatCompletion(CHAT), OpenAIChat),
        (ChatCompletionChunk(CHUNK), OpenAIChunk),
        (EmbeddingResponse(VECTORS), CreateEmbeddingResponse),
    ],
    ids=["chat", "chunk", "embeddings"],
)
def test_openais_models_accept_the_dump(ours: Answer, theirs: Any) -> None:
    assert theirs.model_validate(ours.model_dump()).model_dump(exclude_unset=True).keys() >= ours.keys()
    assert theirs.model_validate_json(ours.model_dump_json())


def test_dumps_are_plain_and_without_what_the_router_adds(answer: ChatCompletion) -> None:
    assert answer.to_dict() == CHAT
    assert type(answer.to_dict()["choices"][0]) is dict
    assert answer.model_dump()["choices"][0]["message"]["tool_calls"] is None
    assert "tool_calls" not in answer.model_dump(exclude_none=True)["choices"][0]["message"]
    assert json.loads(json.dumps(answer)) == CHAT


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_are_equal_and_keep_what_the_router_adds(answer: ChatCompletion, twin: Any) -> None:
    other = twin(answer)
    assert other == answer
    assert type(other.choices[0]) is Choice
    assert (other.deployment, other._response_ms, other._hidden_params) == ("a", 12.5, {"model_id": "a"})


def test_the_repr_shows_no_content_and_str_does(answer: ChatCompletion) -> None:
    assert "hush" not in repr(answer) + repr(answer.choices) + repr(answer.choices[0].message)
    assert "hush" in str(answer)


@pytest.mark.serial
def test_wrapping_costs_no_more_than_a_few_times_what_parsing_costs() -> None:
    text = json.dumps(CHAT)

    def cost(work: Callable[[], object]) -> float:
        return min(timeit.repeat(work, number=500, repeat=5))

    assert cost(lambda: ChatCompletion(CHAT)) < 20 * cost(lambda: json.loads(text))

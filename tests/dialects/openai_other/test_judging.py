"""Moderation and reranking."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from router_core.answering.other_answers import ModerationResponse, RerankResponse
from router_core.dialects.openai.moderation import Moderation
from router_core.dialects.rerank import Rerank
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Dialect, Reply

RANK = Call("rerank", {"query": "q", "documents": ["a", "b"], "top_n": 1})
MODERATE = Call("moderation", {"input": "text"})


def decoded(dialect: Dialect, call: Call, body: Any) -> Any:
    return dialect.decode(call, "m", Reply(httpx.Headers(), json.dumps(body).encode()))


def test_moderation_has_a_result_for_each_input() -> None:
    wire = Moderation().encode(MODERATE, "omni-moderation-latest")
    assert (wire.path, wire.body) == ("/moderations", {"input": "text", "model": "omni-moderation-latest"})
    categories = {"violence": True, "self-harm/intent": False}
    answer = decoded(Moderation(), MODERATE, {"results": [{"flagged": True, "categories": categories}]})
    assert isinstance(answer, ModerationResponse)
    found = answer.results[0].categories
    assert (found.violence, found["self-harm/intent"], found.self_harm_intent) == (True, False, False)
    with pytest.raises(AttributeError):
        _ = found.hate
    assert (answer.id, answer.model) == ("modr-unknown", "m")
    with pytest.raises(KeyError):
        decoded(Moderation(), MODERATE, {"results": [{}]})


@pytest.mark.parametrize(
    "body",
    [
        {"results": [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.9}]},
        {"object": "list", "data": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
    ],
)
def test_the_most_relevant_comes_first_whatever_the_list_is_called(body: dict[str, Any]) -> None:
    answer = decoded(Rerank(), RANK, {**body, "usage": {"total_tokens": 17}})
    assert isinstance(answer, RerankResponse)
    assert [(one.index, one.relevance_score, one.document) for one in answer.results] == [
        (1, 0.9, None),
        (0, 0.1, None),
    ]
    assert (answer.usage.prompt_tokens, answer.id, answer.meta) == (17, None, None)


def test_documents_are_given_back_in_one_shape() -> None:
    results = [
        {"index": 0, "relevance_score": 1, "document": "a"},
        {"index": 1, "relevance_score": 0, "document": {"text": "b"}},
    ]
    answer = decoded(Rerank(), RANK, {"id": "r", "results": results})
    assert [one.document.text for one in answer.results] == ["a", "b"]
    assert (answer.id, answer.usage) == ("r", None)


def test_what_is_ranked_by_nothing_is_no_answer() -> None:
    with pytest.raises(KeyError):
        decoded(Rerank(), RANK, {"results": [{"index": 0}]})


def test_top_n_has_the_servers_name() -> None:
    wire = Rerank(top="top_k", path="/v1/rerank").encode(RANK, "m")
    assert (wire.path, wire.body) == ("/v1/rerank", {"query": "q", "documents": ["a", "b"], "top_k": 1, "model": "m"})
    with pytest.raises(UnsupportedParamsError):
        Rerank().parameters.select({**RANK.body, "rank_fields": ["title"]}, "p")


@pytest.mark.parametrize(("dialect", "call"), [(Moderation(), MODERATE), (Rerank(), RANK)])
def test_neither_can_be_streamed(dialect: Dialect, call: Call) -> None:
    with pytest.raises(BadRequestError, match="cannot be streamed"):
        dialect.reader(call, "m")

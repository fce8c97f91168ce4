"""Cohere's embeddings and reranking, its address and its errors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from router_core.config import load
from router_core.dialects.cohere.embedding import Embedding
from router_core.dialects.cohere.rerank import Rerank
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers import PROVIDERS
from router_core.providers.base import Call
from router_core.providers.classify import Origin, rejected
from router_core.providers.dialect import Reply

PIXEL = "data:image/png;base64,AA"
KNOWN = {"model": "embed", "input_type": "search_document", "embedding_types": ["float"]}


def reply(body: Any) -> Reply:
    return Reply(httpx.Headers(), json.dumps(body).encode())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"input": "a"}, {**KNOWN, "texts": ["a"]}),
        ({"input": ["a", "b"], "dimensions": 8}, {**KNOWN, "texts": ["a", "b"], "output_dimension": 8}),
        ({"input": ["a"], "input_type": "search_query"}, {**KNOWN, "texts": ["a"], "input_type": "search_query"}),
        ({"input": "a", "encoding_format": "base64"}, {**KNOWN, "texts": ["a"], "embedding_types": ["base64"]}),
        (
            {"input": "a", "embedding_types": ["int8", "float"], "truncate": "NONE"},
            {**KNOWN, "texts": ["a"], "embedding_types": ["int8", "float"], "truncate": "NONE"},
        ),
        ({"input": [PIXEL]}, {**KNOWN, "images": [PIXEL], "input_type": "image"}),
        (
            {"input": ["a", PIXEL]},
            {
                **KNOWN,
                "inputs": [
                    {"content": [{"type": "text", "text": "a"}]},
                    {"content": [{"type": "image_url", "image_url": {"url": PIXEL}}]},
                ],
            },
        ),
        ({"inputs": [{"content": []}]}, {**KNOWN, "inputs": [{"content": []}]}),
    ],
)
def test_inputs_to_embed_become_coheres(given: dict[str, Any], said: dict[str, Any]) -> None:
    wire = Embedding().encode(Call("embedding", given), "embed")
    assert (wire.path, wire.body) == ("/embed", said)


def test_tokens_cannot_be_embedded() -> None:
    with pytest.raises(UnsupportedParamsError, match="input"):
        Embedding().encode(Call("embedding", {"input": [[1, 2]]}), "embed")
    with pytest.raises(BadRequestError, match="input"):
        Embedding().encode(Call("embedding", {}), "embed")


def test_embeddings_of_several_types() -> None:
    body = {
        "embeddings": {"float": [[0.5], [1.0]], "int8": [[5], [10]]},
        "meta": {"billed_units": {"input_tokens": 3, "image_tokens": 4}},
    }
    answer: Any = Embedding().decode(Call("embedding", {"embedding_types": ["int8", "float"]}), "m", reply(body))
    assert [item.embedding for item in answer.data] == [[5], [10]]
    assert answer.data[1].provider_specific_fields == {"float": [1.0]}
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (7, 7)
    plain: Any = Embedding().decode(Call("embedding", {"input": "a"}), "m", reply({"embeddings": [[0.5]]}))
    assert (plain.data[0].embedding, plain.usage) == ([0.5], None)


def test_reranking_and_the_documents_it_does_not_repeat() -> None:
    documents = ["a", {"text": "b"}, {"title": "c", "text": "d"}]
    call = Call("rerank", {"query": "q", "documents": documents, "top_n": 2, "return_documents": True})
    wire = Rerank().encode(call, "rerank")
    said = {"query": "q", "top_n": 2, "model": "rerank", "documents": ["a", "b", '{"title": "c", "text": "d"}']}
    assert (wire.path, wire.body) == ("/rerank", said)
    results = [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    answer: Any = Rerank().decode(call, "rerank", reply({"id": "1", "results": results, "meta": {}}))
    assert [(one.index, one.relevance_score, one.document) for one in answer.results] == [
        (2, 0.9, documents[2]),
        (0, 0.1, {"text": "a"}),
    ]
    bare: Any = Rerank().decode(Call("rerank", {"documents": documents}), "rerank", reply({"results": results}))
    assert bare.results[0].document is None


def test_reranking_needs_a_list_and_is_not_streamed() -> None:
    with pytest.raises(BadRequestError, match="documents"):
        Rerank().encode(Call("rerank", {"query": "q", "documents": "a"}), "rerank")
    with pytest.raises(BadRequestError, match="streamed"):
        Rerank().reader(Call("rerank", {}, stream=True), "rerank")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (None, "https://api.cohere.com/v2"),
        ("http://host:1", "http://host:1/v2"),
        ("http://host:1/v2/", "http://host:1/v2"),
        ("http://host:1/v1/embed", "http://host:1/v2"),
        ("http://host:1/proxy/v2/chat", "http://host:1/proxy/v2"),
    ],
)
def test_its_address_is_known_or_given(base: str | None, url: str) -> None:
    for model in ("cohere/command", "cohere_chat/command"):
        written = {"model_name": "m", "litellm_params": {"model": model, "api_base": base}}
        _, (deployment,) = load([written], environ={"COHERE_API_KEY": "co-key"})
        assert PROVIDERS[deployment.provider].base_of(deployment) == url
        assert deployment.api_key is not None


@pytest.mark.parametrize(
    ("status", "message", "name"),
    [
        (400, "invalid request: valid input_type must be provided with the provided model", "BadRequestError"),
        (400, "too many tokens: size limit exceeded by 11326 tokens.", "ContextWindowExceededError"),
        (401, "invalid api token", "AuthenticationError"),
        (402, "Please add or update your payment method to continue", "AuthenticationError"),
        (404, "model 'x' not found, make sure the correct model ID was used", "NotFoundError"),
        (429, "You are using a Trial key, which is limited to 40 API calls / minute.", "RateLimitError"),
        (499, "request cancelled", "InternalServerError"),
        (500, "internal server error, this has been reported to our developers.", "InternalServerError"),
        (503, "all backends failed", "ServiceUnavailableError"),
    ],
)
def test_errors_have_their_class_and_text(status: int, message: str, name: str) -> None:
    body = json.dumps({"id": "1", "message": message}).encode()
    error = rejected(Origin("cohere", "m", "d"), status, httpx.Headers(), body)
    assert (type(error).__name__, error.message) == (name, message)

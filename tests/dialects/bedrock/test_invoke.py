"""What Converse lacks, by invoke: embeddings, rerank, native Claude, native texts, Nova's own format."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call, Kind
from router_core.providers.dialect import CutStream, UpstreamFailure, Wire
from tests.dialects.bedrock.kit import HI, SONNET, TOOL, chunk, dialect, frame, heard, reply
from tests.dialects.streamed import collected

TITAN_EMBED, COHERE_EMBED = "amazon.titan-embed-text-v2:0", "cohere.embed-v4:0"
NOVA_EMBED = "amazon.nova-2-multimodal-embeddings-v1:0"
TITAN = "invoke/amazon.titan-text-lite-v1"
LLAMA = "invoke/meta.llama3-70b-instruct-v1:0"
MISTRAL = "invoke/mistral.mistral-7b-instruct-v0:2"
NOVA = "invoke/us.amazon.nova-micro-v1:0"


def wire(kind: Kind, model: str, stream: bool = False, **body: Any) -> Wire:
    return dialect(model, kind).encode(Call(kind, body, stream), model)


def answer(kind: Kind, model: str, payload: Any, asked: Any = None, **headers: str) -> Any:
    return dialect(model, kind).decode(Call(kind, asked or {}), model, reply(payload, **headers))


def test_titan_embeds_one_text_a_call() -> None:
    sent = wire("embedding", TITAN_EMBED, input=["a"], dimensions=256, normalize=False)
    assert sent.path == "/model/amazon.titan-embed-text-v2%3A0/invoke"
    assert sent.body == {"inputText": "a", "dimensions": 256, "normalize": False}
    found = answer("embedding", TITAN_EMBED, {"embedding": [0.5, 1], "inputTextTokenCount": 3})
    assert (found.data[0].embedding, found.usage.prompt_tokens) == ([0.5, 1], 3)
    for given in (["a", "b"], [1, 2], []):
        with pytest.raises(UnsupportedParamsError, match="input"):
            wire("embedding", TITAN_EMBED, input=given)


def test_nova_embeds_in_its_own_words() -> None:
    sent = wire("embedding", NOVA_EMBED, input="a", dimensions=256).body
    assert sent["taskType"] == "SINGLE_EMBEDDING"
    assert sent["singleEmbeddingParams"]["embeddingDimension"] == 256
    assert sent["singleEmbeddingParams"]["text"] == {"truncationMode": "END", "value": "a"}
    payload = {"embeddings": [{"embeddingType": "TEXT", "embedding": [1.0]}]}
    found = answer("embedding", NOVA_EMBED, payload, x_amzn_bedrock_input_token_count="2")
    assert (found.data[0].embedding, found.usage.total_tokens) == ([1.0], 2)


def test_cohere_embeds_many_and_as_base64_where_asked() -> None:
    sent = wire("embedding", COHERE_EMBED, input=["a", "b"], dimensions=256, input_type="search_query", truncate="END")
    assert sent.body == {
        "texts": ["a", "b"],
        "input_type": "search_query",
        "output_dimension": 256,
        "truncate": "END",
    }
    assert wire("embedding", COHERE_EMBED, input="a").body["input_type"] == "search_document"
    for payload in ({"embeddings": [[0.5]]}, {"embeddings": {"float": [[0.5]], "int8": [[1]]}}):
        assert answer("embedding", COHERE_EMBED, payload).data[0].embedding == [0.5]
    packed = answer("embedding", COHERE_EMBED, {"embeddings": [[0.5]]}, {"encoding_format": "base64"})
    assert struct.unpack("<f", base64.b64decode(packed.data[0].embedding)) == (0.5,)
    assert packed.usage is None


def test_rerank_chooses_the_best_itself() -> None:
    cohere, amazon = "cohere.rerank-v3-5:0", "amazon.rerank-v1:0"
    asked: dict[str, Any] = {"query": "q", "documents": ["a", {"text": "b"}], "top_n": 1}
    body = {"query": "q", "documents": ["a", "b"]}
    assert wire("rerank", cohere, **asked).body == {"api_version": 2, **body}
    assert wire("rerank", amazon, **asked).body == body
    payload = {"results": [{"index": 0, "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.9}]}
    assert [(one.index, one.relevance_score) for one in answer("rerank", cohere, payload, asked).results] == [(1, 0.9)]
    with pytest.raises(UnsupportedParamsError, match=r"documents\[0\]"):
        wire("rerank", cohere, query="q", documents=[{"image": "x"}])


def test_claude_is_spoken_to_in_its_own_words() -> None:
    sent = wire("messages", f"converse/{SONNET}", messages=HI, max_tokens=5)
    assert sent.path.endswith("claude-sonnet-4-5-20250929-v1%3A0/invoke")
    assert sent.body == {"anthropic_version": "bedrock-2023-05-31", "messages": HI, "max_tokens": 5}
    streamed = wire("messages", SONNET, stream=True, messages=HI, max_tokens=5)
    assert streamed.path.endswith("/invoke-with-response-stream")
    assert streamed.headers == {"Accept": "application/vnd.amazon.eventstream"}
    chat = wire("chat", f"invoke/{SONNET}", messages=HI)
    assert chat.body["anthropic_version"]
    assert "stream" not in streamed.body
    assert "model" not in chat.body


def test_claudes_answers_are_told_as_they_are_or_as_a_chat() -> None:
    payload = {"id": "m", "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn", "role": "assistant"}
    assert dict(answer("messages", SONNET, payload)) == payload
    assert answer("chat", f"invoke/{SONNET}", payload).choices[0].message.content == "x"
    (chunk,) = dialect(f"invoke/{SONNET}").whole(Call("chat", {"messages": HI}, True), SONNET, reply(payload))
    assert chunk["choices"][0]["delta"]["content"] == "x"


def test_claudes_events_come_in_frames() -> None:
    begun = {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 1}}}
    stopped = {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}
    events = heard(chunk(begun) + chunk(stopped), SONNET, "messages")
    assert [dict(event) for event in events] == [begun, stopped]
    broken = frame("modelStreamErrorException", {"message": "no"}, kind="exception")
    with pytest.raises(UpstreamFailure):
        heard(chunk(begun) + broken, SONNET, "messages")


def test_novas_own_format_is_converses_in_other_frames() -> None:
    sent = wire("chat", NOVA, messages=HI, max_tokens=5, top_k=3, tools=[TOOL], foo=1)
    assert sent.path.endswith("/invoke")
    assert sent.body["inferenceConfig"] == {"maxTokens": 5, "topK": 3}
    assert (sent.body["schemaVersion"], sent.body["foo"]) == ("messages-v1", 1)
    said = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "o"}}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 2, "outputTokens": 1, "cacheReadInputTokenCount": 4}}, "more": {}},
    ]
    whole = collected(heard(b"".join(map(chunk, said)), NOVA))
    assert (whole.choices[0].message.content, whole.usage.total_tokens) == ("o", 7)
    with pytest.raises(UpstreamFailure):
        heard(frame("throttlingException", {"message": "no"}, kind="exception"), NOVA)


def test_texts_are_completed_in_each_vendors_words() -> None:
    asked: dict[str, Any] = {"prompt": ["hi"], "max_tokens": 5, "temperature": 0.5, "top_p": 0.4, "top_k": 3}
    titan = {"maxTokenCount": 5, "temperature": 0.5, "topP": 0.4, "top_k": 3, "stopSequences": ["x"]}
    assert wire("completion", TITAN, **asked, stop="x").body == {"inputText": "hi", "textGenerationConfig": titan}
    assert wire("completion", LLAMA, **asked).body == {
        "prompt": "hi", "max_gen_len": 5, "temperature": 0.5, "top_p": 0.4, "top_k": 3,
    }  # fmt: skip
    assert wire("completion", MISTRAL, **asked, stop=["x"]).body == {**asked, "prompt": "hi", "stop": ["x"]}
    with pytest.raises(UnsupportedParamsError, match="one prompt"):
        wire("completion", LLAMA, prompt=["a", "b"])
    assert "stop" not in dialect(LLAMA, "completion").parameters.takes


TITANS = {
    "inputTextTokenCount": 2,
    "results": [{"tokenCount": 1, "outputText": "o", "completionReason": "FINISH"}],
}
LLAMAS = {"generation": "o", "prompt_token_count": 2, "generation_token_count": 1, "stop_reason": "length"}


@pytest.mark.parametrize(
    ("model", "payload", "reason"),
    [
        (TITAN, TITANS, "stop"),
        (TITAN, {**TITANS, "amazon-bedrock-guardrailAction": "INTERVENED"}, "content_filter"),
        (LLAMA, LLAMAS, "length"),
        (MISTRAL, {"outputs": [{"text": "o", "stop_reason": "stop"}]}, "stop"),
    ],
)
def test_texts_of_every_family_are_found_with_their_counts(model: str, payload: Any, reason: str) -> None:
    counts = {"x_amzn_bedrock_input_token_count": "2", "x_amzn_bedrock_output_token_count": "1"}
    found = answer("completion", model, payload, **counts)
    assert (found.choices[0].text, found.choices[0].finish_reason) == ("o", reason)
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (2, 1)


def test_streamed_texts_end_with_a_reason_or_a_guardrail() -> None:
    part = {"generation": "o", "prompt_token_count": 2, "generation_token_count": 1, "stop_reason": None}
    metrics = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 4, "outputTokenCount": 3}}
    last = {
        "generation": "k",
        "prompt_token_count": None,
        "generation_token_count": 2,
        "stop_reason": "stop",
        **metrics,
    }
    said = heard(chunk(part) + chunk(last), LLAMA, "completion")
    assert [(one["choices"][0]["text"], one["choices"][0]["finish_reason"]) for one in said] == [
        ("o", None),
        ("k", "stop"),
    ]
    assert (said[0]["usage"], said[1]["usage"]["total_tokens"]) == (None, 7)
    with pytest.raises(CutStream):
        heard(chunk(part), LLAMA, "completion")
    blocked = {"outputText": "Input blocked", "inputTextTokenCount": 6.0, "totalOutputTextTokenCount": 3.0}
    said = heard(chunk({**blocked, "amazon-bedrock-guardrailAction": "INTERVENED"}), TITAN, "completion")
    assert said[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert json.loads(json.dumps(said[-1]["usage"]))["total_tokens"] == 9

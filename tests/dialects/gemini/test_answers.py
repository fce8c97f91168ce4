"""Whole answers: texts, thoughts, calls, images, why they ended, what they took, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletion as OpenAIChat

from router_core.dialects.gemini.chat import Chat
from router_core.providers.base import Call
from router_core.providers.dialect import UpstreamFailure
from tests.dialects.gemini.said import COUNTED, HI, NEW, answered, body, heard, reply

CALL = {"functionCall": {"name": "f", "args": {"x": "ü"}}}


def test_texts_thoughts_and_signatures() -> None:
    answer = heard(
        answered({"text": "hm", "thought": True}, {"text": "a"}, {"text": "b", "thoughtSignature": "S"}),
    )
    message = answer.choices[0].message
    assert (message.content, message.reasoning_content, answer.choices[0].finish_reason) == ("ab", "hm", "stop")
    assert message.provider_specific_fields == {"thought_signature": "S"}
    assert (answer.id, answer.model) == ("r1", "gemini-2.5-flash-001")
    OpenAIChat.model_validate(answer.model_dump())


def test_calls_have_ids_of_their_own_or_made_up_ones() -> None:
    given = {"functionCall": {"name": "g", "id": "x1"}, "thoughtSignature": "S"}
    answer = heard(answered(CALL, given))
    first, second = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (first.function.name, first.function.arguments) == ("f", '{"x": "ü"}')
    assert (second.id, second.function.arguments) == ("x1", "{}")
    assert second.provider_specific_fields == {"thought_signature": "S"}
    assert first.id.startswith("call_")
    OpenAIChat.model_validate(answer.model_dump())


def test_an_answer_given_back_is_what_google_said() -> None:
    ran = {"executableCode": {"language": "PYTHON", "code": "1"}}
    told = [ran, {"text": "so", "thoughtSignature": "S1"}, {**CALL, "thoughtSignature": "S2"}]
    message = heard(answered(*told)).choices[0].message
    assert body([*HI, message.model_dump()], NEW)["contents"][1] == {"role": "model", "parts": told}


@pytest.mark.parametrize(
    ("reason", "word", "native"),
    [
        ("STOP", "stop", None),
        ("MAX_TOKENS", "length", None),
        ("SAFETY", "content_filter", "SAFETY"),
        ("RECITATION", "content_filter", "RECITATION"),
        ("PROHIBITED_CONTENT", "content_filter", "PROHIBITED_CONTENT"),
        ("BLOCKLIST", "content_filter", "BLOCKLIST"),
        ("SPII", "content_filter", "SPII"),
        ("IMAGE_SAFETY", "content_filter", "IMAGE_SAFETY"),
        ("MALFORMED_FUNCTION_CALL", "stop", "MALFORMED_FUNCTION_CALL"),
    ],
)
def test_why_an_answer_ended(reason: str, word: str, native: str | None) -> None:
    choice = heard(answered(finish=reason)).choices[0]
    assert (choice.finish_reason, choice.message.content) == (word, None)
    assert choice.get("provider_specific_fields", {}).get("native_finish_reason") == native


def test_no_content_at_the_limit_is_an_answer() -> None:
    counted = {"promptTokenCount": 15, "thoughtsTokenCount": 2, "totalTokenCount": 17}
    answer = heard(answered(finish="MAX_TOKENS", counted=counted))
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize(
    ("counted", "found"),
    [
        (COUNTED, (5, 3, 8, None, None)),
        (
            {"promptTokenCount": 10, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 2, "thoughtsTokenCount": 4},
            (17, 6, 23, None, 4),
        ),
        ({"promptTokenCount": 10, "cachedContentTokenCount": 8, "candidatesTokenCount": 1}, (10, 1, 11, 8, None)),
        ({"promptTokenCount": 10, "totalTokenCount": 10}, (10, 0, 10, None, None)),
    ],
)
def test_counts_are_openais_with_thoughts_and_caches_apart(counted: Any, found: Any) -> None:
    usage = heard(answered({"text": "a"}, counted=counted)).usage
    cached = usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens
    reasoning = usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, cached, reasoning) == found


@pytest.mark.parametrize("counted", [None, {}, {"trafficType": "ON_DEMAND"}])
def test_what_nobody_counted_is_unknown(counted: Any) -> None:
    assert heard(answered({"text": "a"}, counted=counted)).usage is None


def test_tokens_that_are_no_text_are_told_apart() -> None:
    details = {
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}, {"modality": "AUDIO", "tokenCount": 4}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
        "serviceTier": "standard",
    }
    answer = heard(answered({"text": "a"}, counted=COUNTED | details))
    assert answer.usage.prompt_tokens_details == {"audio_tokens": 4}
    assert answer.usage.completion_tokens_details == {"image_tokens": 3}
    assert answer.service_tier == "default"


def test_images_and_audio_come_with_the_message() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "S"}
    audio = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AQI="}}
    message = heard(answered({"text": "see"}, image, image, audio, audio)).choices[0].message
    assert [one["image_url"]["url"] for one in message.images] == ["data:image/png;base64,AAAA"] * 2
    assert [one["index"] for one in message.images] == [0, 1]
    assert message.images[0]["provider_specific_fields"] == {"thought_signature": "S"}
    assert (message.content, message.audio["data"]) == ("see", "AQIBAg==")


def test_what_openai_has_no_name_for_is_kept() -> None:
    candidate: dict[str, Any] = {
        "groundingMetadata": {"webSearchQueries": ["q"]},
        "citationMetadata": {},
        "avgLogprobs": -0.1,
    }
    choice = heard(answered({"text": "a"}, **candidate)).choices[0]
    assert choice.provider_specific_fields == {"grounding_metadata": {"webSearchQueries": ["q"]}, "avg_logprobs": -0.1}


def test_logprobs_have_openais_form() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
        "topCandidates": [
            {"candidates": [{"token": "a", "logProbability": -0.5}, {"token": "b", "logProbability": -2}]}
        ],
    }
    answer = heard(answered({"text": "a"}, logprobsResult=result))
    token = answer.choices[0].logprobs["content"][0]
    assert (token["token"], token["logprob"], token["bytes"]) == ("a", -0.5, [97])
    assert [one["token"] for one in token["top_logprobs"]] == ["a", "b"]
    OpenAIChat.model_validate(answer.model_dump())


def test_each_candidate_is_a_choice() -> None:
    candidates = [
        {"content": {"parts": [{"text": text}]}, "finishReason": "STOP", "index": n} for n, text in enumerate("ab")
    ]
    answer = heard({"candidates": candidates, "usageMetadata": COUNTED})
    assert [(choice.index, choice.message.content) for choice in answer.choices] == [(0, "a"), (1, "b")]


def test_a_blocked_prompt_is_a_matter_of_content() -> None:
    with pytest.raises(UpstreamFailure) as caught:
        heard({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": COUNTED})
    assert caught.value.payload["error"]["type"] == "content_policy_violation"
    assert "PROHIBITED_CONTENT" in caught.value.payload["error"]["message"]


def test_an_answer_without_candidates_is_none() -> None:
    with pytest.raises(KeyError):
        heard({"usageMetadata": COUNTED})


def test_an_error_in_a_200_is_one() -> None:
    with pytest.raises(UpstreamFailure):
        Chat().decode(Call("chat", {}), "m", reply({"error": {"code": 503}}))

"""Parameters: OpenAI's in Google's words, Google's own in their places, and what there are no words for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from router_core.dialects.gemini.chat import AI_STUDIO, VERTEX, Chat
from router_core.dialects.gemini.models import GOOGLE, generation, path
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from tests.dialects.gemini.said import FLASH, HI, NEW, body, config

FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"const": {"const": 1}}}}


def function(**more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {**FUNCTION, **more}}


@pytest.mark.parametrize(
    ("model", "publisher", "said"),
    [
        ("gemini-2.5-flash", "", "/models/gemini-2.5-flash:generateContent"),
        ("models/gemini-2.5-flash", "", "/models/gemini-2.5-flash:generateContent"),
        ("tunedModels/mine", "", "/tunedModels/mine:generateContent"),
        ("gemini-2.5-flash", GOOGLE, "/publishers/google/models/gemini-2.5-flash:generateContent"),
        ("123", GOOGLE, "/endpoints/123:generateContent"),
        ("gemini/123", GOOGLE, "/endpoints/123:generateContent"),
    ],
)
def test_the_path_of_a_model(model: str, publisher: str, said: str) -> None:
    assert path(model, "generateContent", publisher) == said


@pytest.mark.parametrize(
    ("model", "found"),
    [("gemini-2.5-pro", (2, 5)), ("gemini-3-pro-preview", (3, 0)), ("gemini-flash-latest", (99, 0)), ("7", (99, 0))],
)
def test_the_generation_of_a_model(model: str, found: Any) -> None:
    assert generation(model) == found


def test_a_stream_is_another_method() -> None:
    wire = Chat().encode(Call("chat", {"messages": HI}, stream=True), FLASH)
    assert (wire.path, wire.query) == ("/models/gemini-2.5-flash:streamGenerateContent", {"alt": "sse"})


def test_openais_parameters_in_googles_words() -> None:
    assert config(
        temperature=0.5,
        top_p=0.9,
        seed=7,
        n=2,
        max_completion_tokens=9,
        stop="x",
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=3,
        modalities=["text", "image"],
        audio={"voice": "Kore", "format": "pcm16"},
        user=None,
    ) == {
        "temperature": 0.5,
        "topP": 0.9,
        "seed": 7,
        "candidateCount": 2,
        "maxOutputTokens": 9,
        "stopSequences": ["x"],
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 3,
        "responseModalities": ["TEXT", "IMAGE"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
    }


def test_googles_own_parameters_find_their_places() -> None:
    said = body(
        top_k=5,
        safety_settings=[{"category": "C", "threshold": "T"}],
        cached_content="cachedContents/1",
        generationConfig={"temperature": 1, "mediaResolution": "LOW"},
        temperature=0,
        labels={"a": "b"},
        tool_config={"retrievalConfig": {"languageCode": "de"}},
        tool_choice="none",
    )
    assert said["generationConfig"] == {"temperature": 0, "mediaResolution": "LOW", "topK": 5}
    assert said["safetySettings"] == [{"category": "C", "threshold": "T"}]
    assert (said["cachedContent"], said["labels"]) == ("cachedContents/1", {"a": "b"})
    assert said["toolConfig"] == {
        "retrievalConfig": {"languageCode": "de"},
        "functionCallingConfig": {"mode": "NONE"},
    }


def test_nothing_is_said_where_nothing_is_asked() -> None:
    plain = body(stream_options={"include_usage": True}, parallel_tool_calls=True, response_format={"type": "text"})
    assert plain.keys() == {"contents"}


@pytest.mark.parametrize(("tier", "said"), [("auto", None), ("default", "standard"), ("flex", "flex")])
def test_the_service_tier_has_googles_name(tier: str, said: str | None) -> None:
    assert body(service_tier=tier).get("serviceTier") == said


def test_what_there_is_no_word_for_is_refused() -> None:
    given: Mapping[str, Any]
    for given in ({"parallel_tool_calls": False}, {"logit_bias": {"1": 1}}, {"user": "u"}, {"prediction": {}}):
        with pytest.raises(UnsupportedParamsError):
            AI_STUDIO.select(given, "gemini")
    with pytest.raises(UnsupportedParamsError, match="service_tier"):
        VERTEX.select({"service_tier": "flex"}, "vertex_ai")
    with pytest.raises(UnsupportedParamsError, match=r"audio\.format"):
        body(audio={"voice": "Kore", "format": "mp3"})


@pytest.mark.parametrize(
    ("model", "effort", "said"),
    [
        (FLASH, "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        (FLASH, "high", {"includeThoughts": True, "thinkingBudget": 24576}),
        (FLASH, "none", {"includeThoughts": False, "thinkingBudget": 0}),
        ("gemini-2.5-pro", "none", {"includeThoughts": False, "thinkingBudget": 128}),
        (NEW, "medium", {"includeThoughts": True, "thinkingLevel": "medium"}),
        (NEW, "none", {"includeThoughts": False, "thinkingLevel": "minimal"}),
        ("gemini-3-pro-preview", "minimal", {"includeThoughts": True, "thinkingLevel": "low"}),
        ("gemini-3-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-3.1-pro-preview", "medium", {"includeThoughts": True, "thinkingLevel": "medium"}),
        ("gemini-flash-latest", "low", {"includeThoughts": True, "thinkingLevel": "low"}),
    ],
)
def test_effort_is_a_budget_or_a_level(model: str, effort: str, said: Any) -> None:
    assert config(model, reasoning_effort=effort) == {"thinkingConfig": said}


@pytest.mark.parametrize(
    ("thinking", "said"),
    [
        ({"type": "enabled", "budget_tokens": 2000}, {"includeThoughts": True, "thinkingBudget": 2000}),
        ({"type": "enabled"}, {"includeThoughts": True}),
        ({"type": "adaptive"}, {"includeThoughts": True, "thinkingBudget": -1}),
        ({"type": "disabled"}, {"includeThoughts": False, "thinkingBudget": 0}),
    ],
)
def test_thinking_counts_before_effort(thinking: Any, said: Any) -> None:
    assert config(thinking=thinking, reasoning_effort="high") == {"thinkingConfig": said}


@pytest.mark.parametrize("given", [{"reasoning_effort": "much"}, {"thinking": "yes"}, {"tool_choice": {"type": "x"}}])
def test_a_value_that_is_none_is_the_callers_fault(given: Any) -> None:
    with pytest.raises(BadRequestError):
        body(**given)


def test_schemas_of_structured_answers_become_googles() -> None:
    schema = {"$schema": "s", "type": "object", "properties": {"a": {"const": "x"}}, "enum": [{"const": 1}]}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    assert config(response_format={"type": "json_object"}) == {"responseMimeType": "application/json"}
    assert config(response_format=wanted) == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {
            "type": "object",
            "properties": {"a": {"enum": ["x"]}},
            "enum": [{"const": 1}],
        },
    }
    with pytest.raises(BadRequestError, match="response_format"):
        body(response_format={"type": "grammar"})


def test_functions_are_declared_together_and_googles_tools_go_as_they_are() -> None:
    said = body(tools=[function(), {"codeExecution": {}}, function(name="g", parameters=None)], web_search_options={})
    declared = {"type": "object", "properties": {"const": {"enum": [1]}}}
    assert said["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": declared},
                {"name": "g", "description": "d"},
            ]
        },
        {"codeExecution": {}},
        {"googleSearch": {}},
    ]


def test_tools_of_others_are_named() -> None:
    with pytest.raises(UnsupportedParamsError, match=r"custom.*tools\[1\]"):
        body(tools=[function(), {"type": "custom", "custom": {"name": "c"}}])
    with pytest.raises(UnsupportedParamsError, match="search_context_size"):
        body(web_search_options={"search_context_size": "low"})


def choosing(choice: Any, **of_function: Any) -> Any:
    found = body(tools=[function(**of_function)], tool_choice=choice).get("toolConfig", {})
    return found.get("functionCallingConfig")


def test_the_choice_among_tools() -> None:
    named = {"type": "function", "function": {"name": "f"}}
    allowed = {"mode": "auto", "tools": [named]}
    assert choosing(None) is None
    assert choosing("auto") == {"mode": "AUTO"}
    assert choosing("required") == {"mode": "ANY"}
    assert choosing("none") == {"mode": "NONE"}
    assert choosing(named) == {"mode": "ANY", "allowedFunctionNames": ["f"]}
    assert choosing({"type": "allowed_tools", "allowed_tools": allowed}) == {
        "mode": "VALIDATED",
        "allowedFunctionNames": ["f"],
    }


def test_strict_functions_are_validated() -> None:
    assert choosing(None, strict=True) == {"mode": "VALIDATED"}
    assert choosing("auto", strict=True) == {"mode": "VALIDATED"}
    assert choosing("required", strict=True) == {"mode": "ANY"}

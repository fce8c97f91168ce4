"""The parameters of a call in Google's words: generationConfig, and what stands beside it.

What OpenAI has no name for is Google's own, in camelCase or in snake_case: it goes into generationConfig where that is
its place, else to the top of the request (`safety_settings`, `cached_content`, `labels`, …).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.dialects.gemini.schemas import cleaned
from router_core.dialects.gemini.thinking import thinking_config
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.parameters import words

_SAME = {
    "temperature": "temperature",
    "top_p": "topP",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_OWN = words(
    "audioTimestamp audioTranscriptionConfig candidateCount enableAffectiveDialog enableEnhancedCivicAnswers"
    " frequencyPenalty imageConfig maxOutputTokens mediaResolution modelSelectionConfig presencePenalty responseFormat"
    " responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema routingConfig seed"
    " speechConfig stopSequences temperature thinkingConfig topK topP translationConfig"
)
_ELSEWHERE = words(
    "messages tools tool_choice parallel_tool_calls stream stream_options web_search_options service_tier stop"
    " modalities audio response_format reasoning_effort thinking"
)
_TIERS = {"auto": None, "default": "standard"}


def configured(body: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The request's fields besides contents, systemInstruction and tools. Raises BadRequestError."""
    given = {name: value for name, value in body.items() if value is not None}
    top: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for name, value in given.items():
        if name in _SAME:
            config[_SAME[name]] = value
        elif name not in _ELSEWHERE:
            own = camel(name)
            (config if own in _OWN else top)[own] = value
    tier = _TIERS.get(given.get("service_tier", "auto"), given.get("service_tier"))
    if tier:
        top["serviceTier"] = tier
    config = {**top.pop("generationConfig", {}), **config, **_translated(given, model)}
    return {**top, "generationConfig": config} if config else top


def _translated(given: Mapping[str, Any], model: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if "stop" in given:
        said["stopSequences"] = [given["stop"]] if isinstance(given["stop"], str) else list(given["stop"])
    if "modalities" in given:
        said["responseModalities"] = [one.upper() for one in given["modalities"]]
    if "audio" in given:
        said["speechConfig"] = _speech(given["audio"])
    if "response_format" in given:
        said.update(_format(given["response_format"]))
    thinking = thinking_config(given.get("reasoning_effort"), given.get("thinking"), model)
    return {**said, "thinkingConfig": thinking} if thinking else said


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    kind = wanted.get("type")
    if kind == "text":
        return {}
    if kind == "json_object":
        return {"responseMimeType": "application/json"}
    if kind == "json_schema" and isinstance(wanted.get("json_schema"), Mapping):
        schema = wanted["json_schema"].get("schema")
        return {"responseMimeType": "application/json", **({"responseJsonSchema": cleaned(schema)} if schema else {})}
    raise BadRequestError("response_format must have the type text, json_object or json_schema")


def _speech(audio: Mapping[str, Any]) -> dict[str, Any]:
    if audio.get("format", "pcm16") != "pcm16":
        raise UnsupportedParamsError("Gemini speaks pcm16 only (audio.format)", params=["audio.format"])
    return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": audio.get("voice")}}}


def camel(name: str) -> str:
    """Google's own spelling: snake_case means the same there."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)

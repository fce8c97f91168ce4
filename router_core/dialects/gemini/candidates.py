"""Google's candidates as OpenAI's messages, whole or in part, and what else an answer says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from router_core.dialects import compose
from router_core.dialects.gemini.made import audio_of, image_of
from router_core.providers.dialect import UpstreamFailure

FILTERED = re.compile("SAFETY|RECITATION|PROHIBITED_CONTENT|BLOCKLIST|SPII|MODEL_ARMOR")
_PLAIN = {"STOP": "stop", "MAX_TOKENS": "length"}
_READ = frozenset({"content", "finishReason", "finishMessage", "index", "tokenCount", "logprobsResult"})
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def message_of(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fields of a message (or of a delta) that these parts make.

    So that it can be given back, `provider_specific_fields` keeps what OpenAI has no place for: in `parts` the code
    that Google ran and its results, in `thought_signature` the signature of the text.
    """
    message: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for part in parts:
        kind = part.get("inlineData", {}).get("mimeType", "")
        if "text" in part:
            name = "reasoning_content" if part.get("thought") else "content"
            message[name] = message.get(name, "") + part["text"]
            if part.get("thoughtSignature"):
                fields["thought_signature"] = part["thoughtSignature"]
        elif "functionCall" in part:
            message.setdefault("tool_calls", []).append(_call(part))
        elif kind.startswith("image/") and not part.get("thought"):
            message.setdefault("images", []).append(image_of(part, len(message.get("images", ()))))
        elif kind.startswith("audio/"):
            message["audio"] = audio_of(part, message.get("audio"))
        else:
            fields.setdefault("parts", []).append(part)
    return {**message, "provider_specific_fields": fields} if fields else message


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    call = part["functionCall"]
    signature = part.get("thoughtSignature")
    extra = {"provider_specific_fields": {"thought_signature": signature}} if signature else {}
    return compose.tool_call(
        call.get("id", ""), call["name"], json.dumps(call.get("args") or {}, ensure_ascii=False), **extra
    )


def finish_reason(candidate: Mapping[str, Any], calls: bool) -> str | None:
    """OpenAI's word for why a candidate ended; None where it has not."""
    reason = candidate.get("finishReason")
    if reason is None:
        return None
    if FILTERED.search(reason):
        return "content_filter"
    return "tool_calls" if calls and reason == "STOP" else _PLAIN.get(reason, "stop")


def choice_extras(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """What a choice has besides its message: logprobs, `provider_specific_fields` (all that OpenAI has no name for)."""
    fields = {_WORD.sub("_", name).lower(): value for name, value in candidate.items() if name not in _READ and value}
    if candidate.get("finishReason") not in (None, *_PLAIN):
        fields["native_finish_reason"] = candidate["finishReason"]
        if candidate.get("finishMessage"):
            fields["finish_message"] = candidate["finishMessage"]
    extras: dict[str, Any] = {"provider_specific_fields": fields} if fields else {}
    if candidate.get("logprobsResult"):
        extras["logprobs"] = {"content": _logprobs(candidate["logprobsResult"])}
    return extras


def _logprobs(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    chosen = result.get("chosenCandidates") or []
    tops = result.get("topCandidates") or [{}] * len(chosen)
    return [
        {**_token(one), "top_logprobs": [_token(other) for other in top.get("candidates") or ()]}
        for one, top in zip(chosen, tops, strict=False)
    ]


def _token(one: Mapping[str, Any]) -> dict[str, Any]:
    token = one.get("token", "")
    return {"token": token, "logprob": one.get("logProbability", 0.0), "bytes": list(token.encode())}


def refuse_blocked(answer: Mapping[str, Any]) -> None:
    """Raises UpstreamFailure where Google refused the prompt: a 200 with a reason instead of candidates."""
    feedback = answer.get("promptFeedback") or {}
    if feedback.get("blockReason") and not answer.get("candidates"):
        raise blocked(feedback["blockReason"], feedback.get("blockReasonMessage"))


def blocked(reason: str, message: str | None) -> UpstreamFailure:
    """A refusal for the content, as the classifier knows it."""
    said = f"refused for its content: {reason}" + (f": {message}" if message else "")
    return UpstreamFailure(
        {"error": {"code": 400, "type": "content_policy_violation", "status": reason, "message": said}}
    )

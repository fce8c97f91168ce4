"""Cohere's answers as OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router_core.answering.answers import ChatCompletion
from router_core.dialects import compose
from router_core.providers.dialect import UpstreamFailure

_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
}
_BROKEN = {"ERROR": "server_error", "TIMEOUT": "timeout_error"}
_SAYS_MORE = {"STOP_SEQUENCE", "ERROR_LIMIT", "ERROR_TOXIC"}


def answer(body: Mapping[str, Any], model: str) -> ChatCompletion:
    """A whole answer. Raises UpstreamFailure where the model broke off; KeyError and the like where it is none."""
    message = _message(body["message"])
    finish, more = finish_of(body)
    pieces = body.get("logprobs")
    if pieces is not None:
        more["logprobs"] = {"content": logprobs(pieces)}
    return compose.completion(
        model, [compose.choice(message, finish, **more)], usage_of(body.get("usage")), id=body.get("id")
    )


def finish_of(ended: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """OpenAI's word, and Cohere's own among the further fields of the choice where it says more."""
    own = ended["finish_reason"]
    if own in _BROKEN:
        said = ended.get("error") or f"the model ended with {own}"
        raise UpstreamFailure({"error": {"message": said, "type": _BROKEN[own]}})
    more = (
        {"provider_specific_fields": {"native_finish_reason": own}} if own in _SAYS_MORE or own not in _FINISH else {}
    )
    return _FINISH.get(own, "stop"), more


def usage_of(counted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What went through the model, hidden prompts included; `billed_units` beside it is what is paid for."""
    counted = counted or {}
    billed = counted.get("billed_units")
    tokens = counted.get("tokens") or billed or {}
    usage = compose.usage(
        _whole(tokens.get("input_tokens")),
        _whole(tokens.get("output_tokens")),
        cached=_whole(counted.get("cached_tokens")),
    )
    return {**usage, "billed_units": billed} if usage and billed else usage


def logprobs(pieces: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Cohere counts pieces of text, of one token or more: the logarithm of a piece's probability is their sum."""
    return [
        {
            "token": piece.get("text") or "",
            "logprob": sum(piece.get("logprobs") or ()),
            "bytes": list((piece.get("text") or "").encode()),
            "top_logprobs": [],
        }
        for piece in pieces
    ]


def _message(said: Mapping[str, Any]) -> dict[str, Any]:
    parts = said.get("content") or ()
    plan, thoughts = said.get("tool_plan"), [part["thinking"] for part in parts if part["type"] == "thinking"]
    message: dict[str, Any] = {}
    texts = [part["text"] for part in parts if part["type"] == "text"]
    if texts:
        message["content"] = "".join(texts)
    if thoughts or plan:
        message["reasoning_content"] = "".join((*thoughts, plan or ""))
    if thoughts:
        message["thinking_blocks"] = [{"type": "thinking", "thinking": thought} for thought in thoughts]
    if said.get("tool_calls"):
        message["tool_calls"] = [_call(call) for call in said["tool_calls"]]
    fields = {name: said[name] for name in ("tool_plan", "citations") if said.get(name)}
    return {**message, "provider_specific_fields": fields} if fields else message


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return compose.tool_call(call.get("id") or "", function["name"], function.get("arguments") or "{}")


def _whole(count: float | None) -> int | None:
    return None if count is None else int(count)

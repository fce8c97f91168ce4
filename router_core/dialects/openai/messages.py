"""A conversation as one OpenAI-compatible server takes it.

The assistant's messages in it may come from several providers, and each adds to its answers what OpenAI does not know:
its reasoning, annotations, signatures. Strict servers refuse what they do not know, so an addition goes only to those
that have a name for it. The same holds for `cache_control`, a hint that changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router_core.dialects.conversation import plain
from router_core.errors import BadRequestError

_REASONING = ("reasoning_content", "reasoning")
_ADDITIONS = frozenset(
    {
        *_REASONING,
        "annotations",
        "cache_control",
        "provider_specific_fields",
        "reasoning_details",
        "thinking_blocks",
    }
)
_HINTS = frozenset({"cache_control"})
_OF_CALLS = frozenset({"index", "provider_specific_fields"})  # answers have them, requests do not


@dataclass(frozen=True)
class Manner:
    """What a server understands of messages beyond OpenAI's.

    `roles`: names it lacks, and what it calls them. `reasoning`: what it calls the reasoning of an earlier answer;
    None where it takes none back. `keeps`: further additions it takes.
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    reasoning: str | None = None
    keeps: frozenset[str] = frozenset()
    drops: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "drops", _ADDITIONS - self.keeps)


def sendable(messages: Any, manner: Manner) -> Sequence[Any]:
    """The messages for a server of this manner; those that need no change are the caller's own.

    Raises BadRequestError for what are no messages.
    """
    if isinstance(messages, str) or not isinstance(messages, Sequence):
        raise BadRequestError("messages must be a list of messages")
    return [
        message if type(message) is dict and _is_plain(message, manner) else _message(plain(message), index, manner)
        for index, message in enumerate(messages)
    ]


def without_hints(tools: Any, manner: Manner) -> Any:
    """The tools; without `cache_control` where the server does not know it."""
    if _HINTS.isdisjoint(manner.drops) or not isinstance(tools, Sequence):
        return tools
    return [_without(plain(tool), _HINTS) for tool in tools]


def _message(message: Any, index: int, manner: Manner) -> Any:
    if not isinstance(message, Mapping):
        raise BadRequestError(f"messages[{index}] must be a dict with a role")
    sent = {k: v for k, v in message.items() if k not in manner.drops and (v is not None or k == "content")}
    role = manner.roles.get(message.get("role", ""))
    if role:
        sent["role"] = role
    said = next((message[name] for name in _REASONING if message.get(name) is not None), None)
    if manner.reasoning and said is not None:
        sent[manner.reasoning] = said
    if message.get("tool_calls"):
        sent["tool_calls"] = [_without(plain(call), _OF_CALLS) for call in message["tool_calls"]]
    elif "tool_calls" in sent:
        del sent["tool_calls"]  # an empty list is refused
    if isinstance(sent.get("content"), list):
        sent["content"] = [_part(plain(part), manner) for part in sent["content"]]
    return sent


def _part(part: Any, manner: Manner) -> Any:
    """A part of a content, in full where it is in LiteLLM's short forms: a text, a URL, a file with its `format`."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        return part
    kind = part.get("type")
    if kind == "image_url" and isinstance(part["image_url"], str):
        part = {**part, "image_url": {"url": part["image_url"]}}
    elif kind in ("image_url", "file") and "format" in part[kind]:
        part = {**part, kind: _without(part[kind], frozenset({"format"}))}
    return _without(part, _HINTS & manner.drops)


def _is_plain(message: Mapping[str, Any], manner: Manner) -> bool:
    """A text and a role that every server knows, and nothing beside them: nearly all messages."""
    return len(message) == 2 and type(message.get("content")) is str and message.get("role") not in manner.roles


def _without(value: Any, names: frozenset[str]) -> Any:
    if not isinstance(value, Mapping) or names.isdisjoint(value):
        return value
    return {name: item for name, item in value.items() if name not in names}

"""OpenAI's messages taken apart, for dialects that say the same in other words.

    for turn in turns(call.body["messages"]):
        turn.role, turn.parts, turn.tool_uses …

Whatever has no place in these records is an UnsupportedParamsError that names it: nothing is lost silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from router_core.errors import BadRequestError, UnsupportedParamsError

Role = Literal["system", "user", "assistant", "tool"]
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


@dataclass(frozen=True, slots=True)
class Media:
    """Where bytes are: `data` in base64 with its `media_type`, or else a `url`, or a `file_id` of the provider's."""

    data: str | None = field(default=None, repr=False)
    media_type: str | None = None
    url: str | None = field(default=None, repr=False)
    file_id: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of content. `where` names it for errors; `extra` are keys in it that OpenAI does not know."""

    kind: Literal["text", "refusal", "image", "audio", "file"]
    where: str
    text: str = field(default="", repr=False)
    media: Media = Media()
    name: str | None = None
    detail: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def unsupported(self, provider: str, why: str = "") -> UnsupportedParamsError:
        """The error of a dialect that has no place for this part."""
        message = f"{provider} takes no {self.kind} in {self.where}" + (f": {why}" if why else "")
        return UnsupportedParamsError(message, params=[self.where], llm_provider=provider)


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call the model made. `arguments`: as an object; `{}` where it wrote none."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `raw` has what only some dialects read: reasoning_content, thinking_blocks, cache_control, …"""

    role: Role
    where: str
    parts: Sequence[Part]
    tool_uses: Sequence[ToolUse] = ()
    tool_call_id: str | None = None
    name: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def text(self) -> str:
        """The text of its text parts."""
        return "".join(part.text for part in self.parts if part.kind in ("text", "refusal"))


def turns(messages: Any) -> list[Turn]:
    """The messages of a call. Raises BadRequestError naming the one that is none."""
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise BadRequestError("messages must be a list of messages")
    return [_turn(plain(message), f"messages[{index}]") for index, message in enumerate(messages)]


def plain(value: Any) -> Any:
    """A pydantic object (openai's messages) as a dict; anything else as it is."""
    return value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value


def _turn(message: Any, where: str) -> Turn:
    role = _ROLES.get(message.get("role", "")) if isinstance(message, Mapping) else None
    if role is None:
        raise BadRequestError(f"{where} must be a dict with a role, one of {', '.join(_ROLES)}")
    uses = [_use(plain(one), f"{where}.tool_calls[{i}]") for i, one in enumerate(message.get("tool_calls") or ())]
    if message.get("function_call"):
        uses.append(_use({"id": "", "function": message["function_call"]}, f"{where}.function_call"))
    call_id = message.get("tool_call_id")
    if role == "tool" and call_id is None:
        call_id = message.get("name")  # the old function messages have no id
    said = parts(message.get("content"), f"{where}.content")
    if message.get("refusal"):  # an answer's own place for it
        said.append(Part("refusal", f"{where}.refusal", text=message["refusal"]))
    return Turn(
        role=role,
        where=where,
        parts=said,
        tool_uses=uses,
        tool_call_id=call_id,
        name=message.get("name"),
        raw=message,
    )


def parts(content: Any, where: str) -> list[Part]:
    """The pieces of a content: a text, or a list of parts."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Part("text", where, text=content)]
    if not isinstance(content, Sequence):
        raise BadRequestError(f"{where} must be a text or a list of parts")
    return [_part(plain(part), f"{where}[{index}]") for index, part in enumerate(content)]


def _part(part: Any, where: str) -> Part:
    if isinstance(part, str):
        return Part("text", where, text=part)
    kind = part.get("type") if isinstance(part, Mapping) else None
    extra = {k: v for k, v in part.items() if k not in ("type", kind)} if isinstance(part, Mapping) else {}
    if kind in ("text", "refusal"):
        return Part(kind, where, text=part.get(kind) or "", extra=extra)
    if kind == "image_url":
        image = part["image_url"] if isinstance(part["image_url"], Mapping) else {"url": part["image_url"]}
        extra |= {k: v for k, v in image.items() if k not in ("url", "detail", "format")}
        found = media(image["url"], image.get("format"))
        return Part("image", where, media=found, detail=image.get("detail"), extra=extra)
    if kind == "input_audio":
        audio = part["input_audio"]
        return Part("audio", where, media=Media(audio["data"], f"audio/{audio.get('format', 'wav')}"), extra=extra)
    if kind == "file":
        file = part["file"]
        extra |= {k: v for k, v in file.items() if k not in ("file_data", "file_id", "filename", "format")}
        data, kind_of = file.get("file_data"), file.get("format")
        found = media(data, kind_of) if data else Media(media_type=kind_of, file_id=file.get("file_id"))
        return Part("file", where, media=found, name=file.get("filename"), extra=extra)
    raise UnsupportedParamsError(f"{where}: a part of type {kind!r} is not known", params=[where])


def media(url: str, media_type: str | None = None) -> Media:
    """A data: URL taken apart, or any other URL as it is; `media_type` (LiteLLM's `format`) says what it is."""
    if not url.startswith("data:"):
        return Media(url=url, media_type=media_type)
    head, _, data = url[5:].partition(",")
    return Media(data, media_type or head.partition(";")[0] or "application/octet-stream")


def _use(call: Mapping[str, Any], where: str) -> ToolUse:
    function = call.get("function")
    if not isinstance(function, Mapping) or not function.get("name"):
        raise BadRequestError(f"{where} must have a function with a name")
    arguments = function.get("arguments") or "{}"
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        parsed = None
    if not isinstance(parsed, Mapping):
        raise BadRequestError(f"{where}.function.arguments must be a JSON object")
    return ToolUse(call.get("id") or "", function["name"], parsed, call)

"""The request of a Responses call as that of a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router_core.answering.deltas import grow
from router_core.dialects.conversation import plain
from router_core.errors import BadRequestError, UnsupportedParamsError

_PART_NAMES = {
    "input_text": "text",
    "output_text": "text",
    "text": "text",
    "refusal": "refusal",
    "input_image": "image",
    "input_file": "file",
    "input_audio": "audio",
}
_OF_OUTPUT = frozenset({"type", "text", "annotations", "logprobs"})  # of parts that a model wrote


def messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`instructions` and `input` as chat messages. Raises UnsupportedParamsError naming an item that chat lacks."""
    conversation = _Conversation()
    if body.get("instructions"):
        conversation.messages.append({"role": "system", "content": body["instructions"]})
    given = body.get("input")
    if isinstance(given, str):
        conversation.messages.append({"role": "user", "content": given})
    elif isinstance(given, Sequence):
        for index, item in enumerate(given):
            conversation.add(plain(item), f"input[{index}]")
    else:
        raise BadRequestError("input must be a text or a list of items")
    return conversation.messages


class _Conversation:
    """What the assistant did in one turn, item by item, is one message in a chat."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def add(self, item: Any, where: str) -> None:
        if not isinstance(item, Mapping):
            raise BadRequestError(f"{where} must be a dict")
        kind = item.get("type") or "message"
        if kind == "message":
            self._message(item, where)
        elif kind == "reasoning":
            self._reasoning(item)
        elif kind == "function_call":
            self._call(item, where)
        elif kind == "function_call_output":
            content = _content(item.get("output"), f"{where}.output", joined=True)
            self.messages.append({"role": "tool", "tool_call_id": _of(item, "call_id", where), "content": content})
        else:
            raise UnsupportedParamsError(f"{where}: items of type {kind!r} cannot be kept over chat", params=[where])

    def _message(self, item: Mapping[str, Any], where: str) -> None:
        role = item.get("role")
        if role not in ("user", "system", "developer", "assistant"):
            raise BadRequestError(f"{where} must have a role: user, assistant, system or developer")
        content = _content(item.get("content"), f"{where}.content", joined=role == "assistant")
        if role == "assistant" and self._turn()["content"] is None:
            self.messages[-1]["content"] = content
        else:
            self.messages.append({"role": role, "content": content})

    def _reasoning(self, item: Mapping[str, Any]) -> None:
        """Its text and its blocks. What another model has encrypted nobody but that model can read."""
        parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
        for name, value in (
            ("reasoning_content", "".join(part.get("text") or "" for part in parts)),
            ("thinking_blocks", item.get("thinking_blocks")),
        ):
            if value:
                grow(self._turn(), name, value)

    def _call(self, item: Mapping[str, Any], where: str) -> None:
        function = {"name": _of(item, "name", where), "arguments": item.get("arguments") or "{}"}
        call = {"id": _of(item, "call_id", where), "type": "function", "function": function}
        grow(call, "provider_specific_fields", item.get("provider_specific_fields"))
        self._turn().setdefault("tool_calls", []).append(call)

    def _turn(self) -> dict[str, Any]:
        """The assistant's message that goes on, or a new one."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self.messages.append({"role": "assistant", "content": None})
        return self.messages[-1]


def _of(item: Mapping[str, Any], name: str, where: str) -> Any:
    if item.get(name) is None:
        raise BadRequestError(f"{where} must have {name}")
    return item[name]


def _content(content: Any, where: str, joined: bool = False) -> Any:
    """A text, or chat's parts; `joined`: as one text where all of them are no more than that."""
    if isinstance(content, str) or content is None:
        return content or ""
    parts = [_part(plain(part), f"{where}[{index}]") for index, part in enumerate(content)]
    if joined and all(part.keys() == {"type", "text"} for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _part(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = _PART_NAMES.get(part.get("type", ""))
    if kind == "text":
        extra = {name: value for name, value in part.items() if name not in _OF_OUTPUT}
        return {"type": "text", "text": _of(part, "text", where), **extra}
    if kind == "refusal":
        return {"type": "refusal", "refusal": _of(part, "refusal", where)}
    if kind == "audio":
        return dict(part)
    if kind == "image" and part.get("image_url"):
        image = {"url": part["image_url"], "detail": part.get("detail")}
        return _media(part, "image_url", {name: value for name, value in image.items() if value})
    if kind == "file":
        data = part.get("file_data") or part.get("file_url")
        file = {"file_data": data, "file_id": part.get("file_id"), "filename": part.get("filename")}
        return _media(part, "file", {name: value for name, value in file.items() if value})
    raise UnsupportedParamsError(f"{where}: a {part.get('type')} like this cannot be kept over chat", params=[where])


def _media(part: Mapping[str, Any], kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    known = {"type", "image_url", "detail", "file_data", "file_url", "file_id", "filename"}
    return {"type": kind, kind: value, **{name: extra for name, extra in part.items() if name not in known}}

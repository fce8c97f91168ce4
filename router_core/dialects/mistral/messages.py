"""OpenAI's messages as Mistral takes them; it refuses what it does not know.

It has no names of participants, which are left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from router_core.dialects.conversation import plain
from router_core.dialects.openai.messages import Manner
from router_core.errors import UnsupportedParamsError

MANNER = Manner(
    roles={"developer": "system", "function": "tool"},
    reasoning="reasoning_content",
    keeps=frozenset({"thinking_blocks"}),
)
_KNOWN = frozenset({"role", "content", "tool_calls", "tool_call_id", "prefix", "reasoning_content", "thinking_blocks"})
_ID = re.compile(r"[a-zA-Z0-9]{9}")


def messages(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `openai.messages.sendable` made with this `MANNER`. Raises UnsupportedParamsError naming the place."""
    return [_message(message, f"messages[{index}]") for index, message in enumerate(given)]


def _message(message: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = _KNOWN | {"name"} if message.get("role") == "tool" else _KNOWN
    for name, value in message.items():
        if name not in known and name not in ("name", "refusal") and value:
            raise _unsupported(f"{where}.{name}")
    sent = {name: value for name, value in message.items() if name in known}
    if message.get("refusal") and not sent.get("content"):
        sent["content"] = message["refusal"]
    thoughts = _thoughts(sent.pop("reasoning_content", None), sent.pop("thinking_blocks", None))
    if isinstance(sent.get("content"), list):
        sent["content"] = [_part(part, f"{where}.content[{index}]") for index, part in enumerate(sent["content"])]
    if thoughts:
        sent["content"] = [*thoughts, *_parts(sent.get("content"))]
    if "tool_calls" in sent:
        sent["tool_calls"] = [{**call, "id": tool_call_id(call.get("id") or "")} for call in sent["tool_calls"]]
    if message.get("role") == "tool":
        sent["tool_call_id"] = tool_call_id(sent.get("tool_call_id") or sent.get("name") or "")
    return sent


def tool_call_id(id: str) -> str:
    """An id as it is, or, where another provider made it, nine characters that are always the same for it."""
    return id if _ID.fullmatch(id) else hashlib.sha256(id.encode()).hexdigest()[:9]


def _thoughts(text: str | None, blocks: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Thinking of earlier answers; what another provider hid (redacted blocks) means nothing here."""
    shown = [block for block in map(plain, blocks or ()) if block.get("type") == "thinking"]
    if not shown and text:
        shown = [{"thinking": text}]
    signed = [({"signature": block["signature"]} if block.get("signature") else {}) for block in shown]
    return [
        {"type": "thinking", "thinking": [{"type": "text", "text": block["thinking"]}], **signature}
        for block, signature in zip(shown, signed, strict=True)
    ]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content or ())


def _part(part: Any, where: str) -> Any:
    """A part in Mistral's words; its own kinds (`document_url`, `reference`, `thinking`) as they are."""
    part = {"type": "text", "text": part} if isinstance(part, str) else plain(part)
    kind = part.get("type")
    if kind == "refusal":
        return {"type": "text", "text": part["refusal"]}
    if kind == "input_audio" and isinstance(part["input_audio"], Mapping):
        return {"type": "input_audio", "input_audio": part["input_audio"]["data"]}
    if kind == "file" and isinstance(part.get("file"), Mapping):
        return _file(part["file"], where)
    return part


def _file(file: Mapping[str, Any], where: str) -> dict[str, Any]:
    if file.get("file_id"):
        return {"type": "file", "file_id": file["file_id"]}
    if not file.get("file_data"):
        raise _unsupported(where)
    name = {"document_name": file["filename"]} if file.get("filename") else {}
    return {"type": "document_url", "document_url": file["file_data"], **name}


def _unsupported(where: str) -> UnsupportedParamsError:
    return UnsupportedParamsError(f"Mistral does not take {where}", params=[where], llm_provider="mistral")

"""What the tests of this format say to it, and hear from it."""

from __future__ import annotations

import json
from typing import Any

import httpx

from router_core.dialects.gemini.chat import Chat
from router_core.providers.base import Call
from router_core.providers.dialect import Dialect, Reply

FLASH = "gemini-2.5-flash"
NEW = "gemini-3-flash-preview"
HI = [{"role": "user", "content": "hi"}]
COUNTED = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}


def body(messages: Any = HI, model: str = FLASH, **parameters: Any) -> Any:
    """The body of a chat request."""
    return Chat().encode(Call("chat", {"messages": messages, **parameters}), model).body


def config(model: str = FLASH, **parameters: Any) -> Any:
    """Its generationConfig."""
    return body(model=model, **parameters).get("generationConfig", {})


def reply(payload: Any) -> Reply:
    return Reply(httpx.Headers(), json.dumps(payload).encode())


def answered(*parts: Any, finish: str | None = "STOP", counted: Any = COUNTED, **candidate: Any) -> dict[str, Any]:
    """An answer as Google sends it, with one candidate."""
    content = {"content": {"role": "model", **({"parts": list(parts)} if parts else {})}}
    ended = {"finishReason": finish} if finish else {}
    return {
        "candidates": [{**content, **ended, "index": 0, **candidate}],
        "usageMetadata": counted,
        "modelVersion": "gemini-2.5-flash-001",
        "responseId": "r1",
    }


def heard(payload: Any, dialect: Dialect | None = None, model: str = FLASH, **parameters: Any) -> Any:
    """What we make of a whole answer."""
    return (dialect or Chat()).decode(Call("chat", parameters), model, reply(payload))

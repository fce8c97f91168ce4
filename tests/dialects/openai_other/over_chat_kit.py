"""A Responses API over a chat, for tests of both ways."""

from __future__ import annotations

from typing import Any

from router_core.dialects.openai.chat import Chat
from router_core.dialects.responses_over_chat import ResponsesOverChat
from router_core.dialects.responses_over_chat_input import messages as chat_messages

OVER = ResponsesOverChat(Chat())
BLOCK = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
LOOK = {"type": "function", "name": "look", "description": "d", "parameters": {"type": "object"}, "strict": True}


def messages(*items: Any, **body: Any) -> Any:
    """The messages of a chat that these items become."""
    return chat_messages({"input": list(items), **body})

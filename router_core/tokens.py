"""How many tokens a call will use, guessed before it is sent, so that they can be reserved.

Characters / 4 + 4 per message, constants for images and tools: about 13 % median error on recorded traffic,
and a tokenizer is hardly better. What was guessed wrong is corrected when the call settles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CHARACTERS_PER_TOKEN = 4
PER_MESSAGE = 4
PER_IMAGE = 765  # OpenAI's high-detail tile price of a 1024 x 1024 picture
PER_FILE = 1500
TOOLS_PROMPT = 130  # the hidden prompt that explains tools to the model, at its shortest
DEFAULT_OUTPUT = 256
LEARNING = 0.05  # weight of the newest answer in the learned length


def input_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of everything in a request body that the model reads: messages or input, and tools."""
    total = _text(body.get("input")) + _text(body.get("prompt"))
    for message in body.get("messages") or ():
        total += PER_MESSAGE + _message(message)
    tools = body.get("tools")
    if tools:
        total += TOOLS_PROMPT + len(str(tools)) // CHARACTERS_PER_TOKEN
    return total


def text_tokens(characters: int) -> int:
    """Tokens of so many characters, at least one if there are any."""
    return -(-characters // CHARACTERS_PER_TOKEN)


class OutputLengths:
    """The usual length of an answer per model group, learned by this worker from what it saw."""

    def __init__(self) -> None:
        self._usual: dict[str, float] = {}

    def expect(self, group: str, body: Mapping[str, Any]) -> int:
        """Output tokens to reserve: the usual length times `n`, never more than the caller allows."""
        usual = self._usual.get(group, DEFAULT_OUTPUT)
        allowed = body.get("max_completion_tokens") or body.get("max_tokens") or body.get("max_output_tokens")
        if isinstance(allowed, int) and allowed < usual:
            usual = allowed
        several = body.get("n")
        return max(1, int(usual * several if isinstance(several, int) and several > 1 else usual))

    def clear(self) -> None:
        """Begin anew."""
        self._usual.clear()

    def learn(self, group: str, tokens: int) -> None:
        """An answer of this group had so many output tokens."""
        usual = self._usual.get(group)
        self._usual[group] = tokens if usual is None else usual + LEARNING * (tokens - usual)


def _message(message: Any) -> int:
    if not isinstance(message, Mapping):
        return 0
    calls = message.get("tool_calls")
    return _text(message.get("content")) + (len(str(calls)) // CHARACTERS_PER_TOKEN if calls else 0)


def _text(content: Any) -> int:
    if isinstance(content, str):
        return text_tokens(len(content))
    if isinstance(content, Sequence) and not isinstance(content, bytes):
        if content and isinstance(content[0], int):
            return len(content)  # already tokens
        return sum(map(_part, content))
    return 0


def _part(part: Any) -> int:
    if isinstance(part, Mapping):
        kind = str(part.get("type", "text"))
        if "image" in kind:
            return PER_IMAGE
        if "file" in kind or "audio" in kind or "document" in kind:
            return PER_FILE
        return _text(part.get("text"))
    return _text(part)

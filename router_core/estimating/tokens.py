"""How many tokens a call will use, guessed before it is sent, so that they can be reserved.

Characters / 4 + 4 per message, constants for images and files; `fits.py` learns what providers add to that, and a
tokenizer is hardly better. What was guessed wrong is corrected when the call settles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router_core.providers.base import Kind

CHARACTERS_PER_TOKEN = 4
PER_MESSAGE = 4
PER_IMAGE = 765  # OpenAI's high-detail tile price of a 1024 x 1024 picture
PER_FILE = 1500
DEFAULT_OUTPUT = 256
LEARNING = 0.05  # weight of the newest answer in the learned length

# Where the prompt of a call is, whatever API defined it; `messages` are counted apart.
_PROMPTS = ("input", "prompt", "system", "instructions", "query", "documents")
_FORMATS = ("response_format", "text")
# Of a part or an item: what the model does not read as it stands.
_SILENT = frozenset(
    {"type", "role", "id", "call_id", "tool_call_id", "tool_use_id", "item_id", "status", "detail", "cache_control"}
    | {"signature", "encrypted_content", "data", "url", "file_data", "file_id", "filename", "media_type", "format"}
)


@dataclass(slots=True)
class Reading:
    """Everything in a request that the model reads. `media`: tokens of images and files; `counted`: given as tokens.

    `tools`: their definitions as text. `own_tools`: there are some of the provider's own, which bring in what nobody
    can guess.
    """

    texts: list[str] = field(default_factory=list, repr=False)
    messages: int = 0
    media: int = 0
    counted: int = 0
    tools: str = field(default="", repr=False)
    own_tools: bool = False

    @property
    def tokens(self) -> int:
        """The estimate."""
        characters = sum(map(len, self.texts)) + len(self.tools)
        return text_tokens(characters) + PER_MESSAGE * self.messages + self.media + self.counted


def read(body: Mapping[str, Any], kind: Kind = "chat") -> Reading:
    """The prompt of a call: messages, input, system, instructions, query, documents, tools, the answer's format."""
    found = Reading()
    if kind == "responses":  # these two are messages without a frame of their own
        found.messages = isinstance(body.get("input"), str) + bool(body.get("instructions"))
    for message in body.get("messages") or ():
        _message(message, found)
    for name in _PROMPTS:
        if value := body.get(name):
            _text(value, found)
    tools = body.get("tools") or body.get("functions")
    if tools:
        found.tools = str(tools)
        found.own_tools = not all(map(is_function, tools))
    for name in _FORMATS:
        if isinstance(body.get(name), Mapping):
            found.texts.append(str(body[name]))
    return found


def input_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of everything in a request body that the model reads."""
    return read(body).tokens


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


def _message(message: Any, found: Reading) -> None:
    if isinstance(message, Mapping):
        found.messages += 1
        content = message.get("content")
        if type(content) is str:
            found.texts.append(content)
        else:
            _text(content, found)
        for call in message.get("tool_calls") or ():
            _part(call, found)


def _text(content: Any, found: Reading) -> None:
    """A text, a list of parts, items or texts, or tokens as numbers."""
    if isinstance(content, str):
        found.texts.append(content)
    elif isinstance(content, Mapping):
        _part(content, found)
    elif isinstance(content, Sequence) and not isinstance(content, bytes | bytearray):
        if content and isinstance(content[0], int):
            found.counted += len(content)
            return
        for part in content:
            _text(part, found)


def _part(part: Mapping[str, Any], found: Reading) -> None:
    """A part of a message, a tool call, or an item of a Responses input, which may be a message itself."""
    kind = str(part.get("type", ""))
    found.messages += "role" in part
    if "image" in kind:
        found.media += PER_IMAGE
    elif "file" in kind or "audio" in kind or "document" in kind or "video" in kind:
        found.media += PER_FILE
    else:
        for name, value in part.items():
            if name in _SILENT:
                continue
            if isinstance(value, Mapping) and name in ("input", "arguments"):  # Anthropic's tool_use
                found.texts.append(json.dumps(value, ensure_ascii=False, default=str))
            else:
                _text(value, found)


def is_function(tool: Any) -> bool:
    """A tool the caller defined, in OpenAI's shape or Anthropic's."""
    return isinstance(tool, Mapping) and tool.get("type", "function") in ("function", "custom")

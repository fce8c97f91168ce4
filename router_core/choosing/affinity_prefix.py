"""What a prompt is known by: a hash of its beginning, the same for all calls that share it.

Providers and inference servers keep what they computed for the beginning of a prompt (tools, system, messages, in this
order). Which beginning says where a call belongs? Too short, and it is the system prompt that everybody sends: all
calls would want one deployment. Too long, and the next turn of a conversation has another. So beginnings of 1,024
characters (about 256 tokens), 2,048, 4,096 … and the one that ends with the first question are tried in turn, and the
first that is not too popular to live on one deployment is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

FIRST = 1024  # characters
MOST = 65536  # characters that are looked at
SPAN = 1024  # calls after which popularity is counted anew
LEAST = 16  # calls before a beginning can be popular
_BEFORE = ("system", "instructions")
_SPEAKER = {"system", "developer"}  # roles of what stands before the first question


class Popularity:
    """Which beginnings too many calls of this worker share. `share`: of all calls, that one deployment can have."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._calls = 0
        self._counts: dict[int, int] = {}
        self._popular: frozenset[int] | set[int] = set()

    def call(self) -> None:
        """A call begins."""
        self._calls += 1
        if self._calls > SPAN:
            # What is popular stays so until it clearly is not, or its calls would move to and fro.
            least = self._share * SPAN / 2
            self._popular = {key for key in self._popular if self._counts.get(key, 0) > least}
            self._calls, self._counts = 1, {}

    def has(self, key: int) -> bool:
        """Count one more call with this beginning; whether it is popular."""
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if key not in self._popular and count > LEAST + self._share * self._calls:
            self._popular = {*self._popular, key}
        return key in self._popular


def key_of(body: Mapping[str, Any], tools: str, popularity: Popularity) -> int | None:
    """Where a call belongs, 64 bits; None where all of its beginnings are everybody's, or it has none.

    `tools`: their definitions as text.
    """
    popularity.call()
    return next((key for key in beginnings(body, tools) if not popularity.has(key)), None)


def beginnings(body: Mapping[str, Any], tools: str = "") -> Iterator[int]:
    """Hashes of longer and longer beginnings of a prompt, made as they are asked for."""
    state, held, length, cut = blake2b(digest_size=8), "", 0, FIRST
    for text in _texts_of(body, tools):
        if text is None:
            if held:
                state.update(_bytes(held))
                held = ""
                yield int.from_bytes(state.digest())
            continue
        held += text[:MOST] + "\0"  # an end, so that no two lists of texts are alike
        length += min(len(text), MOST) + 1
        while length >= cut:
            whole = len(held) - (length - cut)
            state.update(_bytes(held[:whole]))
            yield int.from_bytes(state.digest())
            held, cut = held[whole:], cut * 2
            if cut > MOST:
                return


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _texts_of(body: Mapping[str, Any], tools: str) -> Iterator[str | None]:
    """What the model reads, in order; None where the first question ends."""
    if tools:
        yield tools
    for name in _BEFORE:
        if name in body:
            yield from _texts(body[name])
    turns = body.get("messages") or body.get("input") or body.get("prompt")
    asked = False
    for turn in turns if isinstance(turns, list | tuple) and not _is_tokens(turns) else (turns,):
        if type(turn) is dict and len(turn) == 2 and type(content := turn.get("content")) is str:
            yield str(turn.get("role"))
            yield content
        else:
            yield from _texts(turn)
        if not asked and not (isinstance(turn, Mapping) and turn.get("role") in _SPEAKER):
            asked = True
            yield None


def _texts(value: Any) -> Iterator[str]:
    """All texts in a message or a part of one, names left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        if _is_tokens(value):
            yield str(value[:MOST])
        else:
            for part in value:
                yield from _texts(part)
    elif value is not None and not isinstance(value, bytes | bytearray):
        yield str(value)


def _is_tokens(value: Sequence[Any]) -> bool:
    return bool(value) and isinstance(value[0], int)

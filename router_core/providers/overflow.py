"""What the text of an error says of a request that was too long.

Published windows are wrong or missing for some models; the text often states the true one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Overflow(NamedTuple):
    """Tokens of a request that was too long, and of the window it did not fit into; None where nobody said."""

    window: int | None = None
    requested: int | None = None


_NUMBER = r"\d[\d,_]*"
_W, _R = rf"(?P<window>{_NUMBER})", rf"(?P<requested>{_NUMBER})"

_TEXTS = tuple(
    re.compile(text, re.IGNORECASE | re.VERBOSE | re.DOTALL)
    for text in (
        # OpenAI, Azure, DeepSeek, OpenRouter, vLLM, Llama at Bedrock
        rf"maximum \s context \s length \s is \s {_W} \s tokens"
        r" (?: [.,]? \s however,? \s (?: your \s messages \s resulted \s in | you \s requested (?:\s about)? )"
        rf" \s {_R} )?",
        rf"(?: you \s passed \s {_R} \s input \s tokens .* )? context \s length \s is (?:\s only)? \s {_W} \s tokens",
        rf"prompt \s \(length \s {_R}\) .{{0,40}} maximum \s model \s length \s of \s {_W}",
        rf"maximum \s input \s length \s is \s {_W} \s tokens",
        # Anthropic, also at Bedrock and Vertex
        rf"too \s long: \s {_R} \s tokens \s > \s {_W}",
        rf"exceed \s context \s limit: \s (?P<input>{_NUMBER}) \s \+ \s (?P<output>{_NUMBER}) \s > \s {_W}",
        # Gemini, Vertex
        rf"token \s count (?: \s \({_R}\) )? \s exceeds .{{0,60}} allowed \s \(?{_W}",
        rf"token \s count \s is \s {_R} \s but .{{0,40}} supports \s up \s to \s {_W}",
        # Mistral, Cohere, Cerebras, xAI
        rf"contains \s {_R} \s tokens .{{0,60}} with \s {_W} \s maximum \s context",
        rf"cannot \s exceed \s {_W} (?: \s - \s received \s {_R} )?",
        rf"limit \s for \s this \s model \s is \s {_W} \s tokens",
        rf"current \s length \s is \s {_R} \s while \s limit \s is \s {_W}",
        rf"maximum \s prompt \s length \s is \s {_W} (?: .{{0,40}} contains \s {_R} \s tokens )?",
        # llama.cpp, TGI
        rf"(?: request \s \({_R} \s tokens\) \s )? exceeds? .{{0,20}} context \s size \s \({_W} \s tokens\)",
        rf"must \s have \s less \s than \s {_W} \s tokens (?: \. \s given: \s {_R} )?",
        rf"must \s be \s <= \s {_W} (?: \. \s given: \s (?P<input>{_NUMBER}) .{{0,40}} and \s (?P<output>{_NUMBER}) )?",
    )
)


def overflow(message: str, error: Mapping[str, Any] | None = None) -> Overflow:
    """What the error of a request that was too long says of its size. `error`: its object, for llama.cpp's fields."""
    if error and isinstance(error.get("n_ctx"), int):
        asked = error.get("n_prompt_tokens")
        return Overflow(error["n_ctx"], asked if isinstance(asked, int) else None)
    for pattern in _TEXTS:
        if found := pattern.search(message):
            parts = {name: _tokens(text) for name, text in found.groupdict().items() if text}
            both = parts["input"] + parts["output"] if "input" in parts and "output" in parts else None
            return Overflow(parts["window"], parts.get("requested", both))
    return Overflow()


def _tokens(text: str) -> int:
    return int(re.sub(r"\D", "", text))

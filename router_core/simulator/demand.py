"""What a request asks for: model, stream or not, tokens in and out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["chat", "completion", "embedding"]

_ENDINGS: tuple[tuple[str, Kind], ...] = (
    ("/chat/completions", "chat"),
    ("/completions", "completion"),
    ("/embeddings", "embedding"),
)
DEFAULT_MODEL = "sim-model"


class BadRequest(ValueError):
    """The request cannot be served; the message is what the caller reads, `param` the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Demand:
    """`output_tokens` is None where the request leaves the length open; `max_tokens` caps it."""

    kind: Kind
    model: str
    stream: bool
    input_tokens: int
    output_tokens: int | None
    max_tokens: int | None
    include_usage: bool
    inputs: int
    base64: bool
    dimensions: int | None


def kind_of(path: str) -> Kind | None:
    """By its ending, so that an `api_base` may carry any prefix; None: no such endpoint."""
    for ending, kind in _ENDINGS:
        if path.endswith(ending):
            return kind
    return None


def read(kind: Kind, headers: Mapping[str, str], body: bytes) -> Demand:
    """Raises BadRequest.

    Exact tokens come from `metadata: {"sim_input_tokens": "4808", "sim_output_tokens": "10"}` (text or numbers), else
    from the headers `x-sim-input-tokens` and `x-sim-output-tokens`; without them a token is four characters of text.
    """
    asked = _parse(body)
    model = asked.get("model", DEFAULT_MODEL)
    if not isinstance(model, str):
        raise BadRequest("Invalid type for 'model': expected a string.", "model")
    metadata = asked.get("metadata")
    told: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    input_tokens = _number(told.get("sim_input_tokens", headers.get("x-sim-input-tokens")), "sim_input_tokens")
    output_tokens = _number(told.get("sim_output_tokens", headers.get("x-sim-output-tokens")), "sim_output_tokens")
    most = asked.get("max_completion_tokens")
    options = asked.get("stream_options")
    stream = kind != "embedding" and asked.get("stream") is True
    content = _content(kind, asked)
    return Demand(
        kind=kind,
        model=model,
        stream=stream,
        input_tokens=input_tokens if input_tokens is not None else _count(content),
        output_tokens=output_tokens,
        max_tokens=_number(most if most is not None else asked.get("max_tokens"), "max_tokens"),
        include_usage=stream and isinstance(options, dict) and options.get("include_usage") is True,
        inputs=_inputs(content),
        base64=asked.get("encoding_format") == "base64",
        dimensions=_number(asked.get("dimensions"), "dimensions"),
    )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError:
        raise BadRequest("We could not parse the JSON body of your request.") from None
    if not isinstance(asked, dict):
        raise BadRequest("The body of your request has to be a JSON object.")
    return asked


def _content(kind: Kind, asked: Mapping[str, Any]) -> Any:
    name = {"chat": "messages", "completion": "prompt", "embedding": "input"}[kind]
    if name not in asked:
        raise BadRequest(f"Missing required parameter: '{name}'.", name)
    content = asked[name]
    if kind == "chat" and not isinstance(content, list):
        raise BadRequest("Invalid type for 'messages': expected an array of objects.", "messages")
    return content


def _count(content: Any) -> int:
    """Tokens of a prompt: whole numbers are tokens already, text has one for each four characters begun."""
    tokens, characters = _weigh(content)
    return tokens + (characters + 3) // 4


def _weigh(content: Any) -> tuple[int, int]:
    if isinstance(content, str):
        return 0, len(content)
    if isinstance(content, int):
        return 1, 0
    if isinstance(content, dict):
        return _weigh(content.get("content", content.get("text")))
    if isinstance(content, list):
        weights = [_weigh(part) for part in content]
        return sum(tokens for tokens, _ in weights), sum(characters for _, characters in weights)
    return 0, 0


def _inputs(content: Any) -> int:
    """How many inputs an embedding request has: a list of numbers is one input that is already tokens."""
    return len(content) if isinstance(content, list) and not (content and isinstance(content[0], int)) else 1


def _number(value: Any, name: str) -> int | None:
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise BadRequest(f"Invalid type for '{name}': expected a whole number.", name) from None
    if number < 0:
        raise BadRequest(f"Invalid value for '{name}': expected a number ≥ 0.", name)
    return number

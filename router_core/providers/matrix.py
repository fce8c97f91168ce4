"""What each provider can do, found by asking its dialects: a feature is there if a call with it can be written.

`python -m router_core.providers.matrix` writes MATRIX.md beside this file; a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from router_core.errors import BadRequestError
from router_core.providers import PROVIDERS
from router_core.providers.base import KINDS, Call, Kind
from router_core.providers.dialect import Dialect
from router_core.providers.provider import Provider

FILE = Path(__file__).with_name("MATRIX.md")

_HELLO = {"role": "user", "content": "hello"}
_PIXEL = "data:image/png;base64,iVBORw0KGgo="
_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
_SCHEMA = {"name": "s", "schema": {"type": "object", "properties": {"x": {"type": "string"}}}}
_USE = {"id": "call12345", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def _saying(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}, part]}]}


# A call without anything special, for each kind; and what may be special about a chat.
PLAIN: Mapping[Kind, Mapping[str, Any]] = {
    "chat": {"messages": [_HELLO]},
    "completion": {"prompt": "hello"},
    "embedding": {"input": "hello"},
    "responses": {"input": "hello"},
    "messages": {"messages": [_HELLO], "max_tokens": 1},
    "image_generation": {"prompt": "a cat"},
    "image_edit": {"prompt": "a cat", "image": ("a.png", b"\x89PNG", "image/png")},
    "transcription": {"file": ("a.wav", b"RIFF", "audio/wav")},
    "speech": {"input": "hello", "voice": "alloy"},
    "moderation": {"input": "hello"},
    "rerank": {"query": "hello", "documents": ["a", "b"]},
}
FEATURES: Mapping[str, Mapping[str, Any]] = {
    "system": {"messages": [{"role": "system", "content": "be kind"}, _HELLO]},
    "image": _saying({"type": "image_url", "image_url": {"url": _PIXEL}}),
    "image by URL": _saying({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    "file": _saying({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}),
    "audio": _saying({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
    "tools": {"tools": [_TOOL]},
    "tool_choice required": {"tools": [_TOOL], "tool_choice": "required"},
    "one tool at a time": {"tools": [_TOOL], "parallel_tool_calls": False},
    "tool results": {
        "tools": [_TOOL],
        "messages": [
            _HELLO,
            {"role": "assistant", "content": None, "tool_calls": [_USE]},
            {"role": "tool", "tool_call_id": "call12345", "content": "42"},
        ],
    },
    "json_object": {"response_format": {"type": "json_object"}},
    "json_schema": {"response_format": {"type": "json_schema", "json_schema": _SCHEMA}},
    "reasoning_effort": {"reasoning_effort": "low"},
    **{
        name: {name: value}
        for name, value in {
            "stop": ["x"],
            "seed": 1,
            "n": 2,
            "logprobs": True,
            "temperature": 0.5,
            "top_p": 0.5,
            "frequency_penalty": 0.5,
            "presence_penalty": 0.5,
            "logit_bias": {"1": 1},
            "user": "u",
            "metadata": {"a": "b"},
            "service_tier": "auto",
        }.items()
    },
}


def can(provider: Provider, kind: Kind, special: Mapping[str, Any], stream: bool = False) -> bool:
    """Whether such a call can be written for this provider."""
    dialect = provider.dialects.get(kind)
    return dialect is not None and _writes(dialect, Call(kind, {**PLAIN[kind], **special}, stream), provider.name)


def _writes(dialect: Dialect, call: Call, provider: str) -> bool:
    try:
        body = dialect.parameters.select(call.body, provider)
        dialect.encode(Call(call.kind, body, call.stream), "model")
        if call.stream:
            dialect.reader(call, "model")
    except BadRequestError:
        return False
    return True


def kinds() -> dict[str, dict[str, bool]]:
    """Provider -> kind of call, and `<kind> streamed` where it can be."""
    asked = [(kind if not stream else f"{kind} streamed", kind, stream) for stream in (False, True) for kind in KINDS]
    return {
        name: {title: can(provider, kind, {}, stream) for title, kind, stream in asked}
        for name, provider in sorted(PROVIDERS.items())
    }


def features() -> dict[str, dict[str, bool]]:
    """Provider -> feature of a chat call."""
    return {
        name: {title: can(provider, "chat", special) for title, special in FEATURES.items()}
        for name, provider in sorted(PROVIDERS.items())
        if "chat" in provider.dialects
    }


def markdown() -> str:
    """Both tables, made of what the adapters do."""
    return "\n".join(_text()) + "\n"


def _text() -> Iterator[str]:
    yield "# What each provider can do"
    yield ""
    yield "Made by `make docs` from the adapters: a mark means that such a call can be written. A model may refuse."
    yield "What has no mark is an UnsupportedParamsError; with `drop_params=True` a parameter without one is left out."
    yield ""
    yield "## Kinds of call (s: also streamed)"
    yield ""
    found = kinds()
    yield from _table(
        KINDS, {name: [_mark(row[kind], row[f"{kind} streamed"]) for kind in KINDS] for name, row in found.items()}
    )
    yield ""
    yield "## Chat"
    yield ""
    yield from _table(FEATURES, {name: [_mark(there) for there in row.values()] for name, row in features().items()})


def _mark(there: bool, streamed: bool = False) -> str:
    return ("yes, s" if streamed else "yes") if there else ""


def _table(columns: Any, rows: Mapping[str, list[str]]) -> Iterator[str]:
    yield "| provider | " + " | ".join(columns) + " |"
    yield "|---" * (len(list(columns)) + 1) + "|"
    for name, cells in rows.items():
        yield f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    FILE.write_text(markdown(), encoding="utf-8")
    sys.exit(0)

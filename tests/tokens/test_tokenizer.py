"""The exact tokenizer counts as OpenAI does, where it is asked for and the model is one of theirs."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from router_core.errors import ConfigurationError
from router_core.estimating import tokenizer
from router_core.estimating.tokens import read
from router_core.router import Router
from tests.config.helpers import entry, one

HELLO = {"messages": [{"role": "user", "content": "Say hello to everybody in the room, please."}]}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("openai/gpt-4o-mini", "o200k_base"),
        ("openai/gpt-5-nano", "o200k_base"),
        ("openai/o3-mini", "o200k_base"),
        ("openai/gpt-4-turbo", "cl100k_base"),
        ("openai/gpt-3.5-turbo", "cl100k_base"),
        ("openai/text-embedding-3-small", "cl100k_base"),
        ("openai/my-own", None),
        ("groq/gpt-4o", None),
    ],
)
def test_models_and_their_encodings(model: str, name: str | None) -> None:
    found = tokenizer.encoding_of([one(entry(model=model))])
    assert (found.name if found else None) == name


def test_a_group_of_several_encodings_has_none() -> None:
    both = [one(entry(model="openai/gpt-4o")), one(entry(model="openai/gpt-4"))]
    assert tokenizer.encoding_of(both) is None
    assert tokenizer.encoding_of([]) is None


@pytest.mark.slow
def test_messages_are_counted_with_their_frames() -> None:
    pytest.importorskip("toktok")
    reading = read(HELLO)
    assert tokenizer.count(reading, tokenizer.Encoding("o200k_base", 3)) == 10 + 4 + 3
    assert (
        tokenizer.count(read({"input": ["hello world", "x"]}, "embedding"), tokenizer.Encoding("cl100k_base", 3)) == 3
    )


def test_it_is_asked_for_and_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[dict[str, Any]] = [entry(model="openai/gpt-4o", api_key="k")]
    pytest.importorskip("toktok")
    assert Router(listed, redis_url="memory://", exact_tokens=True).settings.exact_tokens
    monkeypatch.setitem(sys.modules, "toktok", None)
    with pytest.raises(ConfigurationError, match=r"pip install router-core\[tokenizer\]"):
        Router(listed, redis_url="memory://", exact_tokens=True)
    Router(listed, redis_url="memory://")

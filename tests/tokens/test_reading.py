"""What a model reads is counted, wherever an API has it; what it does not read is not."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.estimating.tokens import PER_FILE, PER_IMAGE, PER_MESSAGE, OutputLengths, read

X = "x" * 40  # 10 tokens
USER = {"role": "user", "content": X}


@pytest.mark.parametrize(
    ("kind", "body", "tokens"),
    [
        ("chat", {"messages": [USER]}, 10 + PER_MESSAGE),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": X}]}]}, 10 + PER_MESSAGE),
        ("chat", {"messages": [{"role": "assistant", "content": None, "reasoning_content": X}]}, PER_MESSAGE),
        ("chat", {"messages": []}, 0),
        ("completion", {"prompt": [X, X]}, 20),
        ("completion", {"prompt": [1, 2, 3]}, 3),
        ("embedding", {"input": [[1, 2], [3]]}, 3),
        ("embedding", {"input": X}, 10),
        ("responses", {"input": X, "instructions": X}, 20 + 2 * PER_MESSAGE),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": X}]}]}, 10 + PER_MESSAGE),
        ("responses", {"input": [{"type": "function_call_output", "call_id": "c", "output": X}]}, 10),
        ("responses", {"input": [{"type": "reasoning", "summary": [], "encrypted_content": X}]}, 0),
        ("messages", {"system": [{"type": "text", "text": X}], "messages": [USER]}, 20 + PER_MESSAGE),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": X, "content": X}]}]},
            10 + PER_MESSAGE,
        ),
        ("rerank", {"query": X, "documents": [X, {"text": X}]}, 30),
    ],
)  # fmt: skip
def test_the_prompt_of_every_kind_of_call(kind: Any, body: dict[str, Any], tokens: int) -> None:
    assert read(body, kind).tokens == tokens


def test_tool_calls_are_read_with_their_arguments() -> None:
    openai = {"id": X, "type": "function", "function": {"name": "f" * 20, "arguments": "a" * 20}}
    found = read({"messages": [{"role": "assistant", "content": None, "tool_calls": [openai]}]})
    assert found.tokens == 10 + PER_MESSAGE
    anthropic = {"type": "tool_use", "id": X, "name": "f" * 20, "input": {"a": "b" * 11}}
    found = read({"messages": [{"role": "assistant", "content": [anthropic]}]})
    assert found.tokens == 10 + PER_MESSAGE, '{"a": "bbbbbbbbbbb"} has 20 characters'


def test_images_and_files_are_guessed_and_never_counted_as_text() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    document = {"type": "file", "file": {"file_data": "A" * 100_000}}
    found = read({"messages": [{"role": "user", "content": [picture, document]}]})
    assert (found.media, found.texts) == (PER_IMAGE + PER_FILE, [])


def test_tools_and_the_format_of_the_answer_are_read_too() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    found = read({"messages": [USER], "tools": tools})
    assert found.tokens == -(-(40 + len(str(tools))) // 4) + PER_MESSAGE
    assert not found.own_tools
    assert read({"messages": [USER], "tools": [{"type": "web_search"}]}).own_tools
    assert not read({"messages": [USER], "tools": [{"name": "f", "input_schema": {}}]}).own_tools
    schema = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert read({"messages": [USER], "response_format": schema}).tokens > 20


def test_a_reading_shows_no_prompt() -> None:
    assert X not in repr(read({"messages": [USER], "tools": [{"name": X}]}))


def test_the_usual_length_of_an_answer_is_learned_and_bounded_by_the_caller() -> None:
    lengths = OutputLengths()
    lengths.learn("g", 1000)
    assert lengths.expect("g", {}) == 1000
    assert lengths.expect("g", {"max_tokens": 10}) == 10
    assert lengths.expect("g", {"max_tokens": 10, "n": 3}) == 30

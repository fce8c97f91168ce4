"""What a stream has brought so far, kind by kind: where content begins, what it used, and the answer up to a break."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.answering.answers import Answer, ChatCompletionChunk
from router_core.answering.collect import collector_for
from router_core.answering.other_answers import ImageEvent, MessageEvent, ResponseEvent, StreamedBytes, TextCompletion
from router_core.answering.other_answers import TranscriptionEvent as Heard
from router_core.providers.base import Kind


def gathered(kind: Kind, *chunks: Answer) -> tuple[Any, list[bool]]:
    """The collector after these chunks, and which of them brought content."""
    collector = collector_for(kind)
    return collector, [collector.add(chunk) for chunk in chunks]


def event(type: str, **fields: Any) -> ResponseEvent:
    return ResponseEvent({"type": f"response.{type}", **fields})


def test_chat_keeps_thoughts_and_what_providers_add() -> None:
    thinking = [{"type": "thinking", "thinking": part, "signature": sign} for part, sign in (("H", ""), ("m", "s"))]
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm", "thinking_blocks": thinking[:1]},
        {"thinking_blocks": thinking[1:]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]},
        {"annotations": ["a"]},
        {"annotations": ["b"], "note": "one, "},
        {"note": "two", "provider_specific_fields": {"k": 1}},
        {"tool_calls": [{"index": 0, "id": "c", "provider_specific_fields": {"sig": "s"}, "function": {"name": "f"}}]},
    ]
    chunks = [ChatCompletionChunk({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
    collector, brought = gathered("chat", *chunks)
    assert brought == [False] + [True] * 7
    message = collector.answer().choices[0].message
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
    ]
    assert (message.annotations, message.note, message.provider_specific_fields) == (["a", "b"], "one, two", {"k": 1})
    assert message.tool_calls[0]["provider_specific_fields"] == {"sig": "s"}


def test_completions_are_texts() -> None:
    chunks = [
        TextCompletion({"id": "1", "choices": [{"index": 0, "text": ""}]}),
        TextCompletion({"id": "1", "choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}]}),
        TextCompletion({"id": "1", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}),
        TextCompletion({"id": "1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
    ]
    collector, brought = gathered("completion", *chunks)
    assert brought == [False, True, True, False]
    assert [(one.text, one.finish_reason) for one in collector.answer().choices] == [("a", "stop"), ("b", None)]
    assert (collector.usage["completion_tokens"], collector.characters) == (2, 2)


BROKEN = [
    event("created", response={"id": "r", "status": "in_progress", "output": []}),
    event("output_item.added", output_index=0, item={"type": "reasoning", "summary": []}),
    event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="Hm"),
    event("output_item.done", output_index=0, item={"type": "reasoning", "summary": [{"text": "Hm."}]}),
    event("output_item.added", output_index=1, item={"type": "message", "content": []}),
    event("content_part.added", output_index=1, content_index=0, part={"type": "output_text", "text": ""}),
    event("output_text.delta", output_index=1, content_index=0, delta="I "),
    event("output_text.delta", output_index=1, content_index=0, delta="loo"),
    event("refusal.delta", output_index=1, content_index=1, delta="No"),
    event("output_item.added", output_index=2, item={"type": "function_call", "name": "look", "arguments": ""}),
    event("function_call_arguments.delta", output_index=2, delta='{"a'),
    event("web_search_call.searching", output_index=3),
    event("code_interpreter_call_code.delta", output_index=4, delta="1+"),
    event("output_item.added", output_index=4, item={"type": "code_interpreter_call"}),
]


def test_of_a_response_that_breaks_off_all_is_kept_that_came() -> None:
    collector, brought = gathered("responses", *BROKEN)
    assert [BROKEN[number].type.removeprefix("response.") for number, true in enumerate(brought) if true] == [
        "reasoning_summary_text.delta",
        "output_item.done",
        "output_text.delta",
        "output_text.delta",
        "refusal.delta",
        "function_call_arguments.delta",
        "code_interpreter_call_code.delta",
    ]
    answer = collector.answer()
    assert (answer.id, answer.status, answer.output_text) == ("r", "in_progress", "I loo")
    assert answer.output[0].summary[0].text == "Hm."
    assert answer.output[1].content[1].refusal == "No"
    assert answer.output[2].arguments == '{"a'
    assert answer.output[3]["code_interpreter_call_code"] == "1+"
    assert (collector.usage, collector.characters) == (None, 14)


def test_the_last_event_of_a_response_is_the_whole() -> None:
    whole = {"id": "r", "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]}
    collector, brought = gathered(
        "responses", *BROKEN, event("completed", response={**whole, "usage": {"input_tokens": 1, "output_tokens": 2}})
    )
    assert brought[-1]
    assert (collector.answer().output_text, collector.usage["output_tokens"]) == ("hi", 2)


def test_messages_of_anthropics_shape() -> None:
    collector, brought = gathered(
        "messages",
        MessageEvent(
            {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}}
        ),
        MessageEvent({"type": "ping"}),
        MessageEvent({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        MessageEvent({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}),
        MessageEvent({"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": 1}}),
        MessageEvent({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "input": {}}}),
        MessageEvent({"type": "content_block_delta", "index": 1, "delta": {"partial_json": '{"a'}}),
        MessageEvent({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}),
    )
    assert brought == [False, False, False, True, True, False, True, True]
    answer = collector.answer()
    assert (answer.content[0].text, answer.content[0].citations, answer.content[1].input) == ("hi", [1], '{"a')
    assert (answer.id, answer.stop_reason) == ("m", "tool_use")
    assert (collector.usage, collector.characters) == ({"input_tokens": 9, "output_tokens": 5}, 5)


def test_partial_images_are_content() -> None:
    partial = ImageEvent({"type": "image_generation.partial_image", "b64_json": "QQ==", "created_at": 5})
    done = ImageEvent({"type": "image_generation.completed", "b64_json": "QUI=", "usage": {"output_tokens": 3}})
    collector, brought = gathered("image_generation", partial)
    assert (brought, collector.answer().data[0].b64_json, collector.usage) == ([True], "QQ==", None)
    assert collector.add(done)
    assert (collector.answer().data[0].b64_json, collector.usage) == ("QUI=", {"output_tokens": 3})


def test_transcripts_are_their_text() -> None:
    deltas = [Heard({"type": "transcript.text.delta", "delta": part}) for part in ("", "Grüß ", "Gott")]
    collector, brought = gathered("transcription", *deltas)
    assert (brought, collector.answer().text, collector.characters) == ([False, True, True], "Grüß Gott", 9)
    assert collector.add(Heard({"type": "transcript.text.done", "text": "Grüß Gott!", "usage": {"output_tokens": 3}}))
    assert (collector.answer().text, collector.usage) == ("Grüß Gott!", {"output_tokens": 3})


def test_sounds_are_their_bytes() -> None:
    collector, brought = gathered(
        "speech", StreamedBytes(b""), StreamedBytes(b"a"), StreamedBytes(b"b", {"usage": {"x": 1}})
    )
    assert (brought, collector.answer().content, collector.usage) == ([False, True, True], b"ab", {"x": 1})


@pytest.mark.parametrize(
    "kind", ["chat", "completion", "responses", "messages", "image_edit", "transcription", "speech"]
)
def test_nothing_came_is_an_answer_of_nothing(kind: Kind) -> None:
    collector, _ = gathered(kind)
    assert (collector.usage, collector.characters) == (None, 0)
    assert isinstance(collector.answer(), Answer)

"""Messages: roles, parts, calls and their results, signatures, and what the format has no place for."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.errors import BadRequestError, UnsupportedParamsError
from tests.dialects.gemini.said import FLASH, NEW, body

UNSIGNED = "skip_thought_signature_validator"


def calling(*calls: tuple[str, str], **more: Any) -> dict[str, Any]:
    """An assistant's message that calls functions: (id, name)."""
    made = [{"id": id, "type": "function", "function": {"name": name, "arguments": '{"x": 1}'}} for id, name in calls]
    return {"role": "assistant", "content": None, "tool_calls": made, **more}


def result(id: str, content: Any = "42", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": content, **more}


def contents(*messages: Any, model: str = FLASH) -> Any:
    return body(list(messages), model)["contents"]


def parts(*content: Any, model: str = FLASH) -> Any:
    return contents({"role": "user", "content": list(content)}, model=model)[0]["parts"]


def test_systems_are_gathered_and_consecutive_messages_merged() -> None:
    said = body(
        [
            {"role": "system", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "developer", "content": [{"type": "text", "text": "c"}]},
            {"role": "user", "content": "d"},
            {"role": "assistant", "content": "e"},
            {"role": "assistant", "content": "f"},
            {"role": "assistant", "content": ""},
        ]
    )
    assert said["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "c"}]}
    assert said["contents"] == [
        {"role": "user", "parts": [{"text": "b"}, {"text": "d"}]},
        {"role": "model", "parts": [{"text": "e"}, {"text": "f"}]},
    ]


def test_a_system_message_alone_is_what_the_user_says() -> None:
    assert body([{"role": "system", "content": "a"}]) == {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        ),
        (
            {"type": "image_url", "image_url": "https://example.com/a.jpg?b=c"},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a.jpg?b=c"}},
        ),
        (
            {"type": "file", "file": {"file_id": "gs://bucket/a", "format": "video/mp4"}},
            {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/a"}},
        ),
        (
            {"type": "file", "file": {"file_id": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
        ),
    ],
)
def test_media_goes_as_data_or_as_an_address_that_google_fetches(part: Any, said: Any) -> None:
    assert parts(part) == [said]


def test_detail_and_video_metadata_are_said_where_the_model_knows_them() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}}
    video = {"type": "file", "file": {"file_id": "gs://b/a.mp4", "video_metadata": {"fps": 1}}}
    assert parts(image, model=NEW)[0]["mediaResolution"] == {"level": "MEDIA_RESOLUTION_LOW"}
    assert "mediaResolution" not in parts(image)[0]
    assert parts(video)[0]["videoMetadata"] == {"fps": 1}


@pytest.mark.parametrize("part", [{"type": "file", "file": {}}, {"type": "hologram"}])
def test_a_part_without_a_place_is_named(part: Any) -> None:
    with pytest.raises(UnsupportedParamsError, match=r"messages\[0\].content\[0\]"):
        parts(part)


def test_an_image_in_a_system_message_is_refused() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    with pytest.raises(UnsupportedParamsError, match=r"messages\[0\]"):
        contents({"role": "system", "content": [image]})


def test_results_are_matched_by_name_in_the_order_of_the_calls() -> None:
    said = contents(
        calling(("a", "f"), ("b", "g"), ("c", "f")),
        result("c", '{"n": 3}'),
        result("b", "[1]"),
        result("a"),
        {"role": "user", "content": "and?"},
    )
    answers = [part["functionResponse"] for part in said[1]["parts"]]
    assert [(one["name"], one["id"], one["response"]) for one in answers] == [
        ("f", "a", {"output": "42"}),
        ("g", "b", {"output": "[1]"}),
        ("f", "c", {"n": 3}),
    ]
    assert said[1]["role"] == "user"
    assert said[2] == {"role": "user", "parts": [{"text": "and?"}]}, "results stand alone"


def test_ids_that_google_did_not_give_are_not_given_back() -> None:
    made_up = "call_" + "0" * 24
    said = contents(calling((made_up, "f")), result(made_up))
    assert said[0]["parts"] == [{"functionCall": {"name": "f", "args": {"x": 1}}}]
    assert said[1]["parts"] == [{"functionResponse": {"name": "f", "response": {"output": "42"}}}]


def test_the_old_function_messages_work() -> None:
    said = contents(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    )
    assert said[1]["parts"] == [{"functionResponse": {"name": "f", "response": {"output": "1"}}}]


def test_a_result_of_no_call_needs_a_name() -> None:
    with pytest.raises(BadRequestError, match=r"messages\[0\]"):
        contents(result("x"))
    assert contents(result("x", name="f"))[0]["parts"][0]["functionResponse"]["name"] == "f"


def test_media_in_a_result_is_part_of_it_since_gemini_3() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    messages = (calling(("a", "f")), result("a", [{"type": "text", "text": "see"}, image]))
    inline = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    assert contents(*messages, model=NEW)[1]["parts"][0]["functionResponse"]["parts"] == [inline]
    assert contents(*messages)[1]["parts"][1] == inline


def test_signatures_of_calls_and_texts_are_given_back() -> None:
    call = calling(("a", "f"), ("b", "f"))
    call["tool_calls"][0]["provider_specific_fields"] = {"thought_signature": "S1"}
    call["content"] = "so"
    call["provider_specific_fields"] = {"thought_signature": "S2"}
    said = contents(call, model=NEW)[0]["parts"]
    assert [part.get("thoughtSignature") for part in said] == ["S2", "S1", None]


@pytest.mark.parametrize(
    "kept",
    [
        {"provider_specific_fields": {"thought_signatures": ["S0", "S"]}},
        {"extra_content": {"google": {"thought_signature": "S"}}},
    ],
)
def test_signatures_are_found_where_others_keep_them(kept: Any) -> None:
    said = contents({"role": "assistant", "content": None, **kept})
    assert said == [{"role": "model", "parts": [{"text": "", "thoughtSignature": "S"}]}]


def test_a_call_that_another_model_made_is_marked_where_signatures_are_checked() -> None:
    messages = (calling(("a", "f"), ("b", "f")), result("a"), result("b"))
    assert [part.get("thoughtSignature") for part in contents(*messages, model=NEW)[0]["parts"]] == [UNSIGNED, None]
    assert [part.get("thoughtSignature") for part in contents(*messages)[0]["parts"]] == [None, None]


def test_what_only_google_knows_is_given_back_before_the_text() -> None:
    ran = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "S"}
    image = {"image_url": {"url": "data:image/png;base64,AA"}, "provider_specific_fields": {"thought_signature": "I"}}
    fields = {"parts": [ran]}
    said = contents({"role": "assistant", "content": "1", "provider_specific_fields": fields, "images": [image]})
    drawn = {"inlineData": {"mimeType": "image/png", "data": "AA"}, "thoughtSignature": "I"}
    assert said[0]["parts"] == [ran, {"text": "1"}, drawn]

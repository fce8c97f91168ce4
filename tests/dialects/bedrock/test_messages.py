"""Conversations in Converse's words; botocore finds each of them valid."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.errors import BadRequestError, UnsupportedParamsError
from tests.dialects.bedrock.kit import HI, LLAMA, NOVA, SONNET, TOOL, USE, body

PNG = "data:image/png;base64,iVBORw0KGgo="
JVBE = "data:application/pdf;base64,JVBE"


def file(name: str | None, data: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data, **({"filename": name} if name else {})}}


CACHED = {"cache_control": {"type": "ephemeral"}}


def said(*parts: Any, model: str = SONNET) -> Any:
    """The blocks of a user's message with these parts."""
    return body([{"role": "user", "content": list(parts)}], model)["messages"][0]["content"]


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def test_system_and_developer_messages_stand_apart() -> None:
    written = body([{"role": "system", "content": "be kind"}, {"role": "developer", "content": "be brief"}, *HI])
    assert written["system"] == [{"text": "be kind"}, {"text": "be brief"}]
    assert written["messages"] == [{"role": "user", "content": [{"text": "hi"}]}]
    with pytest.raises(UnsupportedParamsError, match=r"image in messages\[0\]"):
        body([{"role": "system", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}, *HI])


def test_roles_take_turns_and_results_are_said_by_the_user() -> None:
    written = body(
        [
            *HI,
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": " ", "tool_calls": [USE, {**USE, "id": "t2"}]},
            {"role": "tool", "tool_call_id": "t1", "content": "stars"},
            {"role": "tool", "tool_call_id": "t2", "content": "", "is_error": True},
            {"role": "user", "content": "and?"},
        ],
        tools=[TOOL],
    )
    use = {"name": "look", "input": {"at": "sky"}}
    assert written["messages"] == [
        {"role": "user", "content": [{"text": "hi"}, {"text": "look"}]},
        {
            "role": "assistant",  # blank text would be refused
            "content": [{"toolUse": {"toolUseId": "t1", **use}}, {"toolUse": {"toolUseId": "t2", **use}}],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "t1", "content": [{"text": "stars"}]}},
                {"toolResult": {"toolUseId": "t2", "content": [{"json": {}}], "status": "error"}},
                {"text": "and?"},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("content", "result"), [('{"a": 1}', {"a": 1}), ("[1]", {"result": [1]}), ("rain", {"result": "rain"})]
)
def test_mistral_takes_results_as_objects(content: str, result: Any) -> None:
    conversation = [
        *HI,
        {"role": "assistant", "tool_calls": [USE]},
        {"role": "tool", "tool_call_id": "t1", "content": content},
    ]
    written = body(conversation, "mistral.mistral-large-2407-v1:0", tools=[TOOL])
    assert written["messages"][2]["content"][0]["toolResult"]["content"] == [{"json": result}]


def test_results_hold_images_but_no_audio() -> None:
    image = {"type": "image_url", "image_url": {"url": PNG}}
    sound = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}

    def told(part: Any) -> Any:
        result = {"role": "tool", "tool_call_id": "t1", "content": [part]}
        return body([*HI, {"role": "assistant", "tool_calls": [USE]}, result], tools=[TOOL])["messages"][2]

    (block,) = told(image)["content"]
    assert block["toolResult"]["content"] == [{"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}]
    with pytest.raises(UnsupportedParamsError, match=r"messages\[2\]: .* no audio"):
        told(sound)
    with pytest.raises(BadRequestError, match="tool_call_id"):
        body([*HI, {"role": "tool", "content": "x"}], tools=[TOOL])


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "image_url", "image_url": PNG.replace("png", "jpg")}, ("image", "jpeg")),
        ({"type": "image_url", "image_url": {"url": "data:video/mp4;base64,AAAA"}}, ("video", "mp4")),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, ("audio", "mp3")),
        (file("n.md", "data:text/markdown;base64,AAAA"), ("document", "md")),
        (file(None, "data:video/quicktime;base64,AAAA"), ("video", "mov")),
        (file("x.docx", "data:;base64,AAAA"), ("document", "docx")),
    ],
)
def test_media_go_by_their_type_and_stay_base64(part: Any, block: tuple[str, str]) -> None:
    ((kind, media),) = said(text("see"), part)[1].items()
    assert (kind, media["format"]) == block
    assert media["source"]["bytes"] in ("AAAA", "iVBORw0KGgo=")


def test_media_in_s3_are_named_and_other_urls_are_not_fetched() -> None:
    image, document = said(
        {"type": "image_url", "image_url": {"url": "s3://bucket/a.webp"}},
        {"type": "file", "file": {"file_id": "s3://bucket/a.pdf"}},
    )
    assert image == {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a.webp"}}}}
    assert document["document"]["source"] == {"s3Location": {"uri": "s3://bucket/a.pdf"}}
    for part in (
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}},
        {"type": "file", "file": {"file_id": "file-abc"}},
    ):
        with pytest.raises(UnsupportedParamsError, match=r"messages\[0\].content\[0\]"):
            said(part)


def test_names_of_documents_are_clean_and_no_two_are_the_same() -> None:
    given = [file("a_b.pdf", JVBE), file("a_b.pdf", JVBE), file("Über  (draft) [2]/x.v1.pdf", JVBE), file(None, JVBE)]
    names = [block["document"]["name"] for block in said(*given)]
    assert names == ["a b", "a b 2", "ber (draft) [2] x v1", "document"]


def test_cache_points_follow_what_is_to_be_cached() -> None:
    point = {"cachePoint": {"type": "default"}}
    written = body(
        [
            {"role": "system", "content": [text("long", **CACHED)]},
            {"role": "user", "content": [text("a", cache_control={"type": "ephemeral", "ttl": "1h"}), text("b")]},
            {"role": "assistant", "content": "c", **CACHED},
            *HI,
        ],
        tools=[{**TOOL, **CACHED}],
    )
    assert written["system"] == [{"text": "long"}, point]
    first, second, _ = written["messages"]
    assert first["content"] == [{"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "b"}]
    assert second["content"] == [{"text": "c"}, point]
    assert written["toolConfig"]["tools"][1] == point
    use, result = {**USE, **CACHED}, {"role": "tool", "tool_call_id": "t1", "content": [text("x", **CACHED)]}
    _, call, told = body([*HI, {"role": "assistant", "tool_calls": [use]}, result], tools=[TOOL])["messages"]
    assert call["content"][1:] == told["content"][1:] == [point]
    assert told["content"][0]["toolResult"]["content"] == [{"text": "x"}]


def test_cache_points_are_left_out_where_the_model_takes_none() -> None:
    cached = [{"role": "user", "content": [text("a", **CACHED)]}]
    tool = {**TOOL, **CACHED}
    nova, llama = body(cached, NOVA, tools=[tool]), body(cached, LLAMA, tools=[tool])
    assert (len(nova["messages"][0]["content"]), len(nova["toolConfig"]["tools"])) == (2, 1)
    assert (len(llama["messages"][0]["content"]), len(llama["toolConfig"]["tools"])) == (1, 1)


def test_an_answer_to_be_continued_has_no_white_space_at_its_end() -> None:
    assert body([*HI, {"role": "assistant", "content": "{ "}])["messages"][1]["content"] == [{"text": "{"}]
    with pytest.raises(UnsupportedParamsError, match="audio"):
        body([*HI, {"role": "assistant", "audio": {"id": "a"}}])


def test_signed_thoughts_go_back_to_claude_only() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "thinking", "thinking": "unsigned: another model's"},
    ]
    conversation = [*HI, {"role": "assistant", "content": "hello", "thinking_blocks": thoughts}, *HI]
    assert body(conversation)["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s1"}}},
        {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
        {"text": "hello"},
    ]
    assert body(conversation, NOVA)["messages"][1]["content"] == [{"text": "hello"}]

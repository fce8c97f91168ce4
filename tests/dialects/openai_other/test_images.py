"""Images: made from a text, made from images, and streamed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from openai.types import ImagesResponse as OpenAIImages

from router_core.answering.other_answers import ImagesResponse
from router_core.dialects.openai.image import ImageEdit, ImageGeneration
from router_core.errors import BadRequestError
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Reply, UpstreamFailure
from tests.dialects.streamed import events, streamed

CALL = Call("image_generation", {"prompt": "a cat", "n": 2, "size": None})
DONE = {"type": "image_generation.completed", "b64_json": "QUI=", "usage": {"input_tokens": 3, "output_tokens": 9}}


def decoded(body: Any) -> ImagesResponse:
    answer = ImageGeneration().decode(CALL, "m", Reply(httpx.Headers(), json.dumps(body).encode()))
    assert isinstance(answer, ImagesResponse)
    return answer


def test_a_request_is_json() -> None:
    wire = ImageGeneration().encode(CALL, "gpt-image-1")
    assert (wire.path, wire.body) == ("/images/generations", {"prompt": "a cat", "n": 2, "model": "gpt-image-1"})


def test_images_are_openais() -> None:
    usage = {
        "input_tokens": 3,
        "output_tokens": 9,
        "total_tokens": 12,
        "input_tokens_details": {"text_tokens": 3, "image_tokens": 0},
    }
    answer = decoded({"data": [{"b64_json": "QQ=="}, {"url": "u", "revised_prompt": "a black cat"}], "usage": usage})
    OpenAIImages.model_validate(answer.model_dump())
    assert [answer.data[0].b64_json, answer.data[1].url, answer.usage.total_tokens] == ["QQ==", "u", 12]


def test_what_has_no_image_is_no_answer() -> None:
    with pytest.raises(KeyError):
        decoded({"data": [{"revised_prompt": "a cat"}]})
    with pytest.raises(UpstreamFailure):
        decoded({"error": {"message": "sorry"}})


def test_edits_are_a_form_with_files() -> None:
    one, two = ("a.png", b"\x00A", "image/png"), ("b.png", b"\x00B", "image/png")
    body = {"prompt": "a hat", "image": [one, two], "mask": two, "n": 1, "quality": None}
    wire = ImageEdit().encode(Call("image_edit", body, stream=True), "m")
    fields = [(name, value[1]) for name, value in wire.files if value[0] is None]
    assert (wire.path, wire.body) == ("/images/edits", {})
    assert fields == [("prompt", b"a hat"), ("n", b"1"), ("model", b"m"), ("stream", b"true")]
    assert [file for file in wire.files if file[1][0]] == [("image[]", one), ("image[]", two), ("mask", two)]
    (single,) = (name for name, file in ImageEdit().encode(Call("image_edit", {"image": one}), "m").files if file[0])
    assert single == "image"


@pytest.mark.parametrize("image", ["a.png", b"bytes", 5, [b"bytes"], ("a.png", "text", "image/png")])
def test_what_was_not_read_is_no_file(image: Any) -> None:
    with pytest.raises(BadRequestError, match="image must be a file"):
        ImageEdit().encode(Call("image_edit", {"image": image}), "m")


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_stream_may_bring_several_images(size: int) -> None:
    partial = {"type": "image_generation.partial_image", "b64_json": "QQ==", "partial_image_index": 0}
    got = streamed(ImageGeneration(), CALL, events(partial, DONE, DONE, done=False), size)
    assert [event.b64_json for event in got] == ["QQ==", "QUI=", "QUI="]
    assert got[-1].usage.output_tokens == 9
    with pytest.raises(CutStream):
        streamed(ImageGeneration(), CALL, events(partial, done=False))


def test_a_server_that_ignores_stream_gives_whole_images() -> None:
    reply = Reply(httpx.Headers(), json.dumps({"data": [{"url": "u"}, {"url": "v"}]}).encode())
    got = list(ImageEdit().whole(Call("image_edit", {}, True), "m", reply))
    assert [(event["type"], event["url"]) for event in got] == [
        ("image_edit.completed", "u"),
        ("image_edit.completed", "v"),
    ]

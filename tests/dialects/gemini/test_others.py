"""Embeddings at both places, and images."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.dialects.gemini.embedding import Embedding
from router_core.dialects.gemini.image import Images
from router_core.dialects.gemini.vertex_embedding import VertexEmbedding
from router_core.dialects.openai.vectors import unpacked
from router_core.errors import BadRequestError, UnsupportedParamsError
from router_core.providers.base import Call
from router_core.providers.dialect import Dialect, UpstreamFailure
from tests.dialects.gemini.said import answered, reply

MULTI, OLD = "gemini-embedding-2", "text-embedding-005"
DRAWS = "gemini-2.5-flash-image"


def written(dialect: Dialect, model: str, **body: Any) -> Any:
    wire = dialect.encode(Call(dialect.parameters.kind, body), model)
    return wire.path.rpartition(":")[2], wire.body


def read(dialect: Dialect, model: str, payload: Any, **body: Any) -> Any:
    return dialect.decode(Call(dialect.parameters.kind, body), model, reply(payload))


def test_ai_studio_takes_any_number_of_texts() -> None:
    method, body = written(Embedding(), MULTI, input=["a", "b"], dimensions=2, task_type="RETRIEVAL_QUERY")
    options = {"outputDimensionality": 2, "taskType": "RETRIEVAL_QUERY"}
    assert method == "batchEmbedContents"
    assert body["requests"] == [
        {"model": "models/gemini-embedding-2", "content": {"parts": [{"text": text}]}, **options} for text in "ab"
    ]
    counted = {"usageMetadata": {"promptTokenCount": 7}}
    answer = read(Embedding(), MULTI, {"embeddings": [{"values": [1, 2]}, {"values": [3, 4]}], **counted})
    assert [(one.index, one.embedding) for one in answer.data] == [(0, [1, 2]), (1, [3, 4])]
    assert answer.usage.prompt_tokens == 7
    assert read(Embedding(), MULTI, {"embeddings": []}).usage is None


def test_numbers_may_be_packed() -> None:
    answer = read(Embedding(), MULTI, {"embeddings": [{"values": [1, 2]}]}, encoding_format="base64")
    assert unpacked(answer.data[0].embedding) == [1, 2]


@pytest.mark.parametrize("dialect", [Embedding(), VertexEmbedding()])
@pytest.mark.parametrize("given", [[1, 2], [[1]], None])
def test_tokens_are_refused(dialect: Dialect, given: Any) -> None:
    with pytest.raises(UnsupportedParamsError, match="input"):
        written(dialect, MULTI, input=given)


def test_vertex_embeds_one_text_or_several() -> None:
    content = {"content": {"parts": [{"text": "a"}]}}
    config = {"embedContentConfig": {"outputDimensionality": 2, "taskType": "T"}}
    assert written(VertexEmbedding(), MULTI, input="a") == ("embedContent", content)
    assert written(VertexEmbedding(), MULTI, input=["a", "a"], dimensions=2, task_type="T") == (
        "batchEmbedContents",
        {"requests": [{**content, **config}] * 2},
    )
    one = read(VertexEmbedding(), MULTI, {"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 3}})
    several = read(VertexEmbedding(), MULTI, {"embeddings": [{"values": [1]}, {"values": [2]}]})
    assert ([d.embedding for d in one.data], one.usage.prompt_tokens) == ([[1]], 3)
    assert ([d.embedding for d in several.data], several.usage) == ([[1], [2]], None)


def test_vertex_predicts_with_its_older_models() -> None:
    said = written(VertexEmbedding(), OLD, input=["a"], dimensions=2, task_type="T", title="t", auto_truncate=False)
    assert said == (
        "predict",
        {
            "instances": [{"content": "a", "task_type": "T", "title": "t"}],
            "parameters": {"outputDimensionality": 2, "autoTruncate": False},
        },
    )
    found = [{"embeddings": {"values": [n], "statistics": {"token_count": 2}}} for n in (1, 2)]
    assert read(VertexEmbedding(), OLD, {"predictions": found}).usage.prompt_tokens == 4
    assert read(VertexEmbedding(), OLD, {"predictions": [{"embeddings": {"values": [1]}}]}).usage is None


def test_gemini_draws_by_a_chat() -> None:
    method, body = written(Images(), DRAWS, prompt="a cat", size="1792x1024", n=1, seed=3)
    assert method == "generateContent"
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
        "generationConfig": {
            "responseModalities": ["TEXT", "IMAGE"],
            "seed": 3,
            "imageConfig": {"aspectRatio": "16:9"},
        },
    }
    drawn = answered({"text": "here"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}})
    answer = read(Images(), DRAWS, drawn)
    assert [one.b64_json for one in answer.data] == ["AAAA"]
    assert answer.usage == {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}


def test_gemini_edits_images() -> None:
    files = [("a.png", b"\x00", "image/png"), ("b.jpg", b"\x01", "image/jpeg")]
    _, body = written(Images("image_edit"), DRAWS, prompt="a hat on it", image=files)
    assert body["contents"][0]["parts"][1:] == [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"inlineData": {"mimeType": "image/jpeg", "data": "AQ=="}},
    ]


def test_imagen_predicts() -> None:
    model = "imagen-4.0-generate-001"
    said = written(Images(), model, prompt="a cat", n=2, size="1024x1024", person_generation="dont_allow")
    parameters = {"sampleCount": 2, "aspectRatio": "1:1", "personGeneration": "dont_allow"}
    assert said == ("predict", {"instances": [{"prompt": "a cat"}], "parameters": parameters})
    found = {"predictions": [{"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}, {"raiFilteredReason": "r"}]}
    assert [one.b64_json for one in read(Images(), model, found).data] == ["AAAA"]
    with pytest.raises(UnsupportedParamsError, match="image"):
        written(Images("image_edit"), model, prompt="x", image=("a.png", b"", "image/png"))


@pytest.mark.parametrize(
    ("model", "payload"),
    [
        (DRAWS, {"promptFeedback": {"blockReason": "SAFETY"}}),
        (DRAWS, answered(finish="IMAGE_SAFETY")),
        ("imagen-4.0-generate-001", {}),
        ("imagen-4.0-generate-001", {"predictions": [{"raiFilteredReason": "r"}]}),
    ],
)
def test_a_refused_image_is_a_matter_of_content(model: str, payload: Any) -> None:
    with pytest.raises(UpstreamFailure) as caught:
        read(Images(), model, payload)
    assert caught.value.payload["error"]["type"] == "content_policy_violation"


def test_no_image_for_another_reason_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no image"):
        read(Images(), DRAWS, answered({"text": "I would rather talk."}))


@pytest.mark.parametrize("given", [{"n": 2}, {"size": "7x7"}])
def test_what_gemini_cannot_draw(given: Any) -> None:
    with pytest.raises(BadRequestError, match=next(iter(given))):
        written(Images(), DRAWS, prompt="x", **given)


def test_an_address_of_an_image_is_not_offered() -> None:
    with pytest.raises(UnsupportedParamsError, match="response_format"):
        Images().parameters.select({"prompt": "x", "response_format": "url"}, "gemini")

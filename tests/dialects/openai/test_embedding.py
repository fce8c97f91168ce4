"""Embeddings: vectors come as the caller asked for them, whatever the server can write."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from router_core.dialects.openai.embedding import Embedding
from router_core.dialects.openai.renames import Rename
from router_core.errors import BadRequestError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply

NUMBERS = [0.5, -0.25, 3.0]
PACKED = base64.b64encode(struct.pack("<3f", *NUMBERS)).decode()
BYTES = base64.b64encode(struct.pack("3b", 1, -2, 127)).decode()


def call(**body: Any) -> Call:
    return Call("embedding", {"input": ["x"], **body})


def vector(dialect: Embedding, sent: Any, **asked: Any) -> Any:
    body = json.dumps({"data": [{"embedding": sent}], "usage": {"total_tokens": 2}}).encode()
    answer: Any = dialect.decode(call(**asked), "m", Reply({}, body))
    assert (answer.usage.prompt_tokens, answer.data[0].index) == (2, 0)
    return answer.data[0].embedding


@pytest.mark.parametrize(
    ("sent", "asked", "got"),
    [
        (NUMBERS, {}, NUMBERS),
        (NUMBERS, {"encoding_format": "float"}, NUMBERS),
        (PACKED, {}, NUMBERS),
        (PACKED, {"encoding_format": "base64"}, PACKED),
        (NUMBERS, {"encoding_format": "base64"}, PACKED),
        ("AQI=", {"encoding_format": "ubinary"}, "AQI="),
    ],
)
def test_a_vector_comes_as_it_was_asked_for(sent: Any, asked: Any, got: Any) -> None:
    assert vector(Embedding(), sent, **asked) == got


def test_signed_bytes_become_numbers_or_openais_base64() -> None:
    perplexity = Embedding(packing="b", formats=False)
    assert vector(perplexity, BYTES) == [1, -2, 127]
    wanted = base64.b64encode(struct.pack("<3f", 1, -2, 127)).decode()
    assert vector(perplexity, BYTES, encoding_format="base64") == wanted
    assert vector(perplexity, BYTES, encoding_format="base64_int8") == BYTES


@pytest.mark.parametrize("sent", ["###", "AQI="])
def test_what_is_no_vector_cannot_be_read(sent: str) -> None:
    with pytest.raises(ValueError):
        vector(Embedding(), sent)


def test_a_server_that_does_not_know_the_format_is_not_asked_for_it() -> None:
    plain = Embedding(renames=(Rename("dimensions", "output_dimension"),), path="/v1/embeddings", formats=False)
    wire = plain.encode(call(encoding_format="base64", dimensions=5, user=None), "m")
    assert (wire.path, wire.body) == ("/v1/embeddings", {"input": ["x"], "output_dimension": 5, "model": "m"})
    assert Embedding().encode(call(encoding_format="base64"), "m").body["encoding_format"] == "base64"


def test_nobody_streams_embeddings() -> None:
    with pytest.raises(BadRequestError):
        Embedding().reader(call(), "m")

"""The decoder gives the same events wherever the bytes are cut."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.http.sse import Decoder, Event

STREAM = (
    "\ufeff: OPENROUTER PROCESSING\n\n"
    'data: {"a": "€ 𝄞"}\r\n\r\n'
    "event: error\rdata: one\rdata:two\r\r"
    "data: three\r\ndata: four\r\n\r\n"
    "id: 7\nretry: 10\ndata\ndata:  spaced\n\n"
    "event: nothing\n\n"
    "data: [DONE]\n"
).encode()
EVENTS = [
    Event("", '{"a": "€ 𝄞"}'),
    Event("error", "one\ntwo"),
    Event("", "three\nfour"),
    Event("", "\n spaced"),
    Event("", "[DONE]"),
]


def decode(*chunks: bytes) -> list[Event]:
    decoder = Decoder()
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.flush()]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_cut_once_at_every_byte(cut: int) -> None:
    assert decode(STREAM[:cut], STREAM[cut:]) == EVENTS


def test_one_byte_at_a_time() -> None:
    assert decode(*(bytes([byte]) for byte in STREAM)) == EVENTS


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_cut_anywhere_any_number_of_times(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert decode(*(STREAM[start:end] for start, end in pairwise(edges))) == EVENTS


@given(texts=st.lists(st.text()), ending=st.sampled_from(["\n", "\r\n", "\r"]), cut=st.integers(0, 400))
def test_any_json_comes_back(texts: list[str], ending: str, cut: int) -> None:
    stream = "".join(f"data: {json.dumps(text, ensure_ascii=False)}{ending}{ending}" for text in texts)
    data = stream.encode("utf-8", "surrogatepass")
    expected = [Event("", json.dumps(text, ensure_ascii=False)) for text in texts]
    assert decode(data[:cut], data[cut:]) == expected


def test_an_event_is_given_as_soon_as_it_is_complete() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: 1\r\n\r") == [Event("", "1")]
    assert decoder.feed(b"\ndata: 2\n\n") == [Event("", "2")]
    assert decoder.flush() == []

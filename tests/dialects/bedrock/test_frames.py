"""AWS's event streams: cut anywhere, corrupt, and with errors inside."""

from __future__ import annotations

import json

import pytest

from router_core.dialects.bedrock.frames import Frames, InvokeFrames
from router_core.http.sse import Event
from tests.dialects.bedrock.kit import chunk, frame, framed


def test_events_are_the_same_however_the_bytes_are_cut() -> None:
    stream = frame("messageStart", {"role": "assistant"}) + frame("messageStop", {"stopReason": "end_turn"})
    whole = list(Frames().feed(stream))
    assert [event.name for event in whole] == ["messageStart", "messageStop"]
    for size in range(1, len(stream)):
        frames = Frames()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [event for piece in pieces for event in frames.feed(piece)] == whole


@pytest.mark.parametrize("at", [1, 9, 20, -10, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    broken = bytearray(frame("messageStop", {"stopReason": "end_turn"}))
    broken[at] ^= 0x40
    with pytest.raises(ValueError, match="broken frame"):
        list(Frames().feed(bytes(broken) + frame("metadata", {})))


def test_what_came_before_a_broken_frame_is_told_before_it_is_noticed() -> None:
    events = iter(Frames().feed(frame("messageStart", {}) + b"<html>Bad Gateway</html>"))
    assert next(iter(events)).name == "messageStart"
    with pytest.raises(ValueError, match="broken frame"):
        next(iter(events))


def test_half_a_frame_is_no_event() -> None:
    frames = Frames()
    assert [*frames.feed(frame("messageStart", {})[:-1]), *frames.flush()] == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("throttlingException", 429),
        ("validationException", 400),
        ("modelTimeoutException", 408),
        ("serviceUnavailableException", 503),
        ("modelStreamErrorException", 500),
        ("internalServerException", 500),
    ],
)
def test_an_exception_is_an_error_with_the_status_it_would_have_had(name: str, code: int) -> None:
    (event,) = Frames().feed(frame(name, {"message": "no"}, kind="exception"))
    assert event.name == "error"
    assert json.loads(event.data)["error"] == {"type": name, "message": "no", "code": code}


def test_an_error_that_no_model_of_the_api_has_keeps_its_headers() -> None:
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "oh"}
    (event,) = Frames().feed(framed(headers, b""))
    assert json.loads(event.data)["error"] == {"type": "InternalFailure", "message": "oh", "code": 500}


def test_an_invokes_frames_are_unwrapped() -> None:
    assert list(InvokeFrames().feed(chunk({"type": "ping"}))) == [Event("ping", '{"type": "ping"}')]
    assert list(InvokeFrames().feed(chunk({"outputText": "é"}))) == [Event("", '{"outputText": "\\u00e9"}')]
    (error,) = InvokeFrames().feed(frame("throttlingException", {"message": "no"}, kind="exception"))
    assert error.name == "error"

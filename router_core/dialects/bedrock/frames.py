"""AWS's event streams: binary frames with checksums, taken apart by botocore.

An event keeps its name. An exception becomes an event `error` as Anthropic's streams have it, so that all readers know
what it is: {"error": {"type", "message", "code"}}, where `code` is the status it would have had instead of a 200.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from router_core.dialects.bedrock.library import botocore
from router_core.http.sse import Event

_STATUS = {
    "validationexception": 400,
    "modeltimeoutexception": 408,
    "throttlingexception": 429,
    "internalserverexception": 500,
    "serviceunavailableexception": 503,
}


class Frames:
    """Feed it bytes cut anywhere. A frame with a wrong checksum, or what is no frame, is a ValueError."""

    def __init__(self) -> None:
        eventstream = botocore("eventstream")
        self._buffer = eventstream.EventStreamBuffer()
        self._broken = (eventstream.ParserError, struct.error)

    def feed(self, chunk: bytes) -> Iterable[Event]:
        """The events that `chunk` completes."""
        self._buffer.add_data(chunk)
        try:
            for message in self._buffer:
                yield self._event(message.headers, message.payload)
        except self._broken as exc:
            raise ValueError(f"a broken frame: {type(exc).__name__}") from None

    def flush(self) -> Iterable[Event]:
        """Nothing: a part of a frame is no event."""
        return ()

    def _event(self, headers: Mapping[str, Any], payload: bytes) -> Event:
        if headers.get(":message-type") in ("exception", "error"):
            return Event("error", json.dumps({"type": "error", "error": _failure(headers, payload)}))
        return Event(headers.get(":event-type", ""), payload.decode())


class InvokeFrames(Frames):
    """Streams of invoke: each frame wraps a piece of JSON in the model's own format, which becomes the event."""

    def _event(self, headers: Mapping[str, Any], payload: bytes) -> Event:
        event = super()._event(headers, payload)
        if event.name != "chunk":
            return event
        text = base64.b64decode(json.loads(event.data)["bytes"]).decode()
        return Event(json.loads(text).get("type", ""), text)


def _failure(headers: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    name = str(headers.get(":exception-type") or headers.get(":error-code") or "internalServerException")
    try:
        said = json.loads(payload)
    except ValueError:
        said = {}
    message = said.get("message") or said.get("Message") or headers.get(":error-message") or ""
    # Whatever the model's own server said (modelStreamErrorException), the fault is on that side.
    return {"type": name, "message": message, "code": _STATUS.get(name.lower(), 500)}

"""Images and audio that a model made, where LiteLLM and OpenAI have them in a message."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

_LIFETIME = 3_600  # seconds; OpenAI's client wants one, Google gives none: the data is here


def image_of(part: Mapping[str, Any], index: int) -> dict[str, Any]:
    """An entry of `message.images`: a data: URL."""
    data = part["inlineData"]
    image: dict[str, Any] = {
        "type": "image_url",
        "index": index,
        "image_url": {"url": f"data:{data['mimeType']};base64,{data['data']}", "detail": "auto"},
    }
    if part.get("thoughtSignature"):
        image["provider_specific_fields"] = {"thought_signature": part["thoughtSignature"]}
    return image


def audio_of(part: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """`message.audio`; a further part goes on where the one before it ended. `format` is what Google calls it."""
    data = part["inlineData"]
    if before:
        joined = base64.b64decode(before["data"]) + base64.b64decode(data["data"])
        return {**before, "data": base64.b64encode(joined).decode()}
    return {
        "id": f"audio_{uuid4().hex}",
        "data": data["data"],
        "expires_at": int(time.time()) + _LIFETIME,
        "transcript": "",
        "format": data["mimeType"],
    }

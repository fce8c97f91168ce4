"""Pieces of a message as Google's parts."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from router_core.dialects.conversation import Media, Part
from router_core.dialects.gemini.models import generation

PROVIDER = "Gemini"


def part_of(part: Part, model: str) -> dict[str, Any]:
    """A part of a message. `detail` is a hint that models before Gemini 3 take for whole requests only: not said there.

    Raises UnsupportedParamsError where there are neither data nor an address.
    """
    if part.kind in ("text", "refusal"):
        return {"text": part.text}
    said = media_of(part)
    if part.extra.get("video_metadata"):
        said["videoMetadata"] = part.extra["video_metadata"]
    detail = part.detail or part.extra.get("detail")
    if detail not in (None, "auto") and generation(model) >= (3, 0):
        said["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{detail.upper()}"}
    return said


def media_of(part: Part) -> dict[str, Any]:
    """inlineData for data, fileData for an address (https, gs, or of Google's Files API): Google fetches it, not we."""
    media = part.media
    if media.data is not None:
        return {"inlineData": {"mimeType": media.media_type, "data": media.data}}
    address = media.url or media.file_id
    if not address:
        raise part.unsupported(PROVIDER, "it has neither data nor an address")
    kind = _kind_of(media, part.name or address)
    return {"fileData": {**({"mimeType": kind} if kind else {}), "fileUri": address}}


def signature_of(raw: Mapping[str, Any]) -> str | None:
    """The thought signature kept in a message or in a tool call; also where Google's OpenAI-compatible API keeps it."""
    fields = raw.get("provider_specific_fields") or {}
    if fields.get("thought_signature"):
        return str(fields["thought_signature"])
    several = fields.get("thought_signatures")  # LiteLLM's word, in messages
    google = (raw.get("extra_content") or {}).get("google") or {}
    return several[-1] if several else google.get("thought_signature")


def _kind_of(media: Media, name: str) -> str | None:
    return media.media_type or mimetypes.guess_type(name.partition("?")[0])[0]

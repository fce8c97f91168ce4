"""Parts of a message as Anthropic's blocks: texts, images, documents.

`detail` of an image has no equivalent: it is about OpenAI's own way of cutting pictures up.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from router_core.dialects.anthropic.place import Place
from router_core.dialects.anthropic.unsupported import PROVIDER
from router_core.dialects.conversation import Media, Part

FILES_BETA = "files-api-2025-04-14"


def blocks(parts: Iterable[Part], place: Place) -> list[dict[str, Any]]:
    """The blocks of a content. Anthropic refuses empty texts, so they are left out.

    Raises UnsupportedParamsError naming the part that has no place.
    """
    return [_block(part, place) for part in parts if part.kind not in ("text", "refusal") or part.text]


def has_files(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Any block names a file of Anthropic's."""
    return any(_of_file(block) for message in messages for block in message["content"])


def _of_file(block: Mapping[str, Any]) -> bool:
    if block["type"] == "tool_result":
        return any(map(_of_file, block.get("content") or ()))
    source = block.get("source")
    return isinstance(source, Mapping) and source.get("type") == "file"


def _block(part: Part, place: Place) -> dict[str, Any]:
    extra = {name: value for name, value in part.extra.items() if value is not None}
    if part.kind in ("text", "refusal"):
        return {"type": "text", "text": part.text, **extra}
    if part.kind == "audio":
        raise part.unsupported(PROVIDER)
    kind, source = _inline(part, part.media) if part.media.data is not None else _elsewhere(part, place)
    title = {"title": part.name} if part.name and kind == "document" else {}
    return {"type": kind, "source": source, **title, **extra}


def _inline(part: Part, media: Media) -> tuple[str, dict[str, Any]]:
    media_type = media.media_type or ""
    if media_type.startswith("image/"):
        media_type = "image/jpeg" if media_type == "image/jpg" else media_type
        return "image", {"type": "base64", "media_type": media_type, "data": media.data}
    if media_type == "application/pdf":
        return "document", {"type": "base64", "media_type": media_type, "data": media.data}
    if media_type.startswith("text/"):
        return "document", {"type": "text", "media_type": "text/plain", "data": _text(part, media.data or "")}
    raise part.unsupported(PROVIDER, f"{media_type} is no image, PDF or text")


def _text(part: Part, data: str) -> str:
    try:
        return base64.b64decode(data).decode()
    except ValueError:
        raise part.unsupported(PROVIDER, "its data is no text in base64") from None


def _elsewhere(part: Part, place: Place) -> tuple[str, dict[str, Any]]:
    media = part.media
    if media.file_id:
        return "document", {"type": "file", "file_id": media.file_id}
    if not (media.url or "").startswith(("https://", "http://")):
        raise part.unsupported(PROVIDER, "it is neither data: nor http(s)")
    if not place.takes_urls:
        raise part.unsupported(PROVIDER, "URLs are not fetched here; give the data")
    return "image" if part.kind == "image" else "document", {"type": "url", "url": media.url}

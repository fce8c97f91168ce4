"""Pieces of content as Converse's blocks. Bytes are base64 in its JSON, so data: URLs need no decoding."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Mapping
from typing import Any

from router_core.dialects.conversation import Part

_WHO = "bedrock"
_FORMATS = {
    "image/jpg": "jpeg",
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
    "audio/mpeg": "mp3",
    "audio/x-wav": "wav",
    "audio/mp4": "m4a",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/plain": "txt",
    "text/markdown": "md",
}
_ALLOWED = {
    "image": frozenset({"png", "jpeg", "gif", "webp"}),
    "video": frozenset({"mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"}),
    "audio": frozenset({"mp3", "opus", "wav", "aac", "flac", "ogg", "m4a", "mka", "pcm", "webm"}),
    "document": frozenset({"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"}),
}
_FORBIDDEN = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")


class Blocks:
    """Makes the blocks of one request; its documents must not share a name. `caches`: the model takes cache points."""

    def __init__(self, caches: bool = True) -> None:
        self._names: set[str] = set()
        self._caches = caches

    def of(self, part: Part) -> Iterator[dict[str, Any]]:
        """The block of a part, and the cache point after it. Blank text has no block: it is refused there."""
        if part.kind in ("text", "refusal"):
            if part.text.strip():
                yield {"text": part.text}
        else:
            yield self._media(part)
        yield from self.point(part.extra)

    def point(self, holder: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The cache point after something, where one is asked for."""
        return cache_point(holder) if self._caches else iter(())

    def _media(self, part: Part) -> dict[str, Any]:
        media_type = _media_type(part)
        kind, form = _kind_and_format(part, media_type)
        block: dict[str, Any] = {"format": form, "source": _source(part)}
        if kind == "document":
            block["name"] = self._name(part.name)
        return {kind: block}

    def _name(self, given: str | None) -> str:
        """A name as it has to be there: letters, digits, single blanks, hyphens, brackets; and no name twice."""
        stem = (given or "").rpartition(".")[0] or given or ""
        name = " ".join(_FORBIDDEN.sub(" ", stem).split())[:190] or "document"
        number, wanted = 1, name
        while name in self._names:
            number += 1
            name = f"{wanted} {number}"
        self._names.add(name)
        return name


def cache_point(holder: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The cache point after something with Anthropic's `cache_control`."""
    control = holder.get("cache_control")
    if control:
        ttl = control.get("ttl") if isinstance(control, Mapping) else None
        yield {"cachePoint": {"type": "default", "ttl": ttl} if ttl else {"type": "default"}}


def _media_type(part: Part) -> str:
    media = part.media
    given = media.media_type or mimetypes.guess_type(media.url or media.file_id or "")[0]
    if given in (None, "application/octet-stream") and part.name:
        given = mimetypes.guess_type(part.name)[0]
    if not given:
        raise part.unsupported(_WHO, "its media type is not known")
    return given.lower()


def _kind_and_format(part: Part, media_type: str) -> tuple[str, str]:
    main, _, sub = media_type.partition("/")
    kind = main if main in ("image", "video", "audio") else "document"
    form = _FORMATS.get(media_type, sub)
    if form not in _ALLOWED[kind]:
        raise part.unsupported(_WHO, f"{media_type} is not among {', '.join(sorted(_ALLOWED[kind]))}")
    return kind, form


def _source(part: Part) -> dict[str, Any]:
    media = part.media
    if media.data is not None:
        return {"bytes": media.data}
    place = media.url or media.file_id or ""
    if place.startswith("s3://"):
        return {"s3Location": {"uri": place}}
    raise part.unsupported(_WHO, "only data: and s3:// URLs can be sent, nothing is fetched")

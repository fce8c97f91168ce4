"""Files in a call, read once before its first attempt: a retry must send the same bytes."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from router_core.errors import BadRequestError

Attached = tuple[str, bytes, str]  # name, content, media type
_FIELDS = ("file", "image", "mask", "markup")
_UNKNOWN = "application/octet-stream"

# What files begin with, for bytes without a name: providers go by the name's ending.
_BEGINNINGS = (
    (b"\x89PNG\r\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"%PDF", "pdf"),
    (b"ID3", "mp3"),
    (b"\xff\xfb", "mp3"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"\x1aE\xdf\xa3", "webm"),
)


async def with_files(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call with what stands for a file read. Raises BadRequestError naming what is none."""
    return await asyncio.to_thread(_with_files, arguments)


def _with_files(arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments | {name: _read(arguments[name], name) for name in _FIELDS if arguments.get(name) is not None}


def _read(value: Any, name: str) -> Attached | list[Attached]:
    if isinstance(value, list):
        return [attached(one, f"{name}[{index}]") for index, one in enumerate(value)]
    return attached(value, name)


def attached(value: Any, where: str = "file") -> Attached:
    """A file as openai's client takes it: bytes, a path, an open binary file, or (name, one of these[, media type])."""
    name, kind = "", ""
    if isinstance(value, tuple) and 2 <= len(value) <= 4:
        name, kind, value = str(value[0] or ""), str(value[2] or "") if len(value) > 2 else "", value[1]
    try:
        name, content = _content(value, name, where)
    except OSError as exc:
        raise BadRequestError(f"{where} cannot be read: {exc.strerror or type(exc).__name__}") from None
    return name, content, kind or mimetypes.guess_type(name)[0] or _UNKNOWN


def _ending(begin: bytes) -> str:
    if begin[:4] == b"RIFF":
        return {b"WAVE": ".wav", b"WEBP": ".webp"}.get(begin[8:12], "")
    if begin[4:8] == b"ftyp":
        return ".mp4"
    return next((f".{ending}" for start, ending in _BEGINNINGS if begin.startswith(start)), "")


def _content(value: Any, name: str, where: str) -> tuple[str, bytes]:
    if isinstance(value, bytes | bytearray):
        return name or f"{where}{_ending(bytes(value[:16]))}", bytes(value)
    if isinstance(value, PathLike):
        return name or Path(fspath(value)).name, Path(fspath(value)).read_bytes()
    if hasattr(value, "read") and not isinstance(value, Mapping):
        content = value.read()
        if isinstance(content, bytes):
            return name or Path(str(getattr(value, "name", where))).name, content
    raise BadRequestError(
        f"{where} must be bytes, a path, a file opened in binary mode, or (name, content, media type)"
    )

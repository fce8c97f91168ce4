"""Recorded exchanges with real providers, read where they are."""

from __future__ import annotations

import email
import email.policy
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

_BESIDE = Path(__file__).parents[3] / "shared" / "data" / "cassettes"
CASSETTES = Path(os.environ.get("ROUTER_CORE_CASSETTES", _BESIDE))
MISSING = f"the recordings are not here: {CASSETTES} (set ROUTER_CORE_CASSETTES to their folder)"
ERROR_BODIES = CASSETTES / "error_bodies_from_issues.jsonl"
_STREAMS = ("text/event-stream", "application/vnd.amazon.eventstream", "application/x-ndjson")


@dataclass(frozen=True)
class Recording:
    """One recorded exchange: a file has several, counted by `index`.

    `path` is unquoted, `query` has the first value of each name, header names are in lower case. The bodies are
    as the wire carries them, uncompressed.
    """

    provider: str
    file: str
    index: int
    method: str
    url: str
    path: str
    query: Mapping[str, str]
    request_headers: Mapping[str, str] = field(repr=False)
    request_body: bytes = field(repr=False)
    status: int
    response_headers: Mapping[str, str] = field(repr=False)
    response_body: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """How tests and error messages call it."""
        return f"{self.provider}/{self.file}#{self.index}"

    @cached_property
    def request(self) -> Any:
        """The request's JSON, the fields of its form, or None where it is neither. Not to be changed: copy it."""
        return body_of(self.request_headers.get("content-type", ""), self.request_body)

    @cached_property
    def response(self) -> Any:
        """The answer's JSON; None where it is none."""
        return _json(self.response_body)

    @property
    def is_stream(self) -> bool:
        """The answer came as a stream."""
        return self.content_type.startswith(_STREAMS)

    @property
    def content_type(self) -> str:
        """The answer's; as its bytes look where the recorder did not keep it."""
        kept = self.response_headers.get("content-type")
        looks_like_events = self.response_body.lstrip()[:6] in (b"event:", b"data: ")
        return kept or ("text/event-stream" if looks_like_events else "application/json")


@cache
def recordings() -> tuple[Recording, ...]:
    """All of them, in the order of their names."""
    if not CASSETTES.is_dir():
        return ()
    loader = _loader()
    with warnings.catch_warnings(action="ignore"):  # the loader leaves its files open
        return tuple(found for file in sorted(CASSETTES.glob("*/*.y*ml")) for found in _read(loader, file))


def body_of(content_type: str, body: bytes) -> Any:
    """JSON; the fields of a form, where a file is its name, type and size; None for anything else."""
    if content_type.startswith("multipart/form-data"):
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        return {name: value for part in form.iter_parts() for name, value in [_field(part)]}
    return _json(body)


def _field(part: Any) -> tuple[str, Any]:
    name = part.get_param("name", header="content-disposition")
    content = part.get_payload(decode=True)
    if part.get_filename() is None:
        return name, content.decode()
    return name, {"filename": part.get_filename(), "content_type": part.get_content_type(), "bytes": len(content)}


def _loader() -> ModuleType:
    loader = ModuleType("cassette_loader")  # not imported: that would write a cache beside it
    exec(compile((CASSETTES / "cassette_loader.py").read_text(), "cassette_loader", "exec"), vars(loader))
    return loader


def _read(loader: ModuleType, file: Path) -> Iterator[Recording]:
    for index, interaction in enumerate(loader.load(file)):
        request, response = interaction["request"], interaction["response"]
        url = urlsplit(request["uri"])
        yield Recording(
            provider=file.parent.name,
            file=file.stem,
            index=index,
            method=request["method"].upper(),
            url=request["uri"],
            path=unquote(url.path),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            request_headers={name: str(value) for name, value in loader.hdrs(request).items()},
            request_body=loader.raw(request),
            status=loader.status(response),
            response_headers={name: str(value) for name, value in loader.hdrs(response).items()},
            response_body=loader.raw(response),
        )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None

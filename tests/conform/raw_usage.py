"""What a provider counted, read from the recorded bytes without any of our dialects, and priced by others.

`counted`: genai-prices' own extractors on the raw answer. Streams are brought to what they read: `model` and `usage`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import Usage

from tests.conform.recordings import Recording

_FLAVOURS = (  # what ends or is in the path -> names of their extractors that fit, the first that is there counts
    ("/responses", ("responses", "default")),
    ("embed", ("embeddings", "default")),
    ("batchembedcontents", ("default",)),
    ("/messages", ("anthropic", "default")),
    ("/invoke", ("anthropic", "default")),
    ("", ("chat", "default")),
)


def counted(recording: Recording, model: str) -> tuple[Usage, str] | None:
    """Units and the model's name, as the answer has them; None where nothing was counted that they can read."""
    whole = raw(recording)
    if whole is None:
        return None
    provider = get_snapshot().find_provider(None, None, recording.url.replace("<", "").replace(">", ""))
    path = recording.path.lower()
    names = next(names for part, names in _FLAVOURS if part in path)
    for extractor in (e for name in names for e in provider.extractors or () if e.api_flavor == name):
        try:
            named, usage = extractor.extract(whole)
        except ValueError:
            continue
        return usage, named or model
    return None


def raw(recording: Recording) -> dict[str, Any] | None:
    """The answer; of a stream its last model and its usage, merged where it comes in parts."""
    if not recording.is_stream:
        found = recording.response
        return found if isinstance(found, dict) else None
    whole: dict[str, Any] = {}
    for event in _events(recording):
        for place in (event, event.get("response"), event.get("message"), event.get("delta")):
            if isinstance(place, Mapping):
                for name in ("model", "modelVersion"):
                    whole |= {name: place[name]} if place.get(name) else {}
                for name in ("usage", "usageMetadata"):
                    counts = place.get(name)
                    if isinstance(counts, Mapping):
                        whole[name] = {**whole.get(name, {}), **counts}
    return whole if "usage" in whole or "usageMetadata" in whole else None


def _events(recording: Recording) -> Iterator[dict[str, Any]]:
    if "eventstream" in recording.content_type:  # frames: their JSON is plain in them
        for found in re.finditer(rb'"usage":(\{.*?\})[,}]', recording.response_body):
            yield {"usage": json.loads(_balanced(recording.response_body, found.start(1)))}
        return
    for line in recording.response_body.decode().splitlines():
        if line.startswith("data:") and line[5:].strip().startswith("{"):
            yield json.loads(line[5:])


def _balanced(body: bytes, start: int) -> str:
    """The JSON object that begins there."""
    found, _ = json.JSONDecoder().raw_decode(body[start : start + 2000].decode("utf-8", "replace"))
    return json.dumps(found)

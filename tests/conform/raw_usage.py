"""What a provider counted, read from the recorded bytes with genai-prices' extractors: no dialect of ours has a say.

Streams, and Bedrock's answers in the shapes of their models, are brought to `model` and `usage` first.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from genai_prices.types import Provider, Usage

from tests.conform.recordings import Recording

# Folder of recordings -> genai-prices' id, where that is not the same.
_PROVIDERS = {"bedrock": "aws", "gemini": "google", "vertex": "google", "xai": "x-ai"}
# What is in the path -> names of extractors that fit; the first that the provider, else OpenAI, has counts.
_FLAVOURS = (
    ("/responses", ("responses", "default")),
    ("embed", ("embeddings", "default")),
    ("/messages", ("anthropic", "default")),
    ("/invoke", ("anthropic", "default")),
    ("", ("chat", "default")),
)
_USAGES = ("usage", "usageMetadata", "meta")


def provider_of(recording: Recording) -> Provider | None:
    """Theirs; None where they do not know it."""
    return find_provider_by_id(get_snapshot().providers, _PROVIDERS.get(recording.provider, recording.provider))


def counted(recording: Recording) -> tuple[Usage, str | None] | None:
    """Units, and the model's name in the answer; None where nothing was counted that they can read."""
    provider, whole = provider_of(recording), _whole(recording)
    if provider is None:
        return None
    for extractor in _extractors(provider, recording):
        try:
            named, usage = extractor.extract(whole)
        except ValueError:
            continue
        return usage, named
    return _from_headers(recording)


def _extractors(provider: Provider, recording: Recording) -> Iterator[Any]:
    names = next(names for part, names in _FLAVOURS if part in recording.path.lower())
    openai = find_provider_by_id(get_snapshot().providers, "openai")
    assert openai is not None
    for owner in (provider, openai):
        yield from (one for name in names for one in owner.extractors or () if one.api_flavor == name)


def _whole(recording: Recording) -> dict[str, Any]:
    """The answer; of a stream its last model and its usage, merged where it comes in parts."""
    whole: dict[str, Any] = {}
    for event in _events(recording):
        for place in (event, *(event.get(name) for name in ("response", "message", "delta"))):
            if isinstance(place, Mapping):
                whole |= {name: place[name] for name in ("model", "modelVersion") if place.get(name)}
                for name in (name for name in _USAGES if isinstance(place.get(name), Mapping)):
                    whole[name] = {**whole.get(name, {}), **place[name]}
    return whole


def _events(recording: Recording) -> Iterator[dict[str, Any]]:
    body = recording.response_body
    if "eventstream" in recording.content_type:  # frames whose JSON is plain in them, or in base64 in that
        for found in re.finditer(rb'\{"bytes":"([A-Za-z0-9+/=]+)"', body):
            yield json.loads(base64.b64decode(found[1]))
        for found in re.finditer(rb'"usage":\{', body):
            yield {"usage": _object(body[found.end() - 1 :])}
    elif recording.is_stream:
        lines = (line[5:].strip() for line in body.decode().splitlines() if line.startswith("data:"))
        yield from (json.loads(line) for line in lines if line.startswith("{"))
    elif isinstance(recording.response, dict):
        yield recording.response


def _object(text: bytes) -> Any:
    return json.JSONDecoder().raw_decode(text[:2000].decode("utf-8", "replace"))[0]


def _from_headers(recording: Recording) -> tuple[Usage, None] | None:
    """Bedrock's own counts of an invocation: headers, or the last event of a stream."""
    counts = [recording.response_headers.get(f"x-amzn-bedrock-{side}-token-count") for side in ("input", "output")]
    for event in _events(recording):
        metrics = event.get("amazon-bedrock-invocationMetrics")
        if metrics:
            counts = [metrics["inputTokenCount"], metrics["outputTokenCount"]]
    if None in counts:
        return None
    sent, made = (int(count or 0) for count in counts)
    return Usage(input_tokens=sent, output_tokens=made), None

"""usageMetadata as OpenAI's usage.

Google counts apart what OpenAI counts together: thoughts are part of what was made, the results of Google's own tools
part of what was sent. A count it leaves out is 0 where others are there, and unknown where none is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.dialects import compose

_MODALITIES = {"AUDIO": "audio_tokens", "IMAGE": "image_tokens", "VIDEO": "video_tokens"}
_TIERS = {"standard": "default"}


def usage_of(counted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Usage in tokens; None where Google did not count."""
    if not counted or "promptTokenCount" not in counted:
        return None
    thoughts = counted.get("thoughtsTokenCount")
    sent = counted["promptTokenCount"] + counted.get("toolUsePromptTokenCount", 0)
    made = counted.get("candidatesTokenCount", 0) + (thoughts or 0)
    usage = compose.usage(sent, made, cached=counted.get("cachedContentTokenCount"), reasoning=thoughts)
    if usage is not None:
        _modalities(usage, "prompt_tokens_details", counted.get("promptTokensDetails"))
        _modalities(usage, "completion_tokens_details", counted.get("candidatesTokensDetails"))
    return usage


def tier_of(counted: Mapping[str, Any] | None) -> str | None:
    """OpenAI's word for the tier that served the call."""
    tier = str((counted or {}).get("serviceTier") or "").lower()
    return _TIERS.get(tier, tier) or None


def _modalities(usage: dict[str, Any], name: str, details: Any) -> None:
    """Tokens that are no text have prices of their own."""
    found = {_MODALITIES[d["modality"]]: d.get("tokenCount", 0) for d in details or () if d["modality"] in _MODALITIES}
    if found:
        usage[name] = {**usage.get(name, {}), **found}

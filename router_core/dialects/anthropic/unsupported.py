"""The refusal of what the format, or the model, has no words for."""

from __future__ import annotations

from router_core.errors import UnsupportedParamsError

PROVIDER = "anthropic"


def unsupported(place: str, why: str, *params: str) -> UnsupportedParamsError:
    """The error about a parameter, or a place in one. `params`: where it is about several."""
    return UnsupportedParamsError(f"{place} cannot be said to this model: {why}", params=params or (place,))

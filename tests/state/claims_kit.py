"""What tests of sessions share."""

from __future__ import annotations

from typing import Any

from router_core.state.records import Acquire
from tests.state.kit import Place, ask

IDS = tuple("abcd")
TTL = 1000  # seconds


def of(session: str = "s1", *candidates: str, **more: Any) -> Acquire:
    return ask(*(candidates or IDS), pin=session, pin_seconds=float(TTL), **more)


def pin(place: Place, session: str = "s1") -> str | None:
    """Who has the session."""
    text = place.do("MGET", f"pin:g:{session}")[0]
    return text.split()[0] if text else None

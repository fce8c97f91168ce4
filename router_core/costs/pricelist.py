"""Prices and context windows of well-known models, from genai-prices where it is installed: the extra `prices`.

That package takes 100 µs a lookup and more a calculation, so a model is looked up once and its rates are kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from router_core.costs.rates import MILLION, Rates, Table
from router_core.costs.usage import Unit

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice

FRESH = 60.0  # seconds: prices begin at dates, and some change with the time of day

# Their name of a price -> our unit, and so many of them it is for.
_UNITS: Mapping[str, tuple[Unit, int]] = {
    "input_mtok": ("input", MILLION),
    "cache_read_mtok": ("cached", MILLION),
    "cache_write_mtok": ("cache_write", MILLION),
    "cache_write_1h_mtok": ("cache_write_1h", MILLION),
    "input_audio_mtok": ("input_audio", MILLION),
    "input_image_mtok": ("input_image", MILLION),
    "output_mtok": ("output", MILLION),
    "output_reasoning_mtok": ("reasoning", MILLION),
    "output_audio_mtok": ("output_audio", MILLION),
    "output_image_mtok": ("output_image", MILLION),
    "output_citation_mtok": ("citations", MILLION),
    "requests_kcount": ("requests", 1000),
    "web_searches_kcount": ("searches", 1000),
    "input_mchars": ("characters", MILLION),
    "input_audio_hours": ("audio_ms", 3_600_000),
    "audio_hours": ("audio_ms", 3_600_000),
}

# LiteLLM's providers -> theirs, where those are not the same word.
_PROVIDERS = {
    "azure_ai": "azure",
    "azure_text": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "codestral": "mistral",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "github_copilot": "github-copilot",
    "moonshot": "moonshotai",
    "text-completion-codestral": "mistral",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vertex_ai": "google",
    "vertex_ai_beta": "google",
    "voyage": "voyageai",
    "xai": "x-ai",
}


class Listing:
    """A model that the list knows. `window`: input tokens it takes, None where the list does not say."""

    __slots__ = ("_known", "_rates", "_until", "window")

    def __init__(self, known: ModelInfo) -> None:
        self._known, self.window = known, known.context_window
        self._rates, self._until = Rates({}), 0.0

    def rates(self) -> Rates:
        """The rates of now."""
        if time.monotonic() >= self._until:
            now = datetime.now(UTC)
            tiers = {name: _converted(self._known.get_prices(now, {key: name})) for key, name in self._tiers()}
            usual = _converted(self._known.get_prices(now))
            self._rates, self._until = Rates(usual.table, usual.above, tiers), time.monotonic() + FRESH
        return self._rates

    def _tiers(self) -> set[tuple[str, str]]:
        variants = self._known.price_variants or ()
        return {(key, name) for one in variants for key, name in one.when.items() if key in ("service_tier", "speed")}


def find(provider: str, model: str, api_base: str | None = None) -> Listing | None:
    """What the list knows of a provider's model, None if nothing. `api_base` tells who a compatible server is.

    LiteLLM's names. Where genai-prices is not installed, nothing is known.
    """
    known = _PROVIDERS.get(provider, provider)
    return _find(known, model, None) if known in _ids() else _find(None, model, api_base)


@lru_cache(maxsize=65_536)
def _find(provider: str | None, model: str, api_base: str | None) -> Listing | None:
    snapshot = _snapshot()
    if snapshot is None or (provider is None and api_base is None):
        return None
    try:
        return _listing(snapshot.find_provider_model(model, None, provider, api_base)[1])
    except LookupError:
        return None


@cache
def _ids() -> frozenset[str]:
    snapshot = _snapshot()
    return frozenset() if snapshot is None else frozenset(one.id for one in snapshot.providers)


@cache
def _snapshot() -> DataSnapshot | None:
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        return None
    return get_snapshot()


_listings: dict[int, Listing] = {}


def _listing(known: ModelInfo) -> Listing:
    """One Listing a model, under however many names it was asked for."""
    return _listings.setdefault(id(known), Listing(known))


def _converted(prices: ModelPrice) -> Rates:
    found: dict[Unit, Any] = {}
    for name, (unit, per) in _UNITS.items():
        price = getattr(prices, name, None)
        if price is not None:
            found[unit] = (price, per)
    starts = sorted({tier.start for price, _ in found.values() for tier in getattr(price, "tiers", ())})
    return Rates(_table(found, 0), tuple((start, _table(found, start + 1)) for start in starts))


def _table(prices: Mapping[Unit, Any], sent: int) -> Table:
    """The rates of a call with so many input tokens."""
    return {unit: _nano(_at(price, sent), per) for unit, (price, per) in prices.items()}


def _at(price: Any, sent: int) -> Decimal:
    if isinstance(price, Decimal):
        return price
    reached = [tier.price for tier in price.tiers if sent > tier.start]
    found: Decimal = reached[-1] if reached else price.base
    return found


def _nano(dollars: Decimal, per: int) -> int:
    return int((dollars * 10**9 * MILLION / per).to_integral_value())

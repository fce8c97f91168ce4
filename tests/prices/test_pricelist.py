"""Models that the price list knows, by LiteLLM's names; without the list, and without the model, nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from router_core.costs import pricelist
from router_core.costs.pricelist import Listing, find
from router_core.costs.prices import Prices
from router_core.costs.usage import Usage
from tests.config.helpers import entry, one

types = pytest.importorskip("genai_prices.types")
ModelPrice, Tier, TieredPrices = types.ModelPrice, types.Tier, types.TieredPrices


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-2024-08-06"),
        ("azure", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("vertex_ai", "gemini-2.5-flash"),
        ("gemini", "gemini-2.5-flash"),
        ("xai", "grok-4-fast"),
        ("together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("cohere_chat", "command-a-03-2025"),
        ("openrouter", "anthropic/claude-haiku-4.5"),
    ],
)
def test_providers_by_litellms_names(provider: str, model: str) -> None:
    found = find(provider, model)
    assert found is not None
    assert found.rates().table["input"] > 0
    assert find(provider, model) is found, "found once"


def test_who_a_compatible_server_is_its_address_tells() -> None:
    assert find("openai-compatible", "gpt-4o", "http://127.0.0.1:8000/v1") is None
    assert find("openai-compatible", "deepseek-chat", "https://api.deepseek.com/v1") is not None
    assert find("hosted_vllm", "gpt-4o") is None
    assert find("openai", "nobody-knows-it") is None


def test_base_model_names_the_model_behind_a_deployment() -> None:
    for place in ({"model_info": {"base_model": "azure/gpt-4o"}}, {"base_model": "gpt-4o"}):
        declared = one(entry(model="azure/my-deployment", api_base="https://x.openai.azure.com", **place)).declared()
        assert (declared.input_price, declared.output_price) == (2_500_000_000, 10_000_000_000)


def test_the_answers_model_counts_but_for_a_base_model() -> None:
    usage = Usage(1000, 0)
    named = one(entry(model="openai/gpt-4o"))
    assert Prices([named]).cost_nano(named.id, usage, ("gpt-4o-mini-2024-07-18",)) == 150_000
    assert Prices([named]).cost_nano(named.id, usage, ("nobody-knows-it", None)) == 2_500_000
    told = one(entry(model="openai/gpt-4o", model_info={"base_model": "gpt-4o"}))
    assert Prices([told]).cost_nano(told.id, usage, ("gpt-4o-mini-2024-07-18",)) == 2_500_000


@dataclass
class Known:
    """A model of the list whose price changes at a date."""

    before: Any
    after: Any
    changes: datetime
    context_window: int | None = 1000
    price_variants: tuple[Any, ...] = ()

    def get_prices(self, at: datetime, context: Any = None) -> Any:
        return self.before if at < self.changes else self.after


def test_prices_are_those_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    known: Any = Known(
        ModelPrice(input_mtok=Decimal(1)), ModelPrice(input_mtok=Decimal(2)), datetime.max.replace(tzinfo=UTC)
    )
    listing = Listing(known)
    assert listing.rates().table == {"input": 10**9}
    assert listing.rates() is listing.rates(), "worked out once"
    known.changes = datetime.min.replace(tzinfo=UTC)
    assert listing.rates().table == {"input": 10**9}
    monkeypatch.setattr(pricelist, "FRESH", 0.0)
    listing._until = 0.0
    assert listing.rates().table == {"input": 2 * 10**9}


def test_tiers_of_prompt_size_become_tables() -> None:
    tiered = TieredPrices(base=Decimal("1.25"), tiers=[Tier(start=200_000, price=Decimal("2.5"))])
    prices = ModelPrice(input_mtok=tiered, output_mtok=Decimal(10), audio_hours=Decimal("0.36"))
    known: Any = Known(prices, prices, datetime.now(UTC))
    rates = Listing(known).rates()
    assert rates.table == {"input": 1_250_000_000, "output": 10**10, "audio_ms": 10**8}
    assert rates.above == ((200_000, {"input": 2_500_000_000, "output": 10**10, "audio_ms": 10**8}),)


def test_without_the_list_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricelist, "_snapshot", lambda: None)
    pricelist._find.cache_clear()
    pricelist._ids.cache_clear()
    try:
        assert find("openai", "gpt-4o") is None
    finally:
        pricelist._ids.cache_clear()
        pricelist._find.cache_clear()

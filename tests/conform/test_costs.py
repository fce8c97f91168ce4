"""What recorded calls cost: ours, from decoded answers by rates worked out once, against two who calculate themselves.

genai-prices on the raw answer (its extractors, its calculation), and model-prices, whose data are others (models.dev
and the providers' pages). Both at the prices of today.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import model_prices
import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import Usage as TheirUsage

from router_core.answering.collect import collector_for
from router_core.config import Deployment, load
from router_core.costs.prices import Prices
from router_core.costs.usage import Usage, usage_of
from router_core.providers import PROVIDERS
from router_core.providers.base import Call
from tests.conform.cases import Case, ours
from tests.conform.ours import KEY, play
from tests.conform.raw_usage import counted, provider_of
from tests.conform.recordings import MISSING, recordings

WITHIN = 0.01
# model-prices' names of labs; it knows no resellers.
_LABS = {name: name for name in ("anthropic", "openai", "deepseek", "xai", "mistral", "cohere")}
_LABS |= {"gemini": "google", "vertex": "google"}


@dataclass
class Priced:
    """A recorded call and its cost in nano-dollars; None: we know no price."""

    case: Case
    deployment: Deployment
    usage: Usage
    cost: int | None


@pytest.fixture(scope="module")
def priced() -> list[Priced]:
    if not recordings():
        pytest.skip(MISSING)

    async def all_of_them() -> list[Priced]:
        return [await _priced(case) for case in ours() if not case.is_error]

    return asyncio.run(all_of_them())


def test_all_that_have_a_price_are_priced(priced: list[Priced]) -> None:
    """What has none: models no list has (own servers, a reseller's embeddings), and answers that count nothing."""
    without = Counter(one.case.recording.provider for one in priced if one.cost is None)
    print(f"\n{sum(one.cost is not None for one in priced)} of {len(priced)} recorded answers have a price; "
          f"without: {dict(without)}")  # fmt: skip
    known = [one.case.recording.id for one in priced if one.cost is None and _reason(one) is None]
    assert known == []


def test_costs_are_those_that_genai_prices_calculates(priced: list[Priced]) -> None:
    _compared(priced, _genai, least=250)


def test_costs_are_those_of_an_independent_list(priced: list[Priced]) -> None:
    """Where the two lists have one price for a model: their data differ on a few, which are counted."""
    _compared(priced, _independent, least=150)


async def _priced(case: Case) -> Priced:
    call = case.ours()
    played = await play(call, case.recording)
    assert played.error is None
    params = {"api_key": KEY, **call.params}
    _, (deployment,) = load([{"model_name": "m", "litellm_params": params}], environ={}, providers=tuple(PROVIDERS))
    answer: Any = played.answers[0] if played.answers else {}
    if case.recording.is_stream:
        collector = collector_for(call.kind)
        for chunk in played.answers:
            collector.add(chunk)
        answer = {**collector.head, "usage": collector.usage}
    usage = usage_of(answer, Call(call.kind, call.arguments))
    cost = Prices([deployment]).cost_nano(deployment.id, usage, (answer.get("model"),))
    return Priced(case, deployment, usage, cost)


def _reason(one: Priced) -> str | None:
    """Why there is no price."""
    found = counted(one.case.recording)
    if one.usage.sent is None and found is None:
        return "nothing was counted"
    if _known(one, found[1] if found else None) is None:
        return "no list has the model"
    return None


def _genai(one: Priced) -> float | str:
    """Nano-dollars, or why there is nothing to compare."""
    if one.cost is None:
        return _reason(one) or "priced by them only"
    if one.usage.stated_nano is not None:
        return "the provider says what it costs"
    found = counted(one.case.recording)
    if found is None:
        return "they read no usage"
    usage, named = found
    known = _known(one, named)
    provider = provider_of(one.case.recording)
    if known is None or provider is None:
        return "they do not know the model"
    try:
        return float(known.calc_price(usage, provider).total_price) * 1e9
    except ValueError:
        return "they refuse the usage: more was cached than sent"


def _known(one: Priced, named: str | None) -> Any:
    provider = provider_of(one.case.recording)
    names = (name for name in (named, one.deployment.model) if name and provider is not None)
    found = (provider.find_model(name, all_providers=get_snapshot().providers) for name in names if provider)
    return next((model for model in found if model is not None), None)


def _independent(one: Priced) -> float | str:
    found = counted(one.case.recording)
    lab = _LABS.get(one.case.recording.provider)
    if one.cost is None or found is None or lab is None:
        return "no price of a lab"
    usage, named = found
    rates = next(_rates(lab, (named, one.deployment.model)), None)
    if rates is None:
        return "they do not know the model"
    known = _known(one, named)
    listed = None if known is None else _basic(known)
    if listed != (rates.input, rates.output):
        return f"the lists differ: {rates.model}"
    return _units_cost(rates, usage)


def _rates(lab: str, names: tuple[str | None, ...]) -> Iterator[Any]:
    for name in names:
        found = name and model_prices.rates(name, provider=lab)
        if found and found.provider == lab:
            yield found


def _basic(known: Any) -> tuple[float, float] | None:
    prices = known.get_prices(datetime.now(UTC))
    pair = [getattr(price, "base", price) for price in (prices.input_mtok, prices.output_mtok)]
    return None if pair[0] is None else (float(pair[0]), float(pair[1] or 0))


def _units_cost(rates: Any, usage: TheirUsage) -> float:
    counts = usage.__dict__
    read, written = counts.get("cache_read_tokens", 0), counts.get("cache_write_tokens", 0)
    long = counts.get("cache_write_1h_tokens", 0)
    fresh = counts.get("input_tokens", 0) - read - written
    return float(rates.cost(fresh, counts.get("output_tokens", 0), read, written - long, long)) * 1e9


def _compared(priced: list[Priced], calculate: Callable[[Priced], float | str], least: int) -> None:
    """Nobody calculates another cost, and `least` answers were compared at least."""
    kinds: Counter[str] = Counter()
    wrong = []
    for one in priced:
        theirs = calculate(one)
        outcome = theirs if isinstance(theirs, str) else "the same" if _close(one.cost, theirs) else "another"
        kinds[outcome] += 1
        if outcome == "another":
            wrong.append((one.case.recording.id, one.cost, theirs))
    print("\n" + _listed(kinds))
    assert wrong == []
    assert kinds["the same"] > least


def _close(cost: int | None, theirs: float) -> bool:
    return cost is not None and abs(cost - theirs) <= max(1.0, WITHIN * theirs)


def _listed(kinds: Counter[str]) -> str:
    return "\n".join(f"{count:5} {kind}" for kind, count in kinds.most_common())

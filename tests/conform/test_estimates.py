"""How far estimates of the input are from what providers counted: before and after what a fleet learns online.

Each recording is estimated before its answer is seen, in their order; one deployment per provider and model. `-s` shows
the table: errors relative to the real count, medians.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

import pytest

from router_core.config import load
from router_core.estimating import tokenizer, tokens
from router_core.estimating.fits import Fits
from router_core.providers import PROVIDERS
from router_core.state.records import Acquire, Declared, Outcome
from router_core.state.store import Store
from router_core.strategies import sources
from tests.conform.cases import Case, ours
from tests.conform.ours import KEY
from tests.conform.raw_usage import counted
from tests.conform.recordings import MISSING, recordings

_KINDS = ("chat", "completion", "responses", "messages")


@dataclass
class Estimate:
    """Relative errors. `known`: its deployment had answered such a call before; `exact`: by the tokenizer."""

    provider: str
    tools: bool
    before: float
    after: float
    known: bool
    exact: float | None


class Fleet:
    """Deployments that answer, and what a worker knows of their tokens."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.fits, self.seen, self._run = Fits(), set[tuple[str, bool]](), runner.run
        self._store = Store("memory://", ranks=sources(["simple-shuffle"]))
        self._store.on_fit = lambda name, *fit: self.fits.adopt(name, name.partition("/")[0], name, *fit)
        self._declared: dict[str, Declared] = {}

    def learn(self, name: str, guess: int, tools: bool, real: int) -> None:
        if self.fits.teaches(name, guess, tools, real):
            self._run(self._settled(name, Outcome("ok", input_tokens=real, output_tokens=1, guess=guess, tools=tools)))

    def close(self) -> None:
        self._run(self._store.aclose())

    async def _settled(self, name: str, outcome: Outcome) -> None:
        if name not in self._declared:
            self._declared[name] = Declared(name, name, "any", name)
            await self._store.register(tuple(self._declared.values()))
        self._store.settle(await self._store.acquire(Acquire(name, (name,))), outcome)
        await self._store.flush()


@pytest.fixture(scope="module")
def estimates() -> Iterator[list[Estimate]]:
    if not recordings():
        pytest.skip(MISSING)
    with asyncio.Runner() as runner:
        fleet = Fleet(runner)
        found = (_estimate(case, fleet) for case in ours() if not case.is_error)
        yield [one for one in found if one is not None]
        fleet.close()


def test_estimates_are_as_good_as_they_can_be(estimates: list[Estimate]) -> None:
    _print(estimates)
    assert len(estimates) > 200
    assert median(one.after for one in estimates) < 0.20 < median(one.before for one in estimates)
    assert median(one.after for one in estimates if one.known) < 0.13


def test_the_tokenizer_is_exact_for_texts(estimates: list[Estimate]) -> None:
    """Most of OpenAI's recordings without tools; the others have results of tools, formats or searches in them."""
    errors = [one.exact for one in estimates if one.exact is not None and not one.tools]
    print(f"\ntokenizer, OpenAI without tools: {sum(not error for error in errors)} of {len(errors)} exact")
    assert median(errors) == 0


def _estimate(case: Case, fleet: Fleet) -> Estimate | None:
    call, found = case.ours(), counted(case.recording)
    reading = tokens.read(call.arguments, call.kind)
    if call.kind not in _KINDS or found is None or not reading.texts or reading.media or reading.own_tools:
        return None
    real = int(found[0].__dict__.get("input_tokens", 0))
    if not real or call.arguments.get("previous_response_id"):
        return None
    params = {"api_key": KEY, **call.params}
    _, (one,) = load([{"model_name": "m", "litellm_params": params}], environ={}, providers=tuple(PROVIDERS))
    name, provider, tools = f"{one.provider}/{one.model}", one.provider, bool(reading.tools)
    guess, corrected = reading.tokens, fleet.fits.expect(name, provider, reading.tokens, tools)
    known = (name, tools) in fleet.seen
    fleet.learn(name, guess, tools, real)
    fleet.seen.add((name, tools))
    encoding = tokenizer.encoding_of([one])
    exact = None if encoding is None else _error(tokenizer.count(reading, encoding), real)
    return Estimate(case.recording.provider, tools, _error(guess, real), _error(corrected, real), known, exact)


def _error(estimate: int, real: int) -> float:
    return abs(estimate - real) / real


def _print(estimates: Iterable[Estimate]) -> None:
    groups = defaultdict[tuple[str, str], list[Estimate]](list)
    for one in estimates:
        for provider in (one.provider, "all"):
            for with_tools in ("tools" if one.tools else "no tools", "both"):
                groups[provider, with_tools].append(one)
    print(f"\n{'':12}{'':10}{'calls':>7}{'before':>9}{'after':>9}{'seen before':>13}{'tokenizer':>11}")
    for (provider, with_tools), found in sorted(groups.items(), key=lambda item: (item[0][0] == "all", item[0])):
        print(
            f"{provider:12}{with_tools:10}{len(found):7}{_median(one.before for one in found):>9}"
            f"{_median(one.after for one in found):>9}{_median(one.after for one in found if one.known):>13}"
            f"{_median(one.exact for one in found if one.exact is not None):>11}"
        )


def _median(errors: Iterable[float]) -> str:
    found = list(errors)
    return f"{median(found):.1%}" if found else ""

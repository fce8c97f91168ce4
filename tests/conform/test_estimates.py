"""How far estimates of the input are from what providers counted: before and after what a worker learns online.

Each recording is estimated before its answer is seen, in their order; one deployment per provider and model. `-s` shows
the table: errors relative to the real count, medians.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import pytest

from router_core import tokenizer, tokens
from router_core.config import load
from router_core.fits import Fits
from router_core.providers import PROVIDERS
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


@pytest.fixture(scope="module")
def estimates() -> list[Estimate]:
    if not recordings():
        pytest.skip(MISSING)
    fits, seen = Fits(), set[tuple[str, bool]]()
    found = (_estimate(case, fits, seen) for case in ours() if not case.is_error)
    return [one for one in found if one is not None]


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


def _estimate(case: Case, fits: Fits, seen: set[tuple[str, bool]]) -> Estimate | None:
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
    guess, corrected = reading.tokens, fits.expect(name, provider, reading.tokens, tools)
    known = (name, tools) in seen
    fits.learn(name, provider, name, guess, tools, real)
    seen.add((name, tools))
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

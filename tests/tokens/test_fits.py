"""What the fleet learned of a deployment's tokens corrects this worker's estimates."""

from __future__ import annotations

import pytest

from router_core.estimating.fits import Fits


def test_without_an_answer_the_estimate_stands() -> None:
    assert Fits().expect("g", "openai", 123, tools=False) == 123


def test_hidden_prompts_count_apart_for_calls_with_tools() -> None:
    fits = Fits()
    fits.adopt("g", "anthropic", "a", 1.2, plain=7.0, tools=550.0)
    assert fits.expect("g", "anthropic", 50, tools=True) == 610
    assert fits.expect("g", "anthropic", 20, tools=False) == 31


def test_what_no_call_of_a_deployment_taught_its_provider_tells() -> None:
    fits = Fits()
    fits.adopt("one", "cohere", "a", 1.3, plain=500.0, tools=None)
    fits.adopt("two", "cohere", "b", 1.0, plain=None, tools=90.0)
    assert fits.expect("two", "cohere", 20, tools=False) == 520
    assert fits.expect("two", "cohere", 20, tools=True) == 110
    assert fits.expect("one", "cohere", 20, tools=True) == 26 + 90
    assert fits.expect("other", "cohere", 20, tools=False) == 520, "a group that has not answered"
    assert fits.expect("other", "openai", 20, tools=False) == 20


def test_a_group_expects_the_mean_of_those_that_answered_last() -> None:
    fits = Fits()
    fits.adopt("g", "a", "one", 1.0, 100.0, None)
    for _ in range(3):
        fits.adopt("g", "b", "two", 1.0, 300.0, None)
    assert fits.expect("g", "a", 10, tools=False) == 210
    for number in range(8):
        fits.adopt("g", "c", f"new-{number}", 1.0, 0.0, None)
    assert fits.expect("g", "a", 10, tools=False) == 10, "of the last eight"
    fits.clear()
    assert fits.expect("g", "c", 10, tools=False) == 10


def test_an_estimate_is_never_nothing() -> None:
    fits = Fits()
    fits.adopt("g", "p", "a", 0.25, -500.0, None)
    assert fits.expect("g", "p", 5, tools=False) == 1


@pytest.mark.parametrize(("real", "teaches"), [(1100, False), (1050, False), (1150, False), (1040, True), (1170, True)])
def test_a_call_that_was_estimated_well_teaches_nothing(real: int, teaches: bool) -> None:
    fits = Fits()
    assert fits.teaches("a", 1000, tools=False, real=1000), "the first of a deployment"
    fits.adopt("g", "p", "a", 1.0, 100.0, None)
    assert fits.teaches("a", 1000, tools=False, real=real) is teaches
    assert fits.teaches("a", 1000, tools=True, real=1100), "the first with tools"

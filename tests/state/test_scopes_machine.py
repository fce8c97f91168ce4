"""Rows of every scope, resource and window against plain models: any sequence of calls, ends and time."""

from __future__ import annotations

import pytest

from tests.state.kit import edited
from tests.state.models import AMOUNTS, SCOPES, WINDOWED, WINDOWS, row
from tests.state.scopes_machine import run

RESOURCES = tuple(AMOUNTS)


def rows(window: str) -> dict[str, int]:
    """A limit of everything that has windows."""
    return {name: amount for one in WINDOWED for name, amount in row(one, window).items()}


@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("scope", SCOPES)
def test_the_windows_of_a_scope_agree_with_their_models(scope: str, window: str) -> None:
    run({scope: rows(window)})


@pytest.mark.slow
@pytest.mark.parametrize("scope", SCOPES)
def test_the_calls_in_flight_of_a_scope_agree_with_their_model(scope: str) -> None:
    run({scope: row("concurrent", "")})


@pytest.mark.slow
@pytest.mark.parametrize("shift", range(9))
def test_rows_of_all_scopes_together_agree_with_their_models(shift: int) -> None:
    """Every scope has one row: over the parameters every resource and every window."""
    run({scope: row(RESOURCES[(i + shift) % 6], WINDOWS[(i + shift) % 9]) for i, scope in enumerate(SCOPES)})


MUTANTS = {
    # what is broken -> scope and window that show it, place in the script, what stands there instead
    "a window without the slot that is partly out": (
        "deployment",
        "60",
        r"local keep = w\.newest - w\.n\b",
        r"\g<0> + 1",
    ),
    "nothing is dropped before its slot is out": ("user", "60", r"ring\.drop_oldest\(w\)", "false"),
    "subjects are not asked": ("user", "60", r"ipairs\(subjects\.of_request\(request\)\)", "ipairs({})"),
    "a refund is forgotten": ("account", "3600", r"w\.sum = math\.max\(0, w\.sum \+ delta\)", ""),
    "periods do not end": ("team", "day@UTC", r"start == latest and sum or 0", "sum or 0"),
    "calls in flight are not given back": ("tag", "60", r"subjects\.count\(lease\.counted\[i\], amount\)", ""),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_script_is_seen(mutant: str) -> None:
    scope, window, pattern, instead = MUTANTS[mutant]
    limits = {scope: rows(window) | row("concurrent", "")}
    with pytest.raises(AssertionError):
        run(limits, lambda script: edited(script, pattern, instead), examples=40)

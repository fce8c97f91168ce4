"""Limits as they are typed: which one, how much."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import get_args

from router_core.cli.session import USAGE, fail
from router_core.config.budgets import nano_dollars
from router_core.config.limits_rows import Resource
from router_core.config.limits_windows import window
from router_core.config.suggest import hint
from router_core.state.records import LimitState

_RESOURCES = get_args(Resource)


def row(what: str) -> str:
    """A limit as the state names it. Ends the command where it is none."""
    resource, _, period = what.partition("/")
    if resource not in _RESOURCES:
        fail(f"{what}: a limit is of {', '.join(_RESOURCES)}{hint(resource, _RESOURCES)}", USAGE)
    if resource == "concurrent":
        return resource if not period else fail(f"{what}: calls at once have no window", USAGE)
    try:
        return f"{resource}/{period if re.fullmatch('[1-9][0-9]*', period) else window(period)}"
    except ValueError as error:
        fail(f"{what}: {error}", USAGE)


def amount(limit: str, text: str) -> int:
    """How much of it as the state counts it: cost in nano-dollars. Ends the command where that is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        fail(f"an amount is a number, not {text!r}", USAGE)
    cost = limit.startswith("cost/")
    if not number.is_finite() or number < 0 or (not cost and number != number.to_integral_value()):
        fail(f"an amount is {'in dollars' if cost else 'a whole number'}, 0 or more, not {text!r}", USAGE)
    try:
        return nano_dollars(number) if cost else int(number)
    except ValueError as error:
        fail(f"an amount {error}", USAGE)


def flags(known: LimitState | None, reserve: str | None, enforce: bool | None) -> str:
    """Behind the amount; nothing where they stay, a comma where there are none any more."""
    if reserve is None and enforce is None:
        return ""
    most = known is not None and known.reserve_max if reserve is None else reserve == "max"
    enforced = (known is None or known.enforced) if enforce is None else enforce
    learned = known is not None and known.learned
    return f"{',max' if most else ''}{'' if enforced else ',shadow'}{',adaptive' if learned else ''}" or ","

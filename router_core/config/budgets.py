"""Budgets: an amount of dollars in a period."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

from pydantic import field_validator, model_validator

from router_core.config.fields import LARGEST, Amount, Section
from router_core.config.limits_rows import Row
from router_core.config.limits_windows import window

NANO = 10**9
MOST = LARGEST // NANO  # dollars


def check_duration(value: str) -> str:
    """`value` if it is a window such as `30s`, `1d`, `1mo`, `month` or `day@UTC`, else ValueError."""
    window(value)
    return value


def nano_dollars(dollars: float | Decimal) -> int:
    """Whole nano-dollars, rounded down. ValueError above nine million dollars: the scripts count in doubles."""
    if dollars > MOST:
        raise ValueError(f"must be at most {MOST:,} dollars")
    exact = dollars if isinstance(dollars, Decimal) else Decimal(repr(dollars))
    return int((exact * NANO).to_integral_value(ROUND_FLOOR))


def budget_row(dollars: float, duration: str) -> Row:
    """The row of a budget."""
    return Row("cost", window(duration), nano_dollars(dollars))


class Budget(Section):
    """At most `max_budget` dollars in `budget_duration`; `budget_limit` and `time_period` mean the same."""

    max_budget: Amount
    budget_duration: str

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, value: Any) -> Any:
        if hasattr(value, "model_dump"):
            value = {key: item for key, item in value.model_dump().items() if item is not None}
        if not isinstance(value, dict):
            return value
        renamed = dict(value)
        for other, ours in (("budget_limit", "max_budget"), ("time_period", "budget_duration")):
            if other in renamed and ours in renamed:
                raise ValueError(f"{ours}: give it or {other}, not both")
            if other in renamed:
                renamed[ours] = renamed.pop(other)
        return renamed

    @field_validator("max_budget")
    @classmethod
    def _countable(cls, value: float) -> float:
        nano_dollars(value)
        return value

    @field_validator("budget_duration")
    @classmethod
    def _period(cls, value: str) -> str:
        return check_duration(value)

    def row(self) -> Row:
        """It as a limit."""
        return budget_row(self.max_budget, self.budget_duration)

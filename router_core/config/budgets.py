"""Budgets: an amount of dollars in a period."""

from __future__ import annotations

import re
from typing import Any

from pydantic import field_validator, model_validator

from router_core.config.fields import Amount, Section

_DURATION = re.compile(r"[1-9]\d*(s|m|h|d|w|mo)")


def check_duration(value: str) -> str:
    """`value` if it is a period such as `30s`, `10m`, `1h`, `1d`, `1w` or `1mo`, else ValueError."""
    if not _DURATION.fullmatch(value):
        raise ValueError("a period is a number and a unit: 30s, 10m, 1h, 1d, 1w or 1mo")
    return value


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

    @field_validator("budget_duration")
    @classmethod
    def _period(cls, value: str) -> str:
        return check_duration(value)

"""Limits as they are written: whose, of what, in which window, how much.

    {"scope": "account", "name": "openai-eu", "resource": "tokens", "window": "minute", "amount": 30000}
    {"scope": "user", "name": "*", "resource": "requests", "window": "1d", "amount": 1000}
    {"scope": "team", "name": "red", "resource": "cost", "window": "month@Europe/Berlin", "amount": 50.0}

The name `*` of a tag, a user or a team: each that has no limits of its own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from router_core.config.budgets import nano_dollars
from router_core.config.fields import LARGEST, Name, Number, Section
from router_core.config.limits_rows import Resource, Row
from router_core.config.limits_windows import Window
from router_core.state.names import Scope

DISCOVER = "discover"
OPEN = frozenset({"tag", "user", "team"})  # whoever comes
CLOSED: tuple[Scope, ...] = ("account", "provider", "group")  # those the deployments belong to
EVERYONE = "*"
_NOT_ESTIMATED = frozenset({"requests", "concurrent"})


class Limit(Section):
    """At most `amount` of `resource` in `window`, of a deployment or what it belongs to. Cost is in dollars.

    `reserve="max"`: an upper bound of the call is reserved, not an estimate, so that the limit is never exceeded.
    `enforce=False`: it is counted and refuses nothing.
    """

    scope: Literal["deployment", "account", "provider", "group"] = "deployment"
    name: Name | None = None
    resource: Resource
    window: Window | None = None
    amount: Annotated[Decimal, Number, Field(ge=0, allow_inf_nan=False)]
    reserve: Literal["estimate", "max"] = "estimate"
    enforce: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.resource == "concurrent" and self.window is not None:
            raise ValueError("window: calls at once have none")
        if self.resource != "concurrent" and self.window is None:
            raise ValueError("window: is missing")
        if self.reserve == "max" and self.resource in _NOT_ESTIMATED:
            raise ValueError(f"reserve: {self.resource} are not estimated, so there is no other bound")
        self.row()
        return self

    def row(self) -> Row:
        """It as the state knows it."""
        return Row(self.resource, self.window or "", self._whole(), self.reserve == "max", self.enforce)

    def _whole(self) -> int:
        if self.resource == "cost":
            try:
                return nano_dollars(self.amount)
            except ValueError as error:
                raise ValueError(f"amount: {error}") from None
        if self.amount != self.amount.to_integral_value() or not 1 <= self.amount <= LARGEST:
            raise ValueError(f"amount: must be a whole number of {self.resource}, at least 1")
        return int(self.amount)


class NamedLimit(Limit):
    """A limit of the Router's: whoever it is for."""

    scope: Literal["deployment", "account", "provider", "group", "tag", "user", "team"]  # type: ignore[assignment]
    name: Name

    @field_validator("name")
    @classmethod
    def _someone(cls, value: str) -> str:
        value.encode()  # ValueError for what is not valid Unicode
        return value

    @model_validator(mode="after")
    def _everyone(self) -> Self:
        if self.name == EVERYONE and self.scope not in OPEN:
            raise ValueError("name: * is for tag, user and team")
        return self


def to_discover(section: Any) -> Any:
    """A section whose `limits` is the word `discover`, as fields can say it: `discover=True`."""
    if isinstance(section, dict) and isinstance(section.get("limits"), str):
        if section["limits"] != DISCOVER:
            raise ValueError('limits: must be a list of limits, or "discover"')
        return {**{key: value for key, value in section.items() if key != "limits"}, "discover": True}
    return section

"""Timeouts: seconds, or what a percentile of a deployment's calls says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from router_core.config.fields import Number, Seconds, Section

Percent = Annotated[int, Number, Field(ge=1, le=99)]


class PercentileTimeout(Section):
    """`times` what `percentile` percent of the deployment's calls took at most, as the fleet measured them lately.

    Never below `at_least` nor above `at_most` seconds; `at_most` while too few calls were measured.
    """

    percentile: Percent
    times: Seconds = 2.0
    at_least: Seconds = 1.0
    at_most: Seconds = 600.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_least > self.at_most:
            raise ValueError("at_least: must not be more than at_most")
        return self


def _which(value: Any) -> str:
    return "[percentile]" if isinstance(value, Mapping | PercentileTimeout) else "[seconds]"


# The tags are no part of a field's path: see Problems.collect.
Timeout = Annotated[
    Annotated[Seconds, Tag("[seconds]")] | Annotated[PercentileTimeout, Tag("[percentile]")], Discriminator(_which)
]


def longest(timeout: float | PercentileTimeout) -> float:
    """Seconds it may be at most."""
    return timeout.at_most if isinstance(timeout, PercentileTimeout) else timeout

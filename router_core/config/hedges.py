"""When a call is hedged: repeated elsewhere because it takes unusually long."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator

from router_core.config.fields import Section, Share, Switch

_PERCENTILE = re.compile(r"p([1-9]\d?)")


def _after(value: Any) -> str | float:
    if isinstance(value, str) and _PERCENTILE.fullmatch(value):
        return value
    try:
        seconds = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if not 0 < seconds < float("inf"):
        raise ValueError('must be a percentile from "p1" to "p99", or a number of seconds above 0')
    return seconds


class Hedge(Section):
    """`after`: a percentile of the group's times to first content (of whole answers where they are not streamed), as
    the fleet measured them lately, or seconds. `budget`: at most this share of the group's requests, over the fleet."""

    after: Annotated[str | float, PlainValidator(_after)] = "p95"
    budget: Share = 0.05

    @property
    def percent(self) -> int | None:
        """The percentile after which a call is hedged; None where it is a number of seconds."""
        return int(self.after[1:]) if isinstance(self.after, str) else None


Hedging = Annotated[Hedge | None, Switch]

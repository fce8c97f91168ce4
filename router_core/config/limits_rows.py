"""A limit as the state knows it: a row, and the rows of one subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Resource = Literal["requests", "tokens", "input", "output", "concurrent", "cost"]


class Row(NamedTuple):
    """At most `amount` of `resource` in `window`; cost in nano-dollars, concurrent without a window.

    `reserve_max`: an upper bound is reserved, not an estimate. `enforce`: False: counted, never refused.
    """

    resource: Resource
    window: str
    amount: int
    reserve_max: bool = False
    enforce: bool = True

    @property
    def name(self) -> str:
        """`requests/60`, `cost/month@Europe/Berlin+06:00`, `concurrent`."""
        return f"{self.resource}/{self.window}" if self.window else self.resource

    @property
    def value(self) -> str:
        """`1000`, `1000,max,shadow`."""
        return f"{self.amount}{',max' if self.reserve_max else ''}{'' if self.enforce else ',shadow'}"

    @property
    def calendar(self) -> str | None:
        """Whose periods have to be known, if it counts in calendar periods."""
        return self.window if "@" in self.window else None


def text(rows: Iterable[Row]) -> str:
    """The rows of one subject as the state keeps them: `requests/60=600 cost/day@UTC=1000000000,max`."""
    return " ".join(f"{row.name}={row.value}" for row in rows)

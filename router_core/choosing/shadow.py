"""A shadow strategy: what it would have chosen is computed beside the real decision, without effect, and counted.

`Router(shadow_strategy="latency-based-routing")` shows how a strategy would choose before it does: in
`snapshot().shadows` and in the metrics, by group, how often it was asked, agreed, or nobody could have served. It sees
the same candidates in the same script run, so the counts are those of the whole fleet. It costs as much as the real
strategy, hence only a part of the decisions (`shadow_sample`) ask it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from router_core.config import Settings
from router_core.errors import ConfigurationError
from router_core.strategies import Strategy, find


class Shadow:
    """The shadow strategy of a configuration, if it has one; `own` are the user's own in Lua.

    Raises ConfigurationError for a name or an argument that is none.
    """

    def __init__(self, settings: Settings, own: Sequence[Strategy], random: Random) -> None:
        self._random, self._share, self._spec = random, settings.shadow_sample, ""
        if settings.shadow_strategy is not None:
            try:
                self._spec = find(settings.shadow_strategy, own).spec(settings.shadow_strategy_args)
            except ValueError as exc:
                raise ConfigurationError(f"shadow_strategy: {exc}") from exc

    def of_next(self) -> str:
        """The strategy that the next decision asks too, as `Acquire.shadow` takes it; "" for none."""
        return self._spec if self._spec and self._random.random() < self._share else ""

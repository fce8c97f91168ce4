"""latency-based-routing: the shortest wait, load included.

rank = ms x (in-flight + 1) / weight (peak EWMA: Finagle, Linkerd). `ms` is the time to the first token for streams, per
output token otherwise, and that of the whole call where no output is expected (embeddings). A slower sample counts at
once; a faster one with weight 1 - exp(-dt / 10 s). A deployment without a sample is taken for the average of the
others, and one in slow start (new, or back from a cooldown) takes part in its share of the decisions only: it never
meets the whole fleet.

Exploration: memory alone would never notice that a slow one is fast again. With probability `exploration` the pick is
the one whose last sample is the oldest, if that is more than 10 s ago and nothing of it is in flight.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, computed_field, model_validator

from router_core.strategies.strategy import Arguments, Strategy, source


class LatencyArguments(Arguments):
    """LiteLLM's arguments and `exploration`. None: the default of the Lua file."""

    ttl: float | None = Field(None, gt=0)  # seconds after which a sample no longer counts; None: never
    lowest_latency_buffer: float | None = Field(None, ge=0)  # 0.2: evenly among those within 20 % of the lowest
    max_latency_list_size: int | None = Field(None, ge=1, exclude=True)  # see `alpha`
    exploration: float | None = Field(None, ge=0, le=1)  # share of decisions; 0.02

    @model_validator(mode="before")
    @classmethod
    def _no_percentiles(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("ttft_percentile") is not None:
            raise ValueError("ttft_percentile: streams are ranked by the peak EWMA of their TTFT, not by percentiles")
        return {name: value for name, value in values.items() if name != "ttft_percentile"}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def alpha(self) -> float | None:
        """The weight of each sample that comes nearest to a mean over the last n: 2 / (n + 1)."""
        n = self.max_latency_list_size
        return None if n is None else 2 / (n + 1)


LATENCY_BASED_ROUTING = Strategy("latency-based-routing", source("latency_based_routing"), LatencyArguments)

"""Who plays: our strategies, theirs, and the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tests.sim import oracle, theirs
from tests.sim.ours import Fleet, Strategy
from tests.sim.play import Make


@dataclass(frozen=True)
class Player:
    """`own`: it is one of ours, so it may be recommended."""

    name: str
    make: Make
    own: bool = True


def _ours(name: str) -> Player:
    return Player(name, partial(Fleet, Strategy(name, {"routing_strategy": name})))


def _hedged(name: str) -> Player:
    hedge = {"after": "p95", "budget": 0.05}
    made = Strategy(f"{name} + hedge", {"routing_strategy": name, "hedge": hedge})
    return Player(made.name, partial(Fleet, made), own=False)


NAMES = (
    *("simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing", "cost-based-routing"),
    *("peak-ewma", "least-tokens", "price-weighted", "balanced"),
)
PLAYERS = (
    *map(_ours, NAMES),
    *map(_hedged, ("simple-shuffle", "balanced")),
    Player("round-robin", partial(theirs.Fleet, theirs.RoundRobin), own=False),
    Player("LiteLLM shuffle", partial(theirs.Fleet, theirs.Shuffle), own=False),
    Player("LiteLLM latency", partial(theirs.Fleet, theirs.Latency), own=False),
    Player("LiteLLM usage", partial(theirs.Fleet, theirs.Usage), own=False),
    Player("oracle", oracle.Fleet, own=False),
)

"""What is played: when requests come, who may serve them and how much, and who fails in between.

Limits follow the traffic: together the deployments may serve a fifth more than the busiest minute brings, so that each
of them is full for a while and nearly every request still finds room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from router_core.simulator import Arrival, bursty, read_azure, worst_window

GROUP = "chat"
MAX_WAIT = 10.0  # seconds a call may wait for room
MINUTE = 60.0
ARRIVALS = 59.0  # seconds of arrivals that may not exceed a minute's limit: the network shifts them a little
OUTPUT_TOKENS = 24  # of every answer, so that what is reserved is what is used
PER_MESSAGE = 4  # tokens the router reserves for a message besides its text
RATE, PEAK = 45.0, 5.0  # arrivals a second: mean, and the worst second in multiples of it
OUTAGE = 0.35, 0.25  # begins after, and lasts, these shares of the run


class Kind(NamedTuple):
    """A deployment before there are figures: its shares of the busiest minute, and its speed."""

    name: str
    requests: float
    tokens: float
    latency: float  # seconds, median
    tokens_per_second: float
    parallel: int | None = None


KINDS = (
    Kind("fast", requests=0.30, tokens=0.60, latency=0.15, tokens_per_second=200),
    Kind("steady", requests=0.40, tokens=0.60, latency=0.35, tokens_per_second=120),
    Kind("narrow", requests=0.60, tokens=0.25, latency=0.60, tokens_per_second=60),  # its tokens end first
    Kind("slow", requests=0.30, tokens=0.60, latency=1.20, tokens_per_second=40, parallel=24),
)
VICTIM = "steady"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One simulated deployment: limits a minute, calls at once, speed."""

    name: str
    rpm: int
    tpm: int
    parallel: int | None
    latency: float
    tokens_per_second: float

    def behaviour(self) -> dict[str, Any]:
        """What the upstream does and enforces: fields of the simulator's Behaviour."""
        return {
            "rpm": self.rpm,
            "tpm": self.tpm,
            "max_concurrent": self.parallel,
            "window": ARRIVALS,
            "latency": {"median": self.latency, "sigma": 0.4},
            "tokens_per_second": self.tokens_per_second,
        }

    def entry(self, url: str, overstate: float = 1.0) -> dict[str, Any]:
        """Its place in `model_list`; with the limits it really has, or `overstate` times as much."""
        params: dict[str, Any] = {
            "model": "openai/sim",
            "api_base": url,
            "api_key": f"key-of-{self.name}",
            "rpm": round(self.rpm * overstate),
            "tpm": round(self.tpm * overstate),
        }
        if self.parallel is not None:
            params["max_parallel_requests"] = round(self.parallel * overstate)
        return {"model_name": GROUP, "litellm_params": params, "model_info": {"id": self.name}}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Times are seconds after the first arrival. `overstate`: how many times too high the workers' limits are."""

    arrivals: tuple[Arrival, ...]
    deployments: tuple[Deployment, ...]
    seconds: float
    source: str
    overstate: float = 1.0
    victim: str = VICTIM

    @property
    def outage(self) -> tuple[float, float]:
        """When the victim dies, and for how long."""
        begin, length = OUTAGE
        return begin * self.seconds, length * self.seconds


def make(seconds: float, trace: str | None = None, speed: float = 1.0, overstate: float = 1.0) -> Scenario:
    """The built-in arrivals, or the first `seconds` of a trace. Raises TraceError, OSError, ValueError."""
    if trace is None:
        found, source = bursty(seconds, RATE, peak=PEAK, seed=7), f"bursty arrivals, {RATE:g} a second in the mean"
    else:
        found, source = read_azure(trace, speed=speed), f"{trace} at {speed:g}×"
    arrivals = tuple(Arrival(at, max(given, PER_MESSAGE + 1), OUTPUT_TOKENS) for at, given, _ in found if at < seconds)
    return Scenario(arrivals, limited(arrivals), seconds, source, overstate)


def limited(arrivals: tuple[Arrival, ...]) -> tuple[Deployment, ...]:
    """The deployments, with limits in proportion to the busiest minute."""
    marks = ((at, given + made) for at, given, made in arrivals)
    requests, tokens = worst_window(marks, MINUTE)
    largest = max(given + made for _, given, made in arrivals)
    return tuple(
        Deployment(
            name=kind.name,
            rpm=max(10, round(kind.requests * requests)),
            tpm=max(largest, round(kind.tokens * tokens)),
            parallel=kind.parallel,
            latency=kind.latency,
            tokens_per_second=kind.tokens_per_second,
        )
        for kind in KINDS
    )

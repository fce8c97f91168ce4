"""What a person or a strategy reads of the pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Observed:
    """What a provider says of one limit: its amount (0: nothing that matters), and what others use of it."""

    limit: int
    foreign: int


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What so many percent of `count` calls of the last five to ten minutes took at most: percent -> ms, within 5 %."""

    count: int = 0
    ms: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timings:
    """Percentiles of streams' first content, and of whole calls."""

    ttft: Percentiles
    latency: Percentiles


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """One deployment as the pool sees it."""

    id: str
    group: str
    provider: str
    account: str
    weight: float
    order: int
    drained: bool
    health: str  # closed | open | half-open | ramp
    reason: str  # why it is open, else ""
    cooling: float  # seconds until it may be tried again
    trips: int
    inflight: int
    ok: int  # in the rolling minute
    failed: int  # in the rolling minute
    latency_ms: float | None
    ttft_ms: float | None
    ms_per_token: float | None
    tokens: int  # since the pool began
    spend_nano: int
    limits: Mapping[str, int]
    used: Mapping[str, int]
    input_price: int | None
    output_price: int | None
    overrides: Mapping[str, str]
    observed: Mapping[str, Observed] = field(default_factory=dict)
    context_tokens: int | None = None  # input it takes, as its errors told
    timings: Timings | None = None  # where they are counted
    input_in_flight: int | None = None  # estimated tokens of its calls in flight, where a strategy goes by them
    output_in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit in force. Cost is in nano-dollars; None is unknown: nobody is counted by the row of everyone
    (`user:*`)."""

    subject: str  # `user:alice`, or the id of a deployment (`Store.set_limit` takes both)
    name: str  # `requests/60`
    amount: int
    used: int | None
    ready: float | None  # seconds until there is room for one more; None where nobody can know
    reserve_max: bool = False
    enforced: bool = True
    exceeded: int = 0  # calls it would have refused, where it is not enforced
    reserved: int = 0  # of what is used, by calls that run (`Store.limits`)
    inflight: int = 0  # those calls
    worst: int | None = None  # the fullest window that ended within a quarter of its length (`Store.limits`)
    learned: bool = False  # by adaptive concurrency

    @property
    def left(self) -> int | None:
        """How much there is room for; below 0 it is debt."""
        return None if self.used is None else self.amount - self.used


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One live worker: its id (`host-pid-random`), seconds since its heartbeat, leases it holds."""

    id: str
    age: float
    leases: int


@dataclass(frozen=True, slots=True)
class ShadowState:
    """What another strategy would have done in a group, since the pool began: of `calls` that it was asked about too,
    it `agreed` with so many, and so many were `refused`, whoever had chosen."""

    group: str
    strategy: str
    calls: int
    agreed: int
    refused: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The pool at one moment; immutable, at most a second old where it is cached."""

    pool: str
    now_ms: float  # pool time
    deployments: Mapping[str, DeploymentState]
    workers: tuple[WorkerState, ...]
    waiting: Mapping[str, int]  # group -> tickets
    engine: str
    shadows: tuple[ShadowState, ...] = ()
    limits: tuple[LimitState, ...] = ()  # of accounts, providers and groups


@dataclass(frozen=True, slots=True)
class ProbeState:
    """The last probe of a deployment, None where there was none. `outcome`: as of calls, "asked" (an operator wants
    one), "begun"."""

    deployment: str
    at_ms: float | None  # pool time
    outcome: str | None
    ms: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """One change of the pool: id, pool time in ms, kind (cooldown, half-open, recovered, closed, control, registered
    …), deployment, detail."""

    id: str
    at_ms: float
    kind: str
    deployment: str
    detail: str

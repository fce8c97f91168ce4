"""What travels between the router and the shared state: plain frozen records.

Times are seconds in the public fields and milliseconds where a name ends in `_ms`; money is whole
nano-dollars; tokens are whole numbers. No record holds a key, a prompt or a completion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MOST_WAITING = 10_000  # calls of a group, as refusal.lua says too

OutcomeKind = Literal[
    "ok",  # an answer
    "rate_limit",  # 429: the upstream's own limit
    "auth",  # 401, 402, 403, bad key, no credit: the deployment's fault
    "not_found",  # 404: no such model or deployment there
    "timeout",  # the upstream was too slow by the deployment's or the group's own limit
    "server",  # 5xx, or an error inside a 200
    "connect",  # no connection
    "malformed",  # an answer nobody can read
    "content_policy",  # refused for its content: the caller's
    "context_window",  # too long for this model: the caller's
    "caller",  # any other fault of the caller (400, 422, a timeout shorter than the deployment's own)
    "cancelled",  # the caller went away; what was reserved stays charged
]


@dataclass(frozen=True, slots=True)
class Declared:
    """One deployment as its worker describes it (`Store.register`).

    `limits` maps `resource/window` to an amount, and flags behind it: `{"requests/60": 600, "tokens/60": "1000,max"}`.
    Resources: requests, tokens, input, output, cost (nano-dollars), and concurrent, which has no window. Windows:
    seconds, or a calendar's period such as `day@UTC`. Prices are nano-dollars per million tokens.
    """

    id: str
    group: str
    provider: str
    account: str
    weight: float = 1.0
    order: int = 0
    limits: Mapping[str, int | str] = field(default_factory=dict)
    input_price: int | None = None
    output_price: int | None = None
    version: int = 0
    discover: bool = False  # limits that the provider tells are taken over
    adaptive: str = ""  # "1,1000,20,0.9", the bounds within which calls at once are learned: lua/adaptive.lua
    health: str = ""  # "ramp=20000 panic=0.3 outliers=1.9,5,100,10,30000", what of it is not usual: lua/texts.lua


@dataclass(frozen=True, slots=True)
class Rows:
    """The limits of one subject as a worker describes them (`Store.register`).

    `subject`: as `names.subject` writes it (`user:alice`, `user:*` for everyone without rows of his own); `limits` as
    in `Declared`.
    """

    subject: str
    limits: Mapping[str, int | str]
    version: int = 0


@dataclass(frozen=True, slots=True)
class Extra:
    """An upstream call besides the first of its request, and the budget of those, which the fleet shares by group:
    `ratio` of the requests, and `per_second` besides (budget.lua)."""

    kind: Literal["retry", "hedge"]
    ratio: float
    per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Acquire:
    """A question to the pool: who may serve this call now? At most 32 candidates (choosing/candidates.py samples)."""

    group: str
    candidates: tuple[str, ...]
    strategy: str = "simple-shuffle"  # as strategies.find(name).spec(args) writes it: "name key=value ..."
    preferred: int = 0  # the first n candidates are tried first, in the given order
    input_tokens: int = 0
    output_tokens: int = 0
    stream: bool = False
    timeout: float = 600.0  # seconds the lease may live without a renewal
    max_wait: float = 0.0  # seconds the call may wait for room; it leaves a ticket
    priority: int = 0  # 0 is best
    caller: str = ""  # between whom turns are fair: letters and digits, no name; "" is one caller too
    max_queue: int = MOST_WAITING  # no place is taken where so many of the group wait
    remember: int = 0  # how many best-ranked ids to return (sampling of large groups)
    wishes: tuple[int, ...] = ()  # positions of candidates that are tried before all others, in this order
    bounded: bool = False  # the wishes are, while none has more than 1.25 times its share of the calls in flight
    pin: str = ""  # name of a session, which one deployment serves: letters and digits, no text of the caller's
    pin_seconds: float = 3600.0  # how long a pin lives after its last call
    sampled: bool = False  # there are other candidates: a pin to one of them raises Pinned
    shadow: str = ""  # a strategy, written like `strategy`, that is asked without effect and counted
    subjects: tuple[str, ...] = ()  # escaped: tags, user and team whose limits hold for it too
    max_input: int = 0  # tokens at most, for limits that reserve them; 0: none does
    max_output: int = 0
    counted: bool = False  # as a request of the group, of which budgets of extra calls are a share
    extra: Extra | None = None  # it is none: what it has to have room in; Denied where there is none
    hedged: bool = False  # calls of the group may be: requests are counted for that budget too
    throttle: float = 0.0  # k of throttle.lua: Denied more often the more calls of the group fail; 0: never


@dataclass(frozen=True, slots=True)
class Lease:
    """What an attempt holds while it runs; hand it to `settle` exactly once (twice is harmless)."""

    id: str
    deployment: str
    group: str
    epoch: str
    generation: int  # of the deployment's breaker when it was granted
    probe: bool = False  # it shows whether the deployment is back: the single half-open probe, or panic let it in
    at_ms: int = 0  # pool time of the question, shortly before the grant
    best: tuple[str, ...] = ()  # `Acquire.remember` best-ranked ids
    waited_ms: float = 0.0
    decision_ms: float = 0.0
    subjects: tuple[str, ...] = ()  # of the call, whose limits count it


@dataclass(frozen=True, slots=True)
class Breaker:
    """When an outcome of this kind cools the deployment. `trip`: "now", "never", "ratio" or "count:<n>"
    (cool when more than n such failures stand in the rolling minute)."""

    trip: str = "ratio"
    cooldown: float = 5.0  # base, seconds; doubles with each trip
    max_cooldown: float = 300.0
    ratio: float = 0.5  # of the results of a minute, above which "ratio" cools
    least: int = 5  # failures of a minute before the ratio counts
    row: int = 0  # failures in a row that cool whatever `trip` says; 0: none do
    slow_ms: float = 0.0  # an answer that takes longer is a failure (of a stream: its first content); 0: none is
    ramp: float = 10.0  # seconds of slow start after a cooldown
    quorum: bool = False  # where several workers live, two of them must have such a failure
    rule: str = field(init=False, repr=False, compare=False)  # as lua/outcome.lua reads it, with `options`
    options: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule", f"{self.trip} {self.cooldown * 1000:.0f} {self.max_cooldown * 1000:.0f}")
        words = f" ratio={self.ratio:.9g}" * (self.ratio != 0.5) + f" least={self.least}" * (self.least != 5)
        words += f" row={self.row}" * (self.row > 0) + f" slow={self.slow_ms:.9g}" * (self.slow_ms > 0)
        words += f" ramp={self.ramp * 1000:.0f}" * (self.ramp != 10.0) + " quorum=1" * self.quorum
        object.__setattr__(self, "options", words)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. None means unknown: what was reserved stays charged.

    `sample`: ms to the first content of a stream, ms of a whole call; at least those, where it was given up.
    """

    kind: OutcomeKind
    total_ms: float | None = 0.0  # None: it teaches no times
    ttft_ms: float | None = None  # streams only: to the first content
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano: int | None = None
    retry_after: float | None = None  # seconds, as the upstream asked
    stream: bool = False
    breaker: Breaker = Breaker()
    learn: str = ""  # "alpha=<0..1>" replaces the time-based peak EWMA (tau 10 s)
    context_tokens: int | None = None  # the deployment's window, as the error said
    guess: int | None = (
        None  # the uncorrected estimate, where it is to be learned from: `Store.on_fit` hears the result
    )
    tools: bool = False  # the call had tools
    adaptive: bool = False  # it teaches how many calls the deployment takes at once (aimd.lua)
    throttled: bool = False  # calls of its group are: it is counted for that
    sample: tuple[float | None, float | None] | None = None  # for percentiles, where they are counted


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one candidate could not serve. `reason` is of a closed vocabulary:
    cooling, probing, drained, unknown, garbled, too_large, behind_tickets, queue_full, unpriced (money is limited, and
    the deployment has no price), or the limit `resource/window` that was full, with its scope in front where it is no
    deployment's own: `user:alice/cost/86400`.

    `amount`, `used`: of that limit, where the pool said so."""

    deployment: str
    reason: str
    ready_ms: float | None = None  # pool time of the earliest room, None where nobody can know
    amount: int | None = None
    used: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate in an explanation: its rank (lower is better) and why it was refused, if it was."""

    deployment: str
    rank: float | None
    order: int
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `acquire` would have decided, without effect."""

    group: str
    strategy: str
    chosen: str | None
    candidates: tuple[Candidate, ...]
    earliest: float | None  # seconds from now until the first room; None: unknown or not needed
    place: int = 0  # calls that wait and would be served before it
    waiting: int = 0  # calls of the group that wait


class Refused(Exception):
    """Nobody can serve this call now.

    `refusals`: why, per candidate. `earliest`: seconds until there is room for this call's place (None: nobody can
    know). `place`: how many calls stood before it when it gave up; `waiting`: how many wait.
    """

    def __init__(
        self, group: str, refusals: tuple[Refusal, ...], earliest: float | None, place: int = 0, waiting: int = 0
    ) -> None:
        self.group, self.refusals, self.earliest = group, refusals, earliest
        self.place, self.waiting = place, waiting
        reasons = ", ".join(f"{r.deployment}: {r.reason}" for r in refusals) or "no candidates"
        when = "unknown" if earliest is None else f"in {earliest:.3f} s"
        queue = f"; {place} before it of {waiting} that wait" if waiting else ""
        super().__init__(f"no deployment of {group!r} has room ({reasons}); earliest room: {when}{queue}")


class Pinned(Exception):
    """The session is pinned to a deployment that is not among the candidates of a sample. Nothing was reserved."""

    def __init__(self, deployment: str) -> None:
        self.deployment = deployment
        super().__init__(f"pinned to {deployment!r}, which is no candidate")


class Denied(Exception):
    """The call may not go upstream, whoever has room: `reason` is "retry" or "hedge" (the budget of those is used up),
    or "throttled" (as is this `share` of the group's calls). Nothing was reserved."""

    def __init__(self, group: str, reason: str, share: float | None = None) -> None:
        self.group, self.reason, self.share = group, reason, share
        super().__init__(f"{group!r}: denied ({reason})")


class StateError(Exception):
    """The shared state could not be reached or answered an error; the message says what was tried."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a provider says of one limit: its amount (0: nothing that matters), and what others use of it."""

    limit: int
    foreign: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What one answer said of one limit of its deployment (named as in `Declared.limits`)."""

    name: str
    limit: int
    remaining: int


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

"""What a call asks of the pool, what it holds while it runs, and how it ended."""

from __future__ import annotations

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
class Heard:
    """What one answer said of one limit of its deployment (named as in `Declared.limits`)."""

    name: str
    limit: int
    remaining: int

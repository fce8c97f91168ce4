"""The keyspace: every key of a pool, what it holds, and one function that names them.

All keys of a pool share one hash tag, so they live in one slot of a cluster. One key per fact, one field per
deployment:
`HGETALL rc:{prod}:inflight` shows a column at a glance. `~` is a sentinel: it keeps a key in existence while its slot
migrates. Ids and groups are escaped (`names.escape`); plain names stay as they are.

    clock         HASH    last_ms (the last run's time, less 10 ms at most), offset_ms (pool time = TIME + offset),
                          epoch (random, made with the pool), scopes (whose limits there are besides deployments')
    settings      HASH    deployment -> settings in force: "[drained ]weight= order= in= out= group= provider=
                          account= | limits", and before the bar what of health is not usual: ramp= panic=
                          outliers= (texts.lua)
    declared      HASH    deployment -> "version settings", as workers describe it
    overrides     HASH    deployment -> what operators changed: "weight=2 drained=1 requests/60=100"
    observed      HASH    deployment -> what its provider said of its limits (quotas.lua)
    health        HASH    deployment -> "state generation trips until_ms since_ms reason probe[ row@ask_ms]"; absent =
                          closed; row: failures that cast doubt on it, or calls without a sign of it, and from when on
                          one call asks how it is
    inflight      HASH    deployment -> calls running now
    tokens_in_flight  HASH  deployment -> "input output calls" of those whose strategy goes by them (in_flight.lua)
    learned       HASH    deployment -> "latency_ms ttft_ms ms_per_token sampled_ms streamed_ms[ row doubted_ms]": peak
                          EWMA of whole calls, of streams' first tokens, of output tokens; pool time of the last sample,
                          and of a stream; failures in a row, and when the last of them began (doubt.lua)
    used          HASH    deployment/resource/seconds -> "sum oldest_slot amount last_ms" of the rolling window: the
                          last two are its newest slot; also /ok/60, /failed/60 and others of breaker.lua.
                          Since the pool began: deployment/tokens/total -> input + output tokens,
                          deployment/cost/total -> nano-dollars
    window        HASH    deployment/resource/seconds:slot -> "amount last_ms" of the slots before
    lease         HASH    lease -> what a running call holds; ~writes: another number after each run that wrote
    leases        ZSET    lease by deadline (pool ms)
    held          ZSET    "worker|lease", all 0: what a worker holds
    expired       ZSET    lease by when it was reaped; kept an hour for a late settle
    workers       ZSET    worker by its last heartbeat (pool ms); dead after 10 s
    listing       HASH    worker -> digest of the deployments it lists
    lists         HASH    digest -> deployments
    retired       ZSET    deployment by when the last worker that listed it left
    config        HASH    version of the settings; group:<group> born; panic:<group>, outliers: when; what was
                          reported once
    events        STREAM  changes, about 10,000
    shadow        HASH    group|strategy -> "calls agreed refused" of a strategy that is asked without effect
    limits        HASH    subject -> rows in force, "requests/60=600 cost/day@UTC=1000000000,max"; `user:*`: of every
                          user who has none of his own. Declared and overridden in the columns of deployments
    calendar      HASH    name -> "start end end ...", when its periods begin (ms of TIME), as workers write it
    context       HASH    deployment -> input tokens that it takes, as its errors told
    fit           HASH    deployment -> "ratio plain n tools n": how its tokens follow from estimates
    attempts      HASH    group -> requests, and retries of them, of the last seconds; group|hedge (budget.lua);
                          group|throttle -> calls that ended and were accepted, of the last minutes (throttle.lua);
                          those of idle groups go away (stale.lua)
    sketch        HASH    deployment -> "turned_ms | ms:calls ... | before | ms:calls ... | before": time to streams'
                          first content, time of whole calls, where they are counted (sketch.lua)
    evidence      HASH    deployment -> "worker at_ms worker at_ms": who could not connect (evidence.lua)
    adaptive      HASH    deployment -> "limit lowered_ms": calls at once, as they are learned (adaptive.lua)
    probed        HASH    deployment -> "at_ms outcome ms" of its last probe; lease:<digest> -> "worker until_ms": who
                          probes the deployments of a list (probing.lua)
    use:<subject> HASH    used and window of a tag, a user or a team, by row; it expires with its longest window
    waiting:<group>  ZSET tickets of waiting calls by turn, then "=priority|caller": what fair turns remember (fair.lua)
    pin:<group>:<hash>  STRING with a TTL: "deployment renewed_ms" of a session or user
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router_core.state.names import check_pool

# In the order in which lua/keyring.lua takes them.
COLUMNS = (
    "clock",
    "settings",
    "health",
    "inflight",
    "learned",
    "used",
    "window",
    "lease",
    "leases",
    "held",
    "expired",
    "workers",
    "config",
    "events",
    "declared",
    "overrides",
    "listing",
    "lists",
    "retired",
    "shadow",
    "observed",
    "limits",
    "calendar",
    "context",
    "fit",
    "attempts",
    "adaptive",
    "probed",
    "sketch",
    "evidence",
    "tokens_in_flight",
)


class Keys:
    """The keys of one pool (or one cell of it: a hot pool can be split without renaming anything else)."""

    def __init__(self, pool: str, cell: int = 0) -> None:
        self.pool = check_pool(pool)
        self.prefix = f"rc:{{{pool if cell == 0 else f'{pool}/{cell}'}}}:"
        self._columns = [self.prefix + name for name in COLUMNS]

    def of(self, name: str) -> str:
        """The key of one column."""
        return self.prefix + name

    def for_run(self, groups: Sequence[str], others: Iterable[str] = ()) -> list[str]:
        """What a script declares: all columns, the waiting keys of `groups` (escaped), and `others` by name."""
        waiting = [f"{self.prefix}waiting:{group}" for group in groups]
        return [*self._columns, *waiting, *(self.prefix + name for name in others)]

"""What travels between the router and the shared state: plain frozen records.

Times are seconds in the public fields and milliseconds where a name ends in `_ms`; money is whole
nano-dollars; tokens are whole numbers. No record holds a key, a prompt or a completion.
"""

from router_core.state.records.calls import Acquire, Breaker, Extra, Heard, Lease, Outcome, OutcomeKind
from router_core.state.records.declared import Declared, Rows
from router_core.state.records.pool import (
    DeploymentState,
    Event,
    LimitState,
    Observed,
    Percentiles,
    ProbeState,
    ShadowState,
    Snapshot,
    Timings,
    WorkerState,
)
from router_core.state.records.refusals import Candidate, Denied, Explanation, Pinned, Refusal, Refused, StateError

__all__ = [
    "Acquire",
    "Breaker",
    "Candidate",
    "Declared",
    "Denied",
    "DeploymentState",
    "Event",
    "Explanation",
    "Extra",
    "Heard",
    "Lease",
    "LimitState",
    "Observed",
    "Outcome",
    "OutcomeKind",
    "Percentiles",
    "Pinned",
    "ProbeState",
    "Refusal",
    "Refused",
    "Rows",
    "ShadowState",
    "Snapshot",
    "StateError",
    "Timings",
    "WorkerState",
]

"""What the router tells whoever watches: one call per event, with a frozen record.

A hook is any callable that takes an event; several are called in order. It runs on the path of the request, so it
must be short and must not block. Without hooks an event is never built.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from router_core.state.records import OutcomeKind

logger = logging.getLogger("router_core")


@dataclass(frozen=True, slots=True)
class Decided:
    """The pool chose, or refused (`deployment` is None, `reasons` of the closed vocabulary of `Refusal`)."""

    group: str
    strategy: str
    deployment: str | None
    ms: float  # without the time spent waiting for room
    waited_ms: float = 0.0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An upstream call begins; exactly one AttemptEnded follows."""

    group: str
    deployment: str


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An upstream call ended, however it ended."""

    group: str
    deployment: str
    provider: str
    kind: OutcomeKind
    status_code: int | None
    ms: float
    ttft_ms: float | None
    stream: bool
    input_tokens: int | None
    output_tokens: int | None
    cost_nano: int | None
    retry: bool  # not the first upstream call of its request


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """A caller has its answer (for a stream: its first content) or its error."""

    group: str  # as the caller asked
    served_by: str | None  # the group that served, None on an error
    call: str  # "chat" or "embedding"
    kind: OutcomeKind
    error: str  # class of the error, else ""
    ms: float
    attempts: int
    fallbacks: int


HedgeOutcome = Literal["won", "lost", "failed", "denied", "no_room"]


@dataclass(frozen=True, slots=True)
class Hedged:
    """A call took so long that it was to be made once more: by the copy's answer it was won or lost, or neither
    answered (failed); it was denied (the fleet's budget is used up), or nobody else had room."""

    group: str
    deployment: str | None  # of the copy, None where there was none
    outcome: HedgeOutcome


@dataclass(frozen=True, slots=True)
class CustomFailed:
    """A routing function raised (`exception`: its class) or named nothing usable (`exception` is "")."""

    group: str
    exception: str


@dataclass(frozen=True, slots=True)
class Probed:
    """A deployment was probed (`health_check`); an AttemptEnded has told the rest."""

    group: str
    deployment: str
    kind: OutcomeKind
    ms: float


@dataclass(frozen=True, slots=True)
class CallDenied:
    """The fleet may not make an upstream call: `reason` as of `Denied`."""

    group: str
    reason: str


Event = Decided | CallDenied | Probed | AttemptStarted | AttemptEnded | RequestEnded | Hedged | CustomFailed


class Hook(Protocol):
    """Called with each event."""

    def __call__(self, event: Event, /) -> None: ...


def join(hooks: Sequence[Hook]) -> Hook | None:
    """One hook that calls all, whose failures are logged and never reach a request; None for none."""
    if not hooks:
        return None
    every = tuple(hooks)

    def emit(event: Event, /) -> None:
        for hook in every:
            try:
                hook(event)
            except Exception as exc:  # noqa: BLE001 - whatever a watcher does wrong, the request goes on
                logger.warning("hook %r failed on %s: %s", hook, type(event).__name__, type(exc).__name__)

    return emit

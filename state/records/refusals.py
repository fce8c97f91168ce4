"""Why a call is not served: per candidate, and as what `Store.acquire` raises."""

from __future__ import annotations

from dataclasses import dataclass


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

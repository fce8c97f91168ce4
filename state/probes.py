"""Probes: who makes them, which are due, and what came of them. What is decided, the scripts decide."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from router_core.state.member import Member
from router_core.state.names import escape, unescape
from router_core.state.operations import FleetOp, Share
from router_core.state.records import Lease, OutcomeKind, ProbeState, StateError

CHUNK = 200  # deployments that are looked at in one operation
LEASE_MS = 15_000  # how long a worker that is silent keeps others from probing


@dataclass(slots=True, eq=False)
class ProbeOp:
    """See lua/probe.lua."""

    id: str
    valid_until: int  # pool ms
    lease_ms: int
    deployment: str  # escaped
    input_tokens: int
    output_tokens: int
    group: None = None
    sent: bool = False
    verb: ClassVar[str] = "probe"

    def line(self, share: Share) -> str:
        return (
            f"probe {self.id} {self.valid_until} {self.lease_ms} {self.deployment} {self.input_tokens} "
            f"{self.output_tokens}"
        )


@dataclass(frozen=True, slots=True)
class Due:
    """Deployments that this worker is to probe now, and in how many seconds it should ask again."""

    deployments: tuple[str, ...]
    again: float


class Probes:
    """One worker's part in them. All methods raise StateError."""

    def __init__(self, member: Member, timeout: float) -> None:
        self._member, self._timeout = member, timeout

    async def due(self, wanted: Mapping[str, float]) -> Due:
        """What is due of these deployments (id -> seconds of the interval), if this worker is the one that probes."""
        words = [f"{escape(id)}={seconds * 1000:.0f}" for id, seconds in sorted(wanted.items())]
        digest = hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]
        chunks = [" ".join(words[i : i + CHUNK]) for i in range(0, len(words), CHUNK)]
        reply, answers = await self._member.ask([FleetOp(f"probing {digest} {LEASE_MS}", chunk) for chunk in chunks])
        found: list[str] = []
        again = LEASE_MS
        for answer in answers:
            verb, at_ms, *ids = answer.split(" ")
            if verb not in ("ok", "other"):
                raise StateError(f"no probes: {answer}")
            again = min(again, max(0, int(at_ms) - reply.now_ms))
            found += map(unescape, ids)
        return Due(tuple(found), again / 1000)

    async def begin(
        self, deployment: str, group: str, seconds: float, input_tokens: int, output_tokens: int
    ) -> Lease | str:
        """A lease for a probe, though the deployment may be cooling; or why not (a limit, drained, probing)."""
        started = time.perf_counter()
        member, worker = self._member, self._member.worker
        now = int(worker.pool_ms())
        operation = ProbeOp(
            worker.lease_id(),
            now + int(2500 * self._timeout),
            int(seconds * 1000),
            escape(deployment),
            input_tokens,
            output_tokens,
        )
        verb, _, rest = (await member.line().ask(operation)).partition(" ")
        if verb == "full":
            return rest
        if verb != "ok":
            raise StateError(f"no probe of {deployment!r}: {verb} {rest}")
        _, generation, decides = rest.split(" ")
        lease = Lease(
            id=operation.id,
            deployment=deployment,
            group=group,
            epoch=member.epoch,
            generation=int(generation),
            probe=decides == "1",
            at_ms=now,
            decision_ms=(time.perf_counter() - started) * 1000,
        )
        worker.live[lease.id] = lease
        return lease

    async def ended(self, deployment: str, outcome: OutcomeKind, ms: float) -> None:
        """What came of it, for whoever wants to know."""
        await self._member.ask([FleetOp(f"probed {escape(deployment)} {outcome} {ms:.0f}")])

    async def ask_for(self, deployments: Sequence[str]) -> None:
        """Whoever probes these is to do so as soon as it looks again."""
        await self._member.ask([FleetOp(f"probed {escape(id)} asked -") for id in deployments])

    async def known(self, deployments: Sequence[str]) -> list[ProbeState]:
        """The last probe of each."""
        found = []
        for i in range(0, len(deployments), CHUNK):
            chunk = " ".join(map(escape, deployments[i : i + CHUNK]))
            _, answers = await self._member.ask([FleetOp("probes", chunk)])
            words = answers[0].split(" ")
            found += [_state(*words[j : j + 4]) for j in range(0, len(words), 4)]
        return found


def _state(id: str, at_ms: str, outcome: str, ms: str) -> ProbeState:
    known = None if outcome == "-" else outcome
    return ProbeState(unescape(id), float(at_ms) or None, known, None if ms == "-" else float(ms))

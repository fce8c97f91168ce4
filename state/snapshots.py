"""The pool read as a whole, in pieces that keep no script busy for long."""

from __future__ import annotations

from collections.abc import Sequence

from router_core.state import limits, percentiles, views
from router_core.state.member import Member
from router_core.state.names import escape
from router_core.state.operations import FleetOp
from router_core.state.records import DeploymentState, Snapshot

CHUNK = 200  # deployments that are read at once


async def snapshot(member: Member, pool: str, engine: str, deployments: Sequence[str] | None) -> Snapshot:
    """All deployments, or those named. Raises StateError."""
    if deployments is None:
        _, answers = await member.ask([FleetOp("ids")])
        ids = answers[0].split()
    else:
        ids = [escape(name) for name in deployments]
    states: dict[str, DeploymentState] = {}
    for i in range(0, len(ids), CHUNK):
        states |= await _deployments(member, ids[i : i + CHUNK])
    groups = tuple(dict.fromkeys(escape(state.group) for state in states.values()))
    shared = await limits.of_closed(member) if deployments is None else ()
    reply, answers = await member.ask([FleetOp("workers"), FleetOp("shadows")], groups)
    workers, waiting = views.workers_and_queues(answers[0])
    shadows = tuple(views.shadows(answers[1]))
    return Snapshot(pool, reply.now_ms, states, workers, waiting, engine, shadows, shared)


async def _deployments(member: Member, ids: Sequence[str]) -> dict[str, DeploymentState]:
    """Those of these ids that are readable."""
    reply, answers = await member.ask([FleetOp("snapshot", " ".join(ids)), percentiles.question(ids)])
    timings = dict(zip(ids, percentiles.timings(answers[1])[1:], strict=True))
    lines = answers[0].split("\n") if answers[0] else ()
    states = (views.deployment_state(line, reply.now_ms, timings) for line in lines)
    return {state.id: state for state in states if state is not None}

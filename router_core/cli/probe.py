"""probe: ask the fleet to see whether deployments serve."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

from router_core.cli.session import FAILED, Pool, RedisUrl, Unknown, run
from router_core.state.records import ProbeState
from router_core.state.store import Store

_LOOK = 0.2
_PENDING = ("asked", "begun")


def probe(
    deployment: Annotated[
        str | None, typer.Argument(metavar="[DEPLOYMENT]", help="Its id; without one all of the pool.")
    ] = None,
    redis_url: RedisUrl = None,
    pool: Pool = "default",
    wait: Annotated[float, typer.Option("--wait", min=1, help="Seconds to wait for an answer.")] = 20.0,
) -> None:
    """Have deployments probed now: a cheap real call, made by the worker that looks after them (`health_check`).

    One that cools comes back if it answers. Exit status 1 if any does not answer.

    \b
      router-core probe chat-eu-1
    """

    async def work(store: Store) -> bool:
        known = list((await store.snapshot()).deployments)
        if deployment is not None and deployment not in known:
            raise Unknown("deployment", deployment, known)
        asked = known if deployment is None else [deployment]
        await store.probes.ask_for(asked)
        return await _answers(store, asked, time.monotonic() + wait)

    if not run(redis_url, pool, work):
        raise typer.Exit(FAILED)


async def _answers(store: Store, waiting: list[str], until: float) -> bool:
    """Show each as it comes; whether all of them answered."""
    good = True
    while waiting and time.monotonic() < until:
        for state in await store.probes.known(waiting):
            if state.outcome not in _PENDING:
                print(_line(state), flush=True)
                waiting = [id for id in waiting if id != state.deployment]
                good = good and state.outcome == "ok"
        await asyncio.sleep(_LOOK if waiting else 0)
    for id in waiting:
        print(f"{id}: nobody has probed it; has it a health_check, is it drained, does a worker of it live?")
    return good and not waiting


def _line(state: ProbeState) -> str:
    took = "" if state.ms is None else f" after {state.ms:.0f} ms"
    return f"{state.deployment}: {state.outcome}{took}"

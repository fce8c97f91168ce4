"""status: the pool now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any

import typer
from rich.live import Live

from router_core.cli.screen import console, plain
from router_core.cli.session import Pool, RedisUrl, Unknown, run
from router_core.cli.table import view
from router_core.state.records import Snapshot
from router_core.state.store import Store


def status(
    redis_url: RedisUrl = None,
    pool: Pool = "default",
    group: Annotated[str | None, typer.Option("--group", "-g", help="Only this model group.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON; one line a look with --watch.")] = False,
    watch: Annotated[float | None, typer.Option("--watch", "-w", min=0.2, help="Look again every N seconds.")] = None,
) -> None:
    """Deployments with health, limits and speed; workers; calls that wait.

    \b
      router-core status
      router-core status --group chat --watch 2
      router-core status --json | jq '.deployments[] | select(.health != "closed")'
    """

    async def work(store: Store) -> None:
        async def look() -> Snapshot:
            return _only(await store.snapshot(), group)

        if watch is None:
            _print(await look(), as_json, indent=2)
        elif as_json or plain():
            while True:
                _print(await look(), as_json)
                await asyncio.sleep(watch)
        else:
            with Live(view(await look()), console=console(), auto_refresh=False) as live:
                while True:
                    await asyncio.sleep(watch)
                    live.update(view(await look()), refresh=True)

    run(redis_url, pool, work)


def _only(snapshot: Snapshot, group: str | None) -> Snapshot:
    if group is None:
        return snapshot
    found = {id: state for id, state in snapshot.deployments.items() if state.group == group}
    if not found:
        raise Unknown("group", group, sorted({state.group for state in snapshot.deployments.values()}))
    waiting = {name: tickets for name, tickets in snapshot.waiting.items() if name == group}
    return replace(snapshot, deployments=found, waiting=waiting)


def _print(snapshot: Snapshot, as_json: bool, indent: int | None = None) -> None:
    if as_json:
        print(json.dumps(_as_json(snapshot), indent=indent), flush=True)
    else:
        console().print(view(snapshot))


def _as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The records as they are; deployments as a list, which is easier to filter."""
    content: dict[str, Any] = _bare(snapshot)
    return {**content, "deployments": list(content["deployments"].values())}


def _bare(value: Any) -> Any:
    """Records and read-only mappings as what JSON knows."""
    if is_dataclass(value):
        return {one.name: _bare(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: _bare(item) for name, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, tuple) else value

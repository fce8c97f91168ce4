"""events: the diary of the pool."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from router_core.cli.session import Pool, RedisUrl, run
from router_core.state.records import Event
from router_core.state.store import Store

_PAGE = 1000  # events one look reads while following


def events(
    redis_url: RedisUrl = None,
    pool: Pool = "default",
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="How many of the newest.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones until interrupted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """What changed in the pool: cooldowns, recoveries, what operators did, workers that went; oldest first.

    \b
      router-core events --count 50
      router-core events --follow --json
    """

    async def work(store: Store) -> None:
        shown = _show(await store.events(count), (0, 0), as_json)
        while follow:
            await asyncio.sleep(1.0)
            shown = _show(await store.events(_PAGE), shown, as_json)

    run(redis_url, pool, work)


def _show(newest_first: list[Event], after: tuple[int, ...], as_json: bool) -> tuple[int, ...]:
    """Print what is newer than `after`; answers the newest."""
    for event in reversed(newest_first):
        number = tuple(int(part) for part in event.id.split("-"))
        if number > after:
            after = number
            print(json.dumps(asdict(event)) if as_json else _line(event), flush=True)
    return after


def _line(event: Event) -> str:
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return f"{at}  {event.kind:<14} {event.deployment or '-'}  {event.detail}".rstrip()

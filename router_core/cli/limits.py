"""limits: every limit of the pool. What changes them: limits_change.py."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from router_core.cli import limits_change
from router_core.cli.limits_table import view
from router_core.cli.screen import console
from router_core.cli.session import Pool, RedisUrl, Unknown, run
from router_core.state.names import scope_of
from router_core.state.records import LimitState
from router_core.state.store import Store

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
app.command("set")(limits_change.set_limit)
app.command("raise")(limits_change.raise_limit)
app.command("clear")(limits_change.clear)


@app.callback()
def limits(
    context: typer.Context,
    redis_url: RedisUrl = None,
    pool: Pool = "default",
    of: Annotated[str | None, typer.Option("--of", help="Only this deployment's or subject's: user:alice")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON; cost in nano-dollars.")] = False,
) -> None:
    """Every limit: used, reserved by running calls, left, the worst window, when there is room again.

    \b
      router-core limits
      router-core limits --of user:alice
      router-core limits set team:red cost/month@UTC 500
      router-core limits raise account:openai-eu tokens/minute 20%
      router-core limits clear team:red cost/month@UTC

    worst: the fullest window of those that ended within the last quarter of its length.
    """
    if context.invoked_subcommand is not None:
        return

    async def work(store: Store) -> list[LimitState]:
        if of is None:
            return await store.limits()
        return await store.usage(of) or await _nothing(store, of)

    states = run(redis_url, pool, work)
    if as_json:
        print(json.dumps([{**asdict(state), "left": state.left} for state in states], indent=2))
    else:
        console().print(view(states))


async def _nothing(store: Store, of: str) -> list[LimitState]:
    """Nothing to show: that is an answer for one who exists."""
    known = await store.snapshot()
    if scope_of(of) is None and of not in known.deployments:
        raise Unknown("deployment", of, list(known.deployments))
    return []

"""limits: every limit of the pool, and set, raise, clear: what counts for the next decision of every worker."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, TypeVar, get_args

import typer

from router_core.cli.limits_table import of_row, view
from router_core.cli.screen import console
from router_core.cli.session import USAGE, Pool, RedisUrl, Unknown, fail, run, unknown_deployment
from router_core.config.budgets import nano_dollars
from router_core.config.limits_rows import Resource
from router_core.config.limits_windows import window
from router_core.config.suggest import hint
from router_core.state.names import scope_of
from router_core.state.records import LimitState, StateError
from router_core.state.store import Store

T = TypeVar("T")
app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
_RESOURCES = get_args(Resource)

Whose = Annotated[
    str,
    typer.Argument(metavar="WHOSE", help="A deployment's id, or account:…, provider:…, group:…, tag:…, user:…, team:…"),
]
What = Annotated[str, typer.Argument(metavar="LIMIT", help="requests/minute, tokens/1h, cost/day@UTC, concurrent, …")]


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
        return await store.usage(of) or await _none(store, of)

    states = run(redis_url, pool, work)
    if as_json:
        print(json.dumps([{**asdict(state), "left": state.left} for state in states], indent=2))
    else:
        console().print(view(states))


@app.command("set")
def set_limit(
    whose: Whose,
    what: What,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much; cost in dollars.")],
    reserve: Annotated[
        Literal["estimate", "max"] | None, typer.Option(help="What a call takes before it is known; default: as it is.")
    ] = None,
    enforce: Annotated[
        bool | None, typer.Option("--enforce/--trial", help="Refuse, or only count; default: as it is.")
    ] = None,
    redis_url: RedisUrl = None,
    pool: Pool = "default",
) -> None:
    """Set a limit for the whole fleet, also one that nobody had written.

    \b
      router-core limits set user:alice requests/1d 1000
      router-core limits set user:* cost/day@UTC 5 --trial
    """
    row = _row(what)
    number = str(_amount(row, amount))

    async def work(store: Store) -> str:
        known = next((state for state in await store.usage(whose) if state.name == row), None)
        return await store.set_limit(whose, row, number + _flags(known, reserve, enforce))

    _say(whose, row, _change(redis_url, pool, whose, work))


@app.command("raise")
def raise_limit(
    whose: Whose,
    what: What,
    by: Annotated[str, typer.Argument(metavar="BY", help="An amount (cost: dollars), or a share such as 20%.")],
    redis_url: RedisUrl = None,
    pool: Pool = "default",
) -> None:
    """Set a limit to more than is in force.

    \b
      router-core limits raise chat-eu-1 requests/minute 100
      router-core limits raise account:openai-eu tokens/minute 20%
    """
    row = _row(what)
    more = by if by.endswith("%") else str(_amount(row, by))
    _say(whose, row, _change(redis_url, pool, whose, lambda store: store.raise_limit(whose, row, more)))


@app.command("clear")
def clear(
    whose: Whose,
    what: Annotated[str | None, typer.Argument(metavar="[LIMIT]", help="Only this one.")] = None,
    used: Annotated[bool, typer.Option("--used", help="Forget what a subject used, instead.")] = False,
    redis_url: RedisUrl = None,
    pool: Pool = "default",
) -> None:
    """Take back what `set` and `raise` said: as the workers say. --used: its windows begin anew, so that its limits can
    be exceeded once.

    \b
      router-core limits clear user:alice
      router-core limits clear account:openai-eu tokens/minute
      router-core limits clear user:alice --used
    """
    if used:
        _check_used(whose, what)
        _change(redis_url, pool, whose, lambda store: store.reset_usage(whose))
        print(f"{whose}: its windows are empty")
        return
    rows = None if what is None else [_row(what)]

    async def work(store: Store) -> list[LimitState]:
        for row in [state.name for state in await store.usage(whose)] if rows is None else rows:
            await store.set_limit(whose, row, None)
        return await store.usage(whose)

    left = _change(redis_url, pool, whose, work)
    print(f"{whose}: {', '.join(map(of_row, left)) or 'no limits'}")


def _check_used(whose: str, what: str | None) -> None:
    if what is not None:
        fail("--used is about all of a subject's limits: leave the one out", USAGE)
    if scope_of(whose) is None:
        fail(f"of a deployment, `router-core reset {whose}` forgets it", USAGE)


def _change(url: str | None, pool: str, whose: str, change: Callable[[Store], Awaitable[T]]) -> T:
    async def work(store: Store) -> T:
        try:
            return await change(store)
        except StateError as error:
            if "UNKNOWN limit" in str(error):
                raise Unknown("limit", str(error).rpartition(" ")[2], await _names(store, whose)) from None
            raise await unknown_deployment(store, whose, error) from None
        except ValueError as error:
            fail(str(error), USAGE)

    return run(url, pool, work)


async def _names(store: Store, whose: str) -> list[str]:
    return [state.name for state in await store.usage(whose)]


async def _none(store: Store, of: str) -> list[LimitState]:
    """Nothing to show: that is an answer for one who exists."""
    known = await store.snapshot()
    if scope_of(of) is None and of not in known.deployments:
        raise Unknown("deployment", of, list(known.deployments))
    return []


def _row(what: str) -> str:
    """A limit as the state names it. Ends the command where it is none."""
    resource, _, period = what.partition("/")
    if resource not in _RESOURCES:
        fail(f"{what}: a limit is of {', '.join(_RESOURCES)}{hint(resource, _RESOURCES)}", USAGE)
    if resource == "concurrent":
        return resource if not period else fail(f"{what}: calls at once have no window", USAGE)
    try:
        return f"{resource}/{period if re.fullmatch('[1-9][0-9]*', period) else window(period)}"
    except ValueError as error:
        fail(f"{what}: {error}", USAGE)


def _amount(row: str, text: str) -> int:
    try:
        number = Decimal(text)
    except InvalidOperation:
        fail(f"an amount is a number, not {text!r}", USAGE)
    cost = row.startswith("cost/")
    if not number.is_finite() or number < 0 or (not cost and number != number.to_integral_value()):
        fail(f"an amount is {'in dollars' if cost else 'a whole number'}, 0 or more, not {text!r}", USAGE)
    try:
        return nano_dollars(number) if cost else int(number)
    except ValueError as error:
        fail(f"an amount {error}", USAGE)


def _flags(known: LimitState | None, reserve: str | None, enforce: bool | None) -> str:
    """Behind the amount; nothing where they stay, a comma where there are none any more."""
    if reserve is None and enforce is None:
        return ""
    most = known is not None and known.reserve_max if reserve is None else reserve == "max"
    enforced = (known is None or known.enforced) if enforce is None else enforce
    learned = known is not None and known.learned
    return f"{',max' if most else ''}{'' if enforced else ',shadow'}{',adaptive' if learned else ''}" or ","


def _say(whose: str, row: str, in_force: str) -> None:
    words = dict(word.split("=", 1) for word in in_force.split() if "=" in word)
    print(f"{whose}: {row} {words.get(row, 'is not in force')}")

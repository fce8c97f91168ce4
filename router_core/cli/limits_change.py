"""limits set, raise, clear: what counts for the next decision of every worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar

import typer

from router_core.cli.limits_table import of_row
from router_core.cli.limits_words import amount, flags, row
from router_core.cli.session import UNKNOWN, USAGE, Pool, RedisUrl, fail, run, unknown_deployment
from router_core.state.names import scope_of
from router_core.state.records import LimitState, StateError
from router_core.state.store import Store

T = TypeVar("T")

Whose = Annotated[
    str,
    typer.Argument(metavar="WHOSE", help="A deployment's id, or account:…, provider:…, group:…, tag:…, user:…, team:…"),
]
What = Annotated[str, typer.Argument(metavar="LIMIT", help="requests/minute, tokens/1h, cost/day@UTC, concurrent, …")]


def set_limit(
    whose: Whose,
    what: What,
    much: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much; cost in dollars.")],
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
    name = row(what)
    number = str(amount(name, much))

    async def work(store: Store) -> tuple[list[LimitState], list[LimitState]]:
        if reserve == "max":
            await _check_bounds(store)
        before = await store.usage(whose)
        known = next((state for state in before if state.name == name), None)
        await store.set_limit(whose, name, number + flags(known, reserve, enforce))
        return before, await store.usage(whose)

    before, after = _change(redis_url, pool, whose, work)
    _say(whose, name, after)
    kept = {state.name for state in after}
    lost = [state.name for state in before if state.name not in kept]
    if lost:  # who has limits of his own has not those of everyone
        print(f"{whose}: no longer has {', '.join(lost)}, which everyone has; set what is to stay")


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
    name = row(what)
    more = by if by.endswith("%") else str(amount(name, by))

    async def work(store: Store) -> list[LimitState]:
        await store.raise_limit(whose, name, more)
        return await store.usage(whose)

    _say(whose, name, _change(redis_url, pool, whose, work))


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
    one = None if what is None else row(what)

    async def work(store: Store) -> list[LimitState]:
        for name in [state.name for state in await store.usage(whose)] if one is None else [one]:
            await store.set_limit(whose, name, None)
        return await store.usage(whose)

    left = _change(redis_url, pool, whose, work)
    print(f"{whose}: {', '.join(map(of_row, left)) or 'no limits'}")


async def _check_bounds(store: Store) -> None:
    if not any(state.reserve_max for state in await store.limits()):
        fail("workers send upper bounds only where a limit of their configuration reserves them: write this one there, "
             'with reserve="max"', USAGE)  # fmt: skip


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
                which = str(error).rpartition(" ")[2]
                fail(f"{whose} has no limit {which} of its own: `router-core limits set` gives it one", UNKNOWN)
            raise await unknown_deployment(store, whose, error) from None
        except ValueError as error:
            fail(str(error), USAGE)

    return run(url, pool, work)


def _say(whose: str, name: str, states: list[LimitState]) -> None:
    said = next((of_row(state) for state in states if state.name == name), f"{name} is not in force")
    print(f"{whose}: {said}")

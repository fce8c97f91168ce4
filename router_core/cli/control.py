"""drain, resume, weight, cool, reset: what counts for the next decision of every worker."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from router_core.cli.session import USAGE, Pool, RedisUrl, fail, run, unknown_deployment
from router_core.state.records import StateError
from router_core.state.store import Store

Deployment = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Its id, as `router-core status` shows it.")]


def drain(deployment: Deployment, redis_url: RedisUrl = None, pool: Pool = "default") -> None:
    """Give a deployment no new calls; running ones go on.

    \b
      router-core drain chat-eu-1
    """
    _control(redis_url, pool, "drain", deployment)
    print(f"{deployment}: drained; `router-core resume {deployment}` takes it back")


def resume(deployment: Deployment, redis_url: RedisUrl = None, pool: Pool = "default") -> None:
    """Take a drained deployment back.

    \b
      router-core resume chat-eu-1
    """
    _control(redis_url, pool, "resume", deployment)
    print(f"{deployment}: takes calls again")


def weight(
    deployment: Deployment,
    amount: Annotated[str, typer.Argument(metavar="N", help="0 or more; `default`: as the workers say.")],
    redis_url: RedisUrl = None,
    pool: Pool = "default",
) -> None:
    """Change a deployment's weight; 0 means: only where nobody else can serve.

    \b
      router-core weight chat-eu-1 0.5
      router-core weight chat-eu-1 default
    """
    value: float | str = "-" if amount == "default" else _number(amount, "a weight")
    settings = _control(redis_url, pool, "weight", deployment, weight=value)
    words = dict(word.split("=", 1) for word in settings.split() if "=" in word)
    print(f"{deployment}: weight {float(words['weight']):g}" if "weight" in words else f"{deployment}: {settings}")


def cool(
    deployment: Deployment,
    seconds: Annotated[str, typer.Argument(metavar="SECONDS", help="How long.")],
    redis_url: RedisUrl = None,
    pool: Pool = "default",
) -> None:
    """Let a deployment rest, as if its upstream had asked for it; it comes back through one probe.

    \b
      router-core cool chat-eu-1 60
    """
    wait = _number(seconds, "SECONDS")
    _control(redis_url, pool, "cool", deployment, ms=round(wait * 1000))
    print(f"{deployment}: cooling for {wait:g} s")


def reset(
    deployment: Deployment,
    redis_url: RedisUrl = None,
    pool: Pool = "default",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a deployment's health and what stands in its windows. Its limits can be exceeded once by that.

    \b
      router-core reset chat-eu-1 --yes
    """
    if not yes:
        typer.confirm(f"Forget health and used limits of {deployment} in pool {pool}? (--yes does not ask)", abort=True)
    _control(redis_url, pool, "reset", deployment)
    print(f"{deployment}: healthy, its windows are empty")


def _control(url: str | None, pool: str, action: str, deployment: str, **values: float | str) -> str:
    async def work(store: Store) -> str:
        try:
            return await store.control(action, deployment, **values)
        except StateError as error:
            raise await unknown_deployment(store, deployment, error) from None

    return run(url, pool, work)


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < 1e9:
        fail(f"{what} is a number from 0 on, not {text!r}", USAGE)
    return number

"""The way of every command to its pool: options, one Store, and errors that say what to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from typing import Annotated, NoReturn, TypeVar

import typer

from router_core.state.names import check_pool
from router_core.state.records import StateError
from router_core.state.store import Store

T = TypeVar("T")

FAILED, USAGE, UNKNOWN = 1, 2, 3  # exit statuses; 2 is typer's own

RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis-url", envvar="ROUTER_CORE_REDIS_URL", help="Where the pool is: redis://user:password@host:6379/0"
    ),
]
Pool = Annotated[str, typer.Option("--pool", envvar="ROUTER_CORE_POOL", help="The pool's name.")]


class Unknown(Exception):
    """No such deployment or group; `known` are those that exist."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        self.what, self.name, self.known = what, name, known
        super().__init__(f"no {what} {name!r} in this pool")


def run(url: str | None, pool: str, work: Callable[[Store], Awaitable[T]]) -> T:
    """`work` on the pool, then everything closed. Ends the command with a message and a status where it fails."""
    store = _store(url, pool)
    try:
        return asyncio.run(_with(store, work))
    except Unknown as unknown:
        fail(_near(unknown), UNKNOWN)
    except StateError as error:
        fail(f"the pool {pool!r} does not answer: {error}", FAILED)
    except KeyboardInterrupt:
        raise typer.Exit from None


async def _with(store: Store, work: Callable[[Store], Awaitable[T]]) -> T:
    try:
        return await work(store)
    finally:
        await store.aclose()


def _store(url: str | None, pool: str) -> Store:
    if not url:
        fail("which Redis? Give --redis-url or set ROUTER_CORE_REDIS_URL", USAGE)
    if url.startswith("memory:"):
        fail("memory:// is the memory of another process: nobody outside can look into it. Give that "
             "Router a redis:// or embedded:// url, and this command the same", USAGE)  # fmt: skip
    try:
        return Store(url, pool=check_pool(pool))
    except ValueError as error:
        fail(str(error), USAGE)


def fail(message: str, status: int) -> NoReturn:
    """Say it on stderr and end."""
    print(f"router-core: {message}", file=sys.stderr)
    raise typer.Exit(status)


async def unknown_deployment(store: Store, deployment: str, error: StateError) -> Exception:
    """What to raise for `error`: `Unknown` where the pool does not know this deployment."""
    if "UNKNOWN deployment" not in str(error):
        return error
    return Unknown("deployment", deployment, list((await store.snapshot()).deployments))


def _near(unknown: Unknown) -> str:
    near = get_close_matches(unknown.name, unknown.known, n=3, cutoff=0.5)
    near += [name for name in unknown.known if unknown.name and unknown.name in name and name not in near][:3]
    if near:
        return f"{unknown}; did you mean {' or '.join(near)}?"
    if not unknown.known:
        return f"{unknown}: it is empty. Is --pool right?"
    more = f" and {len(unknown.known) - 10} more" if len(unknown.known) > 10 else ""
    return f"{unknown}; there are {', '.join(sorted(unknown.known)[:10])}{more}"

"""A routing strategy of the user's own: `f(request, snapshot)`, plain or async.

It returns a deployment's id, a list of ids in order of preference, or None for the default strategy. The pool still
checks room and health: a wish is tried first, and what has no room is passed over. It runs on the event loop of the
call, so a plain function must not block.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router_core.hooks import CustomFailed, Hook
from router_core.state.records import Snapshot

logger = logging.getLogger("router_core")


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What a routing function sees of a call. `model` is the group; the messages are the caller's own, not a copy."""

    model: str
    messages: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    user: str | None = None
    tags: tuple[str, ...] = ()


async def wishes(
    function: Callable[..., Any], request: RouteRequest, snapshot: Snapshot, known: Container[str], emit: Hook | None
) -> tuple[str, ...]:
    """The ids the function prefers, best first; none where it has no wish, fails, or names nobody of `known`."""
    try:
        answer = function(request, snapshot)
        if inspect.isawaitable(answer):
            answer = await answer
        named = _names(answer)
    except Exception as exc:  # noqa: BLE001 - a user's function may raise anything, and the call goes on
        # The class alone: the text of a user's error may quote the prompt.
        logger.warning("the routing function failed for group %r: %s", request.model, type(exc).__name__)
        if emit is not None:
            emit(CustomFailed(request.model, type(exc).__name__))
        return ()
    usable = tuple(name for name in named if name in known)
    if len(usable) < len(named):
        unknown = len(named) - len(usable)
        logger.warning("the routing function named %d unknown deployment(s) of %r", unknown, request.model)
        if not usable and emit is not None:
            emit(CustomFailed(request.model, ""))
    return usable


def _names(answer: Any) -> tuple[str, ...]:
    if answer is None:
        return ()
    if isinstance(answer, str):
        return (answer,)
    named = tuple(answer)
    if not all(isinstance(name, str) for name in named):
        raise TypeError("a routing function returns an id, a list of ids, or None")
    return named

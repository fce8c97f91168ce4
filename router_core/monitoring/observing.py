"""Which rate headers are worth telling the pool: few, so that calls of a pool that is far from its limits cost nothing.

An answer is told if less than half of one of our limits is left there, or if the provider's limit is another than the
pool can know; at most every two seconds per deployment. What a 429 says is always told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import httpx

from router_core.config import Deployment
from router_core.providers.quotas import Quota, observed
from router_core.state.records import Heard

TOLD = 2.0  # seconds of silence about a deployment after something was told
LOOKED = 0.2  # seconds without a look at its headers after nothing was
SECOND = 2.0  # seconds after which a limit is told a second time
AGAIN = 600.0  # and then again and again


class Observer:
    """What the router's answers say of their providers' limits. Safe in threads: a race tells twice, which is
    harmless."""

    def __init__(self, deployments: Iterable[Deployment], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watched = {one.id: _Watched(one) for one in deployments if one.discover or one.limits}

    def answered(self, deployment: str, headers: httpx.Headers) -> tuple[Heard, ...]:
        """What is worth telling of the headers of an answer."""
        watched = self._watched.get(deployment)
        if watched is None or (now := self._clock()) < watched.silent_until:
            return ()
        heard = tuple(watched.worth(observed(headers.raw, time.time()), now))
        watched.silent_until = now + (TOLD if heard else LOOKED)
        return heard

    def refused(self, deployment: str, headers: httpx.Headers) -> tuple[Heard, ...]:
        """What the headers of a 429 say."""
        watched = self._watched.get(deployment)
        return () if watched is None else tuple(watched.known(observed(headers.raw, time.time())))


class _Told(NamedTuple):
    """A limit that the pool was told of."""

    limit: int
    first: float
    last: float


class _Watched:
    """One deployment: its limits as configured, and what the pool was told of the provider's."""

    def __init__(self, deployment: Deployment) -> None:
        self.silent_until = 0.0
        self._limits, self._discover = deployment.limits, deployment.discover
        self._told: dict[str, _Told] = {}

    def known(self, quotas: Iterable[Quota]) -> Iterator[Heard]:
        """Those of limits that the pool may have."""
        for quota in quotas:
            name = f"{quota.resource}/{quota.window}"
            if self._discover or name in self._limits:
                yield Heard(name, quota.limit, quota.remaining)

    def worth(self, quotas: Iterable[Quota], now: float) -> Iterator[Heard]:
        """Those of them that are worth telling."""
        for heard in self.known(quotas):
            is_news = self._is_news(heard, now)
            if is_news or heard.remaining * 2 < self._limits.get(heard.name, heard.limit):
                yield heard

    def _is_news(self, heard: Heard, now: float) -> bool:
        """The pool believes a limit that it hears a second time; then it has to be reminded now and then."""
        told, ours = self._told.get(heard.name), self._limits.get(heard.name)
        if told is None:
            if heard.limit == ours or (ours is not None and heard.limit > ours and not self._discover):
                return False  # what is configured, or more than is wanted of it
        elif told.limit == heard.limit:
            if now - told.last < (SECOND if told.last == told.first else AGAIN):
                return False
            self._told[heard.name] = told._replace(last=now)
            return True
        self._told[heard.name] = _Told(heard.limit, now, now)
        return True

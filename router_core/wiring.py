"""What one configuration is made into: the parts that serve calls, made whole and swapped at once.

A call takes the wiring in force when it begins and keeps it to its end, so a change in the middle touches no running
call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import httpx

from router_core import config
from router_core.accounts import siblings
from router_core.attempts import Upstream
from router_core.choosing.affinity import Affinity
from router_core.choosing.allowance import Allowance
from router_core.choosing.decisions import Decisions
from router_core.choosing.question import Questions
from router_core.choosing.routing import Routing
from router_core.choosing.shadow import Shadow
from router_core.choosing.watch import Watch
from router_core.config import Breakers, Deployment, Settings, declared_rows, health_words
from router_core.costs.prices import Prices
from router_core.estimating import tokenizer
from router_core.estimating.bounds import Bounds
from router_core.estimating.estimates import Estimates
from router_core.estimating.fits import Fits
from router_core.estimating.tokens import OutputLengths
from router_core.hedging import Hedging
from router_core.hooks import Hook
from router_core.monitoring.observing import Observer
from router_core.plan import Planner
from router_core.providers import Factory, adapter_for
from router_core.retries import Retries
from router_core.state.records import Declared, Rows
from router_core.state.store import Store
from router_core.strategies import Strategy, find
from router_core.timeouts import Timeouts


@dataclass(frozen=True, slots=True)
class Parts:
    """What stays when the configuration changes."""

    store: Store
    transport: httpx.AsyncBaseTransport
    watch: Watch
    lengths: OutputLengths
    fits: Fits
    estimates: Estimates
    emit: Hook | None
    adapters: Mapping[str, Factory]
    strategies: Sequence[Strategy]
    random: Random


@dataclass(frozen=True, slots=True)
class Wiring:
    """One configuration, ready to serve."""

    settings: Settings
    deployments: tuple[Deployment, ...]
    planner: Planner
    decisions: Decisions
    retries: Retries
    upstream: Upstream
    hedging: Hedging


def load(
    model_list: Sequence[Any] | None,
    arguments: Mapping[str, Any],
    adapters: Mapping[str, Factory],
    strategies: Sequence[Strategy],
    stacklevel: int,
) -> tuple[Settings, tuple[Deployment, ...]]:
    """Read and check a whole configuration. Raises ConfigurationError with everything that is wrong."""
    return config.load(
        model_list,
        providers=adapters.keys(),
        check_strategy=_checker(strategies),
        stacklevel=stacklevel + 1,
        **arguments,
    )


def wire(settings: Settings, deployments: tuple[Deployment, ...], parts: Parts) -> Wiring:
    """Connects to nothing. Raises ConfigurationError for a provider without an adapter."""
    adapters = {one.id: adapter_for(one, parts.adapters) for one in deployments}
    kinds = {id: adapter.kinds for id, adapter in adapters.items()}
    planner = Planner(settings, deployments, parts.random, kinds)
    timeouts = Timeouts(settings, deployments, parts.estimates)
    routing, bounds = Routing(settings, parts.strategies, planner.groups), Bounds(settings, deployments)
    allowance = Allowance(settings)
    questions = Questions(
        settings,
        routing,
        timeouts,
        parts.lengths,
        parts.fits,
        parts.watch,
        parts.emit,
        bounds,
        Affinity(settings, parts.random),
        Shadow(settings, parts.strategies, parts.random),
        allowance,
        _encodings(settings, planner),
    )
    decisions = Decisions(parts.store, settings, questions, allowance, parts.emit)
    upstream = Upstream(
        store=parts.store,
        transport=parts.transport,
        settings=settings,
        adapters=adapters,
        prices=Prices(deployments),
        timeouts=timeouts,
        lengths=parts.lengths,
        fits=parts.fits,
        emit=parts.emit,
        bounds=bounds,
        observer=Observer(deployments),
        siblings=siblings(deployments),
        breakers=Breakers(settings),
        measured=frozenset(filter(settings.measures, planner.groups)),
    )
    return Wiring(
        settings=settings,
        deployments=deployments,
        planner=planner,
        decisions=decisions,
        retries=Retries(settings, planner, parts.random),
        upstream=upstream,
        hedging=Hedging(settings, planner, decisions, parts.estimates, upstream),
    )


def described(settings: Settings, deployments: Sequence[Deployment]) -> tuple[list[Declared], list[Rows]]:
    """What the pool has to know of a configuration: the deployments, and the limits that are not theirs."""
    rows = [
        Rows(whose, {row.name: row.value for row in its}, settings.config_version)
        for whose, its in declared_rows(settings, deployments).items()
    ]
    return [replace(one.declared(), health=health_words(settings, one)) for one in deployments], rows


def _encodings(settings: Settings, planner: Planner) -> Mapping[str, tokenizer.Encoding]:
    """By which group's tokens are counted. Raises ConfigurationError where the tokenizer is not installed."""
    if not settings.exact_tokens:
        return {}
    tokenizer.check_installed()
    found = {name: tokenizer.encoding_of(group.members) for name, group in planner.groups.items()}
    return {name: encoding for name, encoding in found.items() if encoding is not None}


def _checker(own: Sequence[Strategy]) -> Callable[[str, Mapping[str, Any]], object]:
    """Raises ValueError for a strategy that is neither the user's own nor one of ours, or for a bad argument."""
    return lambda name, args: find(name, own).spec(args)

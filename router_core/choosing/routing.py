"""Which strategy decides: the group's, or the one a call asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from router_core.config import Settings
from router_core.errors import BadRequestError, ConfigurationError
from router_core.options import Options
from router_core.strategies import Strategy, find

DEFAULT = "simple-shuffle"


@dataclass(frozen=True, slots=True)
class Routed:
    """`spec` as the scripts read it; `shuffle`: ranks are a weighted random order; `learn`: see `Outcome.learn`.

    `function`: asked first, if any.
    """

    spec: str
    shuffle: bool
    learn: str = ""
    function: Callable[..., Any] | None = None


class Routing:
    """The strategies of one configuration, checked when it is made; `own` are the user's own in Lua.

    Raises ConfigurationError for a name or an argument that is none.
    """

    def __init__(self, settings: Settings, own: Sequence[Strategy], groups: Iterable[str]) -> None:
        self._own = tuple(own)
        try:
            self._default = self._named(DEFAULT, {})
            # "" stands for a router without groups, whose strategy is checked as well.
            self._groups = {group: self._resolve(*settings.routing(group)) for group in ("", *groups)}
        except ValueError as exc:
            raise ConfigurationError(f"routing_strategy: {exc}") from exc

    def of(self, group: str, options: Options) -> Routed:
        """How this call is decided in `group`. Raises BadRequestError for a bad wish of the caller."""
        if options.routing_strategy is None:
            return self._groups[group]
        try:
            return self._resolve(options.routing_strategy, options.routing_strategy_args or {})
        except ValueError as exc:
            raise BadRequestError(f"routing_strategy: {exc}") from exc

    def _resolve(self, strategy: str | Callable[..., Any], args: Mapping[str, Any]) -> Routed:
        if strategy == "custom" and callable(args.get("callable")):
            strategy, args = args["callable"], {key: value for key, value in args.items() if key != "callable"}
        if isinstance(strategy, str):
            return self._named(strategy, args)
        if not callable(strategy):
            raise ValueError(f"a strategy is a name or a function, not {type(strategy).__name__}")
        if args:
            raise ValueError(f"a function takes no routing_strategy_args, but there are {', '.join(sorted(args))}")
        _check_signature(strategy)
        return replace(self._default, function=strategy)

    def _named(self, name: str, args: Mapping[str, Any]) -> Routed:
        found = find(name, self._own)
        return Routed(found.spec(args), found.sampled_by_weight, found.learn(args))


def _check_signature(function: Callable[..., Any]) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a callable that does not tell
    try:
        signature.bind("request", "snapshot")
    except TypeError as exc:
        raise ValueError(f"a routing function takes (request, snapshot): {exc}") from exc

"""A whole configuration: read, checked as one, and only then used."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from router_core.config import litellm
from router_core.config.breaker_rules import GroupBreaker, Outliers
from router_core.config.budgets import Budget
from router_core.config.deployment import Deployment
from router_core.config.entry import Reader
from router_core.config.environment import resolve
from router_core.config.facts import Info, Params
from router_core.config.hedges import Hedge
from router_core.config.ids import unique
from router_core.config.keys import check_params
from router_core.config.limits import Limit
from router_core.config.limits_checks import check_names, check_prices
from router_core.config.limits_declared import all_rows, with_limits
from router_core.config.policies import AllowedFailsPolicy, RetryPolicy
from router_core.config.problems import Problems, join
from router_core.config.resilience import AdaptiveConcurrency, AdaptiveThrottling, HealthCheck, RetryBudget
from router_core.config.secrets import conceal
from router_core.config.settings import RoutingGroup, Settings
from router_core.config.suggest import hint
from router_core.config.targets import check_aliases, check_fallbacks, matches
from router_core.config.timeouts import PercentileTimeout
from router_core.config.weights import weigh

_SECTIONS = (
    *(Settings, RoutingGroup, RetryPolicy, AllowedFailsPolicy, Budget, Limit, Params, Info),
    *(RetryBudget, AdaptiveThrottling, AdaptiveConcurrency, HealthCheck),
    *(Hedge, PercentileTimeout, GroupBreaker, Outliers),
)
CheckStrategy = Callable[[str, Mapping[str, Any]], object]


def load(
    model_list: Iterable[Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    providers: Collection[str] = (),
    check_strategy: CheckStrategy | None = None,
    stacklevel: int = 2,
    **arguments: Any,
) -> tuple[Settings, tuple[Deployment, ...]]:
    """Settings and deployments from a Router's arguments.

    `environ`: instead of os.environ. `providers`: prefixes of adapters the user registered. `check_strategy(name,
    args)` raises ValueError for a strategy or an argument that does not exist. `stacklevel`: whose line a
    warning names, as in `warnings.warn`. Raises ConfigurationError with everything that is wrong.
    """
    environ = os.environ if environ is None else environ
    problems = Problems(name for section in _SECTIONS for name in section.model_fields)
    arguments = resolve(_ours(arguments, problems), environ, problems)
    entries = resolve(list(model_list or ()), environ, problems, "model_list")
    defaults = _defaults(arguments.get("default_litellm_params"), problems)
    settings = _settings(_with_environment(arguments, environ), problems)
    # Entries are read even where the settings are wrong, so that all problems show at once.
    reader = Reader(settings or Settings(), defaults, environ, providers, problems)
    drafts = [draft for i, entry in enumerate(entries) for draft in reader.read(entry, join("model_list", i))]
    deployments = unique(drafts, problems)
    if settings is not None:
        deployments = weigh(with_limits(settings, deployments, problems), settings, problems)
        if len(drafts) >= len(entries):  # else names would be reported as missing only because their entry is wrong
            _check_names(settings, deployments, problems)
            check_names(settings, deployments, providers, problems)
            check_prices(settings, deployments, problems)
        _check_strategies(settings, check_strategy, problems)
    problems.raise_any()
    assert settings is not None
    _notes(settings, deployments, problems)
    problems.warn(stacklevel)
    return settings, deployments


def _ours(arguments: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """The arguments this router has; LiteLLM's other ones and unknown ones are reported."""
    kept: dict[str, Any] = {}
    ignored = []
    for name, value in arguments.items():
        if name in Settings.model_fields:
            if value is not None:
                kept[name] = value
        elif name in litellm.REFUSED or name in litellm.IGNORED:
            if litellm.is_unused(name, value):
                continue
            if name in litellm.REFUSED:
                problems.error(name, f"is not supported: {litellm.REFUSED[name]}")
            else:
                ignored.append(name)
        else:
            problems.error(name, f"unknown argument{hint(name, Settings.model_fields)}")
    if ignored:
        problems.note(f"these arguments of LiteLLM's Router have no effect here: {', '.join(sorted(ignored))}")
    return kept


def _with_environment(arguments: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    found = dict(arguments)
    if environ.get("ROUTER_CORE_POOL"):
        found.setdefault("pool", environ["ROUTER_CORE_POOL"])
    if environ.get("ROUTER_CORE_REDIS_URL") and not {"redis", "redis_url", "redis_host"} & found.keys():
        found["redis_url"] = environ["ROUTER_CORE_REDIS_URL"]
    if isinstance(found.get("default_litellm_params"), Mapping):
        found["default_litellm_params"] = conceal(found["default_litellm_params"])
    return found


def _settings(arguments: Mapping[str, Any], problems: Problems) -> Settings | None:
    try:
        return Settings(**arguments)
    except ValidationError as error:
        problems.collect(error)
    return None


def _defaults(values: Any, problems: Problems) -> Mapping[str, Any]:
    """The default parameters of every deployment, if they are fit to be merged into each."""
    if not isinstance(values, Mapping):
        return {}
    path = "default_litellm_params"
    before = len(problems)
    if "model" in values:
        problems.error(join(path, "model"), "belongs to a deployment")
        return {}
    kept = check_params(dict(values), path, problems)
    try:
        Params(**{**kept, "model": "any"})
    except ValidationError as error:
        problems.collect(error, path)
    return kept if len(problems) == before else {}


def _check_names(settings: Settings, deployments: tuple[Deployment, ...], problems: Problems) -> None:
    """Everything that names a group names one that exists; with an empty list the groups come later."""
    if not deployments:
        return
    aliases = settings.model_group_alias
    names = {one.model_name for one in deployments} | {one.id for one in deployments}
    check_aliases(aliases, names, problems)
    for field in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        check_fallbacks(field, getattr(settings, field), names | aliases.keys(), problems)
    check_fallbacks("default_fallbacks", {"*": settings.default_fallbacks}, names | aliases.keys(), problems)
    _check_routing_groups(settings, names, problems)
    silent = {one.model_name: one.silent_model for one in deployments if one.silent_model}
    for group, target in silent.items():
        check_fallbacks("silent_model", {group: (target,)}, names | aliases.keys(), problems)
    policies = ("retry_policy", "affinity_config", "hedge", "breaker", "adaptive_concurrency", "health_check")
    for field in (f"model_group_{policy}" for policy in policies):
        for group in getattr(settings, field).keys() - names:
            problems.note(f"{join(field, group)}: no such model group{hint(group, names)}")


def _check_routing_groups(settings: Settings, names: Collection[str], problems: Problems) -> None:
    owner: dict[str, str] = {}
    for index, group in enumerate(settings.routing_groups):
        for number, model in enumerate(group.models):
            path = join("routing_groups", index, "models", number)
            if not any(matches(model, name) for name in names):
                problems.error(path, f"there is no model group {model!r}{hint(model, names)}")
            if model in owner:
                problems.error(path, f"{model!r} is in the routing group {owner[model]!r} too")
            owner.setdefault(model, group.group_name)


def _check_strategies(settings: Settings, check: CheckStrategy | None, problems: Problems) -> None:
    named = [("routing_strategy", settings.routing_strategy, settings.routing_strategy_args)]
    for index, group in enumerate(settings.routing_groups):
        path = join("routing_groups", index, "routing_strategy")
        named.append((path, group.routing_strategy, group.routing_strategy_args))
    if settings.shadow_strategy is not None:
        named.append(("shadow_strategy", settings.shadow_strategy, settings.shadow_strategy_args))
    for path, strategy, args in named:
        if strategy == "custom":
            if not callable(args.get("callable")):
                problems.error(path, '"custom" needs routing_strategy_args={"callable": f}')
        elif check is not None and isinstance(strategy, str):
            try:
                check(strategy, args)
            except ValueError as error:
                problems.error(path, str(error))


def _notes(settings: Settings, deployments: tuple[Deployment, ...], problems: Problems) -> None:
    if settings.redis is None and settings.store_url is None and any(all_rows(settings, deployments)):
        problems.note(
            "limits are set but no redis_url: they hold for this process only. Give every worker the same redis_url "
            "(or ROUTER_CORE_REDIS_URL), or redis_url='memory://' if one process is what you want"
        )

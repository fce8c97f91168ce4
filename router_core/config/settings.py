"""The arguments of a Router, validated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from router_core.config.breaker_rules import GroupBreaker, RouterBreaker
from router_core.config.budgets import Budget
from router_core.config.fields import Name, Names, Natural, Pause, Positive, Seconds, Section, Share, Switch, said
from router_core.config.hedges import Hedge, Hedging
from router_core.config.limits import DISCOVER, NamedLimit
from router_core.config.litellm import REFUSED_CHECKS
from router_core.config.policies import AllowedFails, AllowedFailsPolicy, RetryPolicy
from router_core.config.redis_url import build_url
from router_core.config.resilience import Adaptive, AdaptiveThrottling, Checked, RetryBudget
from router_core.config.targets import Alias, Fallbacks, Target, matches, read_fallbacks, resolve_alias
from router_core.config.timeouts import PercentileTimeout, Timeout
from router_core.state.engines import check_url
from router_core.state.names import check_pool
from router_core.state.records import OutcomeKind

Strategy = Annotated[str | Callable[..., Any], said("must be the name of a strategy, or a function")]
Check = Literal[
    "prompt_caching",
    "session_affinity",
    "deployment_affinity",
    "responses_api_deployment_check",  # always on
    "router_budget_limiting",
    "enforce_model_rate_limits",
]
_PINS: frozenset[Check] = frozenset({"session_affinity", "deployment_affinity"})


class Routing(NamedTuple):
    """How a group is routed: a strategy's name or a callable, and the strategy's arguments."""

    strategy: Strategy
    args: dict[str, Any]


class RoutingGroup(Section):
    """Model groups that have a strategy of their own."""

    group_name: Name
    models: Names
    routing_strategy: Strategy
    routing_strategy_args: dict[str, Any] = Field(default_factory=dict)


class Settings(Section, AllowedFails):
    """Everything but the deployments. Times are seconds; an argument of None means its default."""

    routing_strategy: Strategy = "simple-shuffle"
    routing_strategy_args: dict[str, Any] = Field(default_factory=dict)
    routing_groups: tuple[RoutingGroup, ...] = ()

    num_retries: Natural = 2
    retry_after: Pause = 0.0
    retry_policy: RetryPolicy | None = None
    model_group_retry_policy: dict[str, RetryPolicy] = Field(default_factory=dict)
    retry_budget: Annotated[RetryBudget | None, Switch] = RetryBudget()
    adaptive_throttling: Annotated[AdaptiveThrottling | None, Switch] = None
    adaptive_concurrency: Adaptive = None
    model_group_adaptive_concurrency: dict[str, Adaptive] = Field(default_factory=dict)
    health_check: Checked = None
    model_group_health_check: dict[str, Checked] = Field(default_factory=dict)

    allowed_fails: Natural | None = None
    allowed_fails_policy: AllowedFailsPolicy | None = None
    cooldown_time: Pause = 5.0
    max_cooldown_time: Pause = 300.0
    disable_cooldowns: bool = False
    breaker: RouterBreaker = Field(default_factory=RouterBreaker)
    model_group_breaker: dict[str, GroupBreaker] = Field(default_factory=dict)

    fallbacks: Fallbacks = Field(default_factory=dict)
    context_window_fallbacks: Fallbacks = Field(default_factory=dict)
    content_policy_fallbacks: Fallbacks = Field(default_factory=dict)
    default_fallbacks: tuple[Target, ...] = ()
    max_fallbacks: Natural = 5
    model_group_alias: dict[str, Alias] = Field(default_factory=dict)

    timeout: Timeout = 600.0
    stream_timeout: Timeout | None = None
    ttft_timeout: Timeout | None = None
    stall_timeout: Seconds | None = None
    hedge: Hedging = None
    model_group_hedge: dict[str, Hedging] = Field(default_factory=dict)
    percentiles: bool = False  # measured also where no hedge and no timeout needs them
    max_wait: Pause = 2.0
    max_queue: Natural = 10_000  # calls that may wait in a group
    default_max_parallel_requests: Positive | None = None
    default_priority: Natural | None = None

    exact_tokens: bool = False  # count input where a tokenizer is known, do not guess
    enable_pre_call_checks: bool = False
    optional_pre_call_checks: tuple[Check, ...] = ()
    model_group_affinity_config: dict[str, tuple[Check, ...]] = Field(default_factory=dict)
    deployment_affinity_ttl_seconds: Seconds = 3600.0  # after the last call of a session or user
    shadow_strategy: str | None = None
    shadow_strategy_args: dict[str, Any] = Field(default_factory=dict)
    shadow_sample: Share = 0.1  # of the decisions
    enable_tag_filtering: bool = False
    tag_filtering_match_any: bool = True
    provider_budget_config: dict[Name, Budget] = Field(default_factory=dict)
    tag_budget_config: dict[Name, Budget] = Field(default_factory=dict)
    limits: tuple[NamedLimit, ...] = ()
    default_litellm_params: dict[str, Any] = Field(default_factory=dict, repr=False)

    set_verbose: bool = False
    debug_level: Literal["DEBUG", "INFO"] = "INFO"

    redis_url: SecretStr | None = None
    redis_host: str | None = None
    redis_port: Positive | None = None
    redis_password: SecretStr | None = None
    redis_db: Natural | None = None
    redis: Any = Field(default=None, repr=False)
    pool: str = "default"
    expected_workers: Positive = 1
    config_version: Natural = 0

    @field_validator("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", mode="before")
    @classmethod
    def _fallbacks(cls, value: Any) -> Fallbacks:
        return read_fallbacks(value)

    @field_validator("default_fallbacks", mode="before")
    @classmethod
    def _default_fallbacks(cls, value: Any) -> tuple[Target, ...]:
        return read_fallbacks({"*": value})["*"]

    @field_validator("optional_pre_call_checks", "model_group_affinity_config", mode="before")
    @classmethod
    def _checks(cls, value: Any) -> Any:
        lists = value.values() if isinstance(value, Mapping) else (value,)
        for name in chain.from_iterable(each for each in lists if isinstance(each, list | tuple)):
            if name in REFUSED_CHECKS:
                raise ValueError(f"{name} does not exist here: {REFUSED_CHECKS[name]}")
        return value

    @field_validator("limits", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if value == DISCOVER:
            raise ValueError("discover is for deployments: write it into default_litellm_params")
        return value

    @field_validator("shadow_strategy")
    @classmethod
    def _shadow(cls, value: str | None) -> str | None:
        if value == "custom":
            raise ValueError("a function cannot be asked without effect; name a strategy in Lua")
        return value

    @field_validator("redis_url")
    @classmethod
    def _served(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_url(value.get_secret_value())
        return value

    @field_validator("pool")
    @classmethod
    def _pool(cls, value: str) -> str:
        return check_pool(value)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if "max_cooldown_time" in self.model_fields_set and self.max_cooldown_time < self.cooldown_time:
            raise ValueError("max_cooldown_time: must not be less than cooldown_time")
        for group, own in self.model_group_breaker.items():
            base = self.cooldown_time if own.cooldown_time is None else own.cooldown_time
            if own.max_cooldown_time is not None and own.max_cooldown_time < base:
                raise ValueError(f"model_group_breaker: max_cooldown_time of {group!r} is less than its cooldown_time")
        if self.redis is not None and (self.redis_url or self.redis_host):
            raise ValueError("redis: give a ready client or an address, not both")
        if self.redis_url and (self.redis_host or self.redis_port or self.redis_password or self.redis_db):
            raise ValueError("redis_url: write host, port, password and database into it, or leave it out")
        if not self.redis_host and (self.redis_port or self.redis_password or self.redis_db):
            raise ValueError("redis_host: is missing; redis_port, redis_password and redis_db belong to it")
        return self

    @property
    def store_url(self) -> str | None:
        """Where the shared state is (with its password), or None if nothing was configured."""
        if self.redis_url:
            return self.redis_url.get_secret_value()
        if not self.redis_host:
            return None
        password = self.redis_password.get_secret_value() if self.redis_password else None
        return build_url(self.redis_host, self.redis_port, password, self.redis_db)

    @property
    def longest_cooldown(self) -> float:
        """The cap of a cooldown: never below the base."""
        return max(self.max_cooldown_time, self.cooldown_time)

    def hedge_for(self, group: str) -> Hedge | None:
        """When calls of a group are hedged; None: never."""
        return self.model_group_hedge.get(group, self.hedge)

    def measures(self, group: str) -> bool:
        """Whether percentiles of its calls are counted."""
        hedge, limits = self.hedge_for(group), (self.timeout, self.stream_timeout, self.ttft_timeout)
        by_percentile = any(isinstance(limit, PercentileTimeout) for limit in limits)
        return self.percentiles or by_percentile or (hedge is not None and hedge.percent is not None)

    def checks_for(self, group: str) -> frozenset[Check]:
        """The optional checks of a group; its own list replaces those for sessions and users."""
        own = self.model_group_affinity_config.get(group)
        if own is None:
            return frozenset(self.optional_pre_call_checks)
        return frozenset({*own, *self.optional_pre_call_checks} - (_PINS - {*own}))

    def routing(self, group: str) -> Routing:
        """How `group` is routed; `custom` has become the callable of its arguments."""
        for own in self.routing_groups:
            if any(matches(pattern, group) for pattern in own.models):
                return _routing(own.routing_strategy, own.routing_strategy_args)
        return _routing(self.routing_strategy, self.routing_strategy_args)

    def group_of(self, name: str) -> str:
        """`name`, or the group it is an alias of."""
        return resolve_alias(name, self.model_group_alias)

    def retries_for(self, group: str, kind: OutcomeKind, status: int | None = None) -> int | None:
        """What the group's retry policy says, else the router's; None: `num_retries` holds."""
        policy = self.model_group_retry_policy.get(group, self.retry_policy)
        return policy.retries_for(kind, status) if policy else None

    def fallbacks_for(self, group: str, kind: OutcomeKind) -> tuple[Target, ...]:
        """Where a call goes that `group` could not serve, for an outcome of this kind.

        The list for the kind (context window, content policy) if it knows the group, else the general one;
        in each the group itself before `*`; at last `default_fallbacks`.
        """
        special: Mapping[str, tuple[Target, ...]] = {}
        if kind == "context_window":
            special = self.context_window_fallbacks
        elif kind == "content_policy":
            special = self.content_policy_fallbacks
        for table in (special, self.fallbacks):
            for key in (group, "*"):
                if key in table:
                    return table[key]
        return self.default_fallbacks


def _routing(strategy: Strategy, args: dict[str, Any]) -> Routing:
    if strategy == "custom" and callable(args.get("callable")):
        return Routing(args["callable"], {key: value for key, value in args.items() if key != "callable"})
    return Routing(strategy, args)

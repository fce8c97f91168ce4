"""One entry of `model_list`, as it is written.

What a deployment is worth and may take (weights, limits, prices …) may stand in `litellm_params`, in
`model_info` or beside them: users write it in all three. Two places that disagree are an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import ConfigDict, SecretStr, field_validator, model_validator

from router_core.config.breaker_rules import BreakerRules
from router_core.config.budgets import check_duration, nano_dollars
from router_core.config.fields import Amount, Name, Names, Natural, Pause, Positive, Seconds, Section
from router_core.config.limits import Limit, to_discover
from router_core.config.policies import AllowedFailsPolicy
from router_core.config.problems import Problems, join
from router_core.config.resilience import Adaptive, Checked

LIMITS = {
    "rpm": "requests/60",
    "tpm": "tokens/60",
    "itpm": "input/60",
    "otpm": "output/60",
    "rpd": "requests/86400",
    "tpd": "tokens/86400",
    "max_parallel_requests": "concurrent",
}


class Facts(Section):
    """What may stand in any of the three places. `limits: "discover"` is `discover`: what is unset is learned."""

    weight: Amount | None = None
    order: Natural | None = None
    rpm: Positive | None = None
    tpm: Positive | None = None
    itpm: Positive | None = None
    otpm: Positive | None = None
    rpd: Positive | None = None
    tpd: Positive | None = None
    max_parallel_requests: Positive | None = None
    cooldown_time: Pause | None = None
    allowed_fails: Natural | None = None
    allowed_fails_policy: AllowedFailsPolicy | None = None
    breaker: BreakerRules | None = None
    tags: Names | None = None
    region_name: str | None = None
    input_cost_per_token: Amount | None = None
    output_cost_per_token: Amount | None = None
    max_input_tokens: Positive | None = None
    max_budget: Amount | None = None
    budget_duration: str | None = None
    limits: tuple[Limit, ...] | None = None
    discover: bool | None = None
    adaptive_concurrency: Adaptive = None
    health_check: Checked = None

    @model_validator(mode="before")
    @classmethod
    def _discover(cls, value: Any) -> Any:
        return to_discover(value)

    @field_validator("max_budget")
    @classmethod
    def _countable(cls, value: float | None) -> float | None:
        if value is not None:
            nano_dollars(value)
        return value

    @field_validator("budget_duration")
    @classmethod
    def _period(cls, value: str | None) -> str | None:
        return value if value is None else check_duration(value)


class Params(Facts):
    """`litellm_params`: where to call and with what. Any further key is kept."""

    model_config = ConfigDict(extra="allow")

    model: Name
    custom_llm_provider: str | None = None
    api_key: SecretStr | None = None
    api_base: str | None = None
    api_version: str | None = None
    organization: tuple[Name, ...] = ()
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    num_retries: Natural | None = None
    silent_model: Name | None = None
    mock_response: Any = None

    @field_validator("organization", mode="before")
    @classmethod
    def _organizations(cls, value: Any) -> Any:
        return () if value is None else (value,) if isinstance(value, str) else value

    @field_validator("api_base")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if not value:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be a URL that begins with http:// or https://")
        if "@" in parts.netloc:
            raise ValueError("must hold no user name or password; use api_key or extra_headers")
        return value.rstrip("/")


class Info(Facts):
    """`model_info`: what is known of it. Any further key is kept."""

    model_config = ConfigDict(extra="allow")

    id: Name | None = None
    account: Name | None = None
    base_model: str | None = None

    @field_validator("id", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Outer(Facts):
    """What stands beside the two sections."""

    model_name: Name


def merge(places: Sequence[tuple[str, Facts]], problems: Problems) -> Facts:
    """The facts of all `places` (path, facts) as one; a disagreement is a problem. Tags add up."""
    found: dict[str, Any] = {}
    where: dict[str, str] = {}
    for path, facts in places:
        for name in Facts.model_fields:
            value = getattr(facts, name)
            if value is None:
                continue
            if name == "tags":
                found[name] = tuple(dict.fromkeys((*found.get(name, ()), *value)))
            elif name in found and found[name] != value:
                problems.error(join(path, name), f"differs from {join(where[name], name)}; give it once")
            else:
                found[name], where[name] = value, path
    if "budget_duration" in found and "max_budget" not in found:
        problems.error(join(where["budget_duration"], "budget_duration"), "needs a max_budget")
    if "max_budget" in found and "budget_duration" not in found:
        problems.error(join(where["max_budget"], "max_budget"), "needs a budget_duration, such as 1d or month@UTC")
    return Facts.model_construct(**found)

"""A Deployment from its validated parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from router_core.config.deployment import Deployment
from router_core.config.facts import Facts, Info, Outer, Params
from router_core.config.ids import account_name, deployment_id, fingerprint
from router_core.config.keys import split_extra
from router_core.config.limits_own import Own
from router_core.config.providers import from_environment
from router_core.config.resilience import narrowest
from router_core.config.secrets import conceal
from router_core.config.settings import Settings

_FROM_PARAMS = ("timeout", "stream_timeout", "num_retries", "silent_model", "mock_response")
_FROM_FACTS = (
    "weight",
    "rpm",
    "tpm",
    "cooldown_time",
    "allowed_fails",
    "allowed_fails_policy",
    "breaker",
    "input_cost_per_token",
    "output_cost_per_token",
    "max_input_tokens",
    "max_budget",
    "budget_duration",
)

_SECTIONS = {"limits", "discover", "allowed_fails_policy", "breaker", "adaptive_concurrency", "health_check"}


class Written(NamedTuple):
    """One valid entry: its three parts, what they say together, and whose model it is."""

    outer: Outer
    params: Params
    info: Info
    facts: Facts
    prices: Mapping[str, float]
    own: Own
    provider: str
    model: str


def build(written: Written, organization: str | None, settings: Settings, environ: Mapping[str, str]) -> Deployment:
    """The deployment for one `organization`; key and address may come from the provider's own variables."""
    outer, params, info, facts, prices, own, provider, model = written
    key = params.api_key.get_secret_value() if params.api_key else None
    api_key = key or from_environment(provider, "KEY", environ)
    api_base = params.api_base or from_environment(provider, "BASE", environ)
    api_version = params.api_version or from_environment(provider, "VERSION", environ)
    call, options = split_extra(params.model_extra or {})
    region = facts.region_name or options.get("aws_region_name") or options.get("vertex_location")
    credential = fingerprint(settings.pool, api_key, call, options)
    place = (api_base, api_version, organization, region)
    return Deployment(
        id=_given_id(info, params, organization)
        or deployment_id(outer.model_name, provider, model, credential, *place),
        model_name=outer.model_name,
        model=model,
        provider=provider,
        account=info.account or account_name(provider, api_base, organization, credential),
        api_key=SecretStr(api_key) if api_key else None,
        api_base=api_base,
        api_version=api_version,
        organization=organization,
        region_name=region,
        order=facts.order or 0,
        rows=own.rows,
        shared=own.shared,
        discover=bool(facts.discover),
        adaptive_concurrency=narrowest(
            facts.adaptive_concurrency,
            settings.model_group_adaptive_concurrency.get(outer.model_name),
            settings.adaptive_concurrency,
        ),
        health_check=narrowest(
            facts.health_check, settings.model_group_health_check.get(outer.model_name), settings.health_check
        ),
        tags=facts.tags or (),
        prices=dict(prices),
        params=conceal(call),
        options=conceal(options),
        model_info=conceal(info.model_dump(exclude_none=True, exclude=_SECTIONS)),
        config_version=settings.config_version,
        **_pick(params, _FROM_PARAMS),
        **_pick(facts, _FROM_FACTS),
    )


def _given_id(info: Info, params: Params, organization: str | None) -> str | None:
    """The id written by hand; with several organizations, each has its own."""
    if info.id and len(params.organization) > 1:
        return f"{info.id}-{organization}"
    return info.id


def _pick(part: BaseModel, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(part, name) for name in names}

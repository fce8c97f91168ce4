"""One deployment: a provider, a model there, an endpoint and a key."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr

from router_core.config import pricing
from router_core.config.breaker_rules import BreakerRules
from router_core.config.fields import Section
from router_core.config.limits_rows import Row
from router_core.config.policies import AllowedFails, AllowedFailsPolicy
from router_core.config.providers import split_known
from router_core.config.resilience import AdaptiveConcurrency, HealthCheck
from router_core.config.secrets import reveal
from router_core.costs import pricelist
from router_core.costs.pricelist import Listing
from router_core.costs.rates import Rates, Table
from router_core.state.names import Scope
from router_core.state.records import Declared


class Deployment(Section, AllowedFails):
    """Frozen and validated; made by `load`.

    `weight` is what was written, `effective_weight` what the group's shuffle makes of it (`weights.py`).
    `prices` are all that were written, by LiteLLM's names, in dollars.
    `rows` are its own limits, `shared` those it gives its account, provider or group; `discover`: what is unset is
    learned from its answers.
    `params` are default call parameters; `options` are for the adapter and never part of a request's body.
    Credentials in both are hidden: `call_parameters()` and `adapter_options()` have them plain.
    """

    id: str
    model_name: str
    model: str
    provider: str
    account: str
    api_key: SecretStr | None = None
    api_base: str | None = None
    api_version: str | None = None
    organization: str | None = None
    region_name: str | None = None
    weight: float | None = None
    effective_weight: float = 1.0
    order: int = 0
    rpm: int | None = None
    tpm: int | None = None
    rows: tuple[Row, ...] = ()
    shared: tuple[tuple[Scope, Row], ...] = ()
    discover: bool = False
    adaptive_concurrency: AdaptiveConcurrency | None = None
    health_check: HealthCheck | None = None
    timeout: float | None = None
    stream_timeout: float | None = None
    num_retries: int | None = None
    cooldown_time: float | None = None
    allowed_fails: int | None = None
    allowed_fails_policy: AllowedFailsPolicy | None = None
    breaker: BreakerRules | None = None
    tags: tuple[str, ...] = ()
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    prices: dict[str, float] = Field(default_factory=dict)
    max_input_tokens: int | None = None
    max_budget: float | None = None
    budget_duration: str | None = None
    silent_model: str | None = None
    mock_response: Any = Field(default=None, repr=False)
    params: dict[str, Any] = Field(default_factory=dict, repr=False)
    options: dict[str, Any] = Field(default_factory=dict)
    model_info: dict[str, Any] = Field(default_factory=dict)
    config_version: int = 0

    @property
    def limits(self) -> dict[str, int]:
        """Its own limits: amount by `resource/window`."""
        return {row.name: row.amount for row in self.rows}

    @property
    def group(self) -> str:
        """The model group it belongs to, which callers ask for."""
        return self.model_name

    @property
    def base_model(self) -> str | None:
        """The model behind a name that does not tell it, for prices and windows."""
        return self.model_info.get("base_model") or self.options.get("base_model")

    def written_rates(self) -> Rates | None:
        """What the configuration says it charges; None where it says nothing."""
        return pricing.rates(self.prices)

    def listing(self) -> Listing | None:
        """What price lists know of its model; `base_model` names the model where the deployment's name does not."""
        provider, model = self.provider, self.model
        if self.base_model:
            provider, model = split_known(self.base_model, provider)
        return pricelist.find(provider, model, self.api_base)

    def declared(self) -> Declared:
        """What the shared state has to know of it: no endpoint, no credential."""
        rates = self.written_rates()
        if rates is None and (listed := self.listing()) is not None:
            rates = listed.rates()
        prices: Table = {} if rates is None else rates.table
        if prices and prices.keys().isdisjoint(("input", "output")):
            prices = {"input": 0, "output": 0}  # paid by the image or the second: nothing is reserved by the token
        return Declared(
            id=self.id,
            group=self.model_name,
            provider=self.provider,
            account=self.account,
            weight=self.effective_weight,
            order=self.order,
            limits={row.name: row.value for row in self.rows},
            input_price=prices.get("input"),
            output_price=prices.get("output"),
            version=self.config_version,
            discover=self.discover,
            adaptive=self.adaptive_concurrency.text if self.adaptive_concurrency else "",
        )

    def call_parameters(self) -> dict[str, Any]:
        """A fresh copy of the default call parameters, credentials plain: only for building a request."""
        return dict(reveal(self.params))

    def adapter_options(self) -> dict[str, Any]:
        """A fresh copy of the adapter's options, credentials plain."""
        return dict(reveal(self.options))

"""One deployment: a provider, a model there, an endpoint and a key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field, SecretStr

from router_core.config.fields import Section
from router_core.config.secrets import reveal
from router_core.state.records import Declared

_NANO_PER_MILLION = 10**15  # dollars per token -> nano-dollars per million tokens


class Deployment(Section):
    """Frozen and validated; made by `load`.

    `weight` is what was written, `effective_weight` what the group's shuffle makes of it (`weights.py`).
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
    limits: dict[str, int] = Field(default_factory=dict)
    timeout: float | None = None
    stream_timeout: float | None = None
    num_retries: int | None = None
    cooldown_time: float | None = None
    allowed_fails: int | None = None
    tags: tuple[str, ...] = ()
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    max_input_tokens: int | None = None
    max_budget: float | None = None
    budget_duration: str | None = None
    mock_response: Any = Field(default=None, repr=False)
    params: dict[str, Any] = Field(default_factory=dict, repr=False)
    options: dict[str, Any] = Field(default_factory=dict)
    model_info: dict[str, Any] = Field(default_factory=dict)
    config_version: int = 0

    @property
    def group(self) -> str:
        """The model group it belongs to, which callers ask for."""
        return self.model_name

    def declared(self) -> Declared:
        """What the shared state has to know of it: no endpoint, no credential."""
        return Declared(
            id=self.id,
            group=self.model_name,
            provider=self.provider,
            account=self.account,
            weight=self.effective_weight,
            order=self.order,
            limits=dict(self.limits),
            input_price=_nano(self.input_cost_per_token),
            output_price=_nano(self.output_cost_per_token),
            version=self.config_version,
        )

    def call_parameters(self) -> dict[str, Any]:
        """A fresh copy of the default call parameters, credentials plain: only for building a request."""
        return dict(reveal(self.params))

    def adapter_options(self) -> dict[str, Any]:
        """A fresh copy of the adapter's options, credentials plain."""
        return dict(reveal(self.options))


def _nano(dollars_per_token: float | None) -> int | None:
    if dollars_per_token is None:
        return None
    return int((Decimal(repr(dollars_per_token)) * _NANO_PER_MILLION).to_integral_value())

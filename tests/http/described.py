"""What an adapter is told of a deployment, written down by hand: no configuration around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr


@dataclass
class Described:
    """`model` and `provider` are set by who uses it."""

    id: str = "a"
    model: str = ""
    provider: str = ""
    api_key: SecretStr | None = field(default_factory=lambda: SecretStr("sk-of-this-deployment"))
    api_base: str | None = None
    api_version: str | None = None
    organization: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def call_parameters(self) -> Mapping[str, Any]:
        return self.params

    def adapter_options(self) -> Mapping[str, Any]:
        return {}

"""Short ways to load a configuration, independent of this machine's environment."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from router_core.config import Deployment, Settings, load
from router_core.errors import ConfigurationError


def entry(group: str = "chat", model: str = "openai/gpt-4o", **params: Any) -> dict[str, Any]:
    info = params.pop("model_info", None)
    made = {"model_name": group, "litellm_params": {"model": model, "api_key": "sk-test", **params}}
    return {**made, "model_info": info} if info else made


def loaded(*entries: Any, **arguments: Any) -> tuple[Settings, tuple[Deployment, ...]]:
    """Load with an empty environment, in which no warning is expected (`tests` turn them into errors)."""
    return load(entries, **{"environ": {}, "redis_url": "memory://", **arguments})


def one(*entries: Any, **arguments: Any) -> Deployment:
    (deployment,) = loaded(*entries, **arguments)[1]
    return deployment


def failure(*entries: Any, **arguments: Any) -> str:
    """The message of the ConfigurationError that this configuration must raise."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(*entries, **arguments)
    assert caught.value.__cause__ is None, "a cause could show the value that was wrong"
    return caught.value.message


def warned(*entries: Any, **arguments: Any) -> list[str]:
    """The warnings of a configuration that is otherwise fine."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded(*entries, **arguments)
    return [str(warning.message) for warning in caught]

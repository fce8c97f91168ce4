"""botocore, which owns AWS's signatures, credentials and event streams; loaded where it is needed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from router_core.errors import ConfigurationError


def botocore(module: str) -> ModuleType:
    """`botocore.<module>`. Raises ConfigurationError where it is not installed."""
    try:
        return import_module(f"botocore.{module}")
    except ImportError:
        raise ConfigurationError("Bedrock needs botocore: pip install 'router-core[bedrock]'") from None

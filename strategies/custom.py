"""custom: the caller's own function decides; the router asks it, and the pool only sees whom it prefers.

Here it is the default strategy for what the function leaves open, with the one argument LiteLLM's users give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydantic import Field

from router_core.strategies.simple_shuffle import SIMPLE_SHUFFLE
from router_core.strategies.strategy import Arguments


class CustomArguments(Arguments):
    """`callable`: f(request, snapshot), plain or async; an id, ids in order of preference, or None."""

    callable: Callable[..., Any] = Field(exclude=True)


CUSTOM = replace(SIMPLE_SHUFFLE, arguments=CustomArguments)

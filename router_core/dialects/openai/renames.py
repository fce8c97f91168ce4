"""Parameters that a server has under another name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

_ANY = re.compile("")


class Rename(NamedTuple):
    """`name` is sent as `to`, to models whose name begins as `models` says."""

    name: str
    to: str
    models: re.Pattern[str] = _ANY


# OpenAI's reasoning models refuse max_tokens; older servers know nothing else.
REASONING_MODELS = re.compile(r"(ft:|openai/)?(o\d|gpt-[5-9]|codex-|computer-use)")
TO_COMPLETION_TOKENS = Rename("max_tokens", "max_completion_tokens", REASONING_MODELS)
TO_MAX_TOKENS = Rename("max_completion_tokens", "max_tokens")


def rename(body: dict[str, Any], model: str, renames: Iterable[Rename]) -> None:
    """Rename in place. What is given under both names is sent as it stands under the server's."""
    for name, to, models in renames:
        if name in body and models.match(model):
            value = body.pop(name)
            body.setdefault(to, value)

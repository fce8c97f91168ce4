"""What the name of a model tells: its generation, and its path.

    gemini-2.5-flash          a model
    tunedModels/…             a tuned model, at AI Studio
    1234567890                a tuned model behind an endpoint, at Vertex AI

Names without a number (gemini-flash-latest) stand for the newest model.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

_GENERATION = re.compile(r"gemini-(\d+)(?:\.(\d+))?(?!\d)")
_NEWEST = (99, 0)

GOOGLE = "publishers/google/"  # at Vertex AI, where others publish too


@lru_cache(maxsize=1024)
def generation(model: str) -> tuple[int, int]:
    """(2, 5) of gemini-2.5-flash. A name without a number is taken for the newest."""
    found = _GENERATION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def thinks_by_level(model: str) -> bool:
    """Since Gemini 3 effort is a level; before, it was a number of tokens."""
    return generation(model) >= (3, 0)


def checks_signatures(model: str) -> bool:
    """Since Gemini 3 a function call without its thought signature is refused."""
    return generation(model) >= (3, 0)


def takes_media_of_tools(model: str) -> bool:
    """Since Gemini 3 a function response may hold media; before, they went beside it."""
    return generation(model) >= (3, 0)


@lru_cache(maxsize=1024)
def path(model: str, method: str, publisher: str = "") -> str:
    """The path of a method of a model, after the base URL; `publisher`: GOOGLE at Vertex AI."""
    name = model.removeprefix("models/").removeprefix("gemini/")  # LiteLLM: gemini/<endpoint>
    folder = "" if "/" in name else "endpoints/" if name.isdecimal() else f"{publisher}models/"
    return f"/{folder}{quote(name, safe='/@')}:{method}"

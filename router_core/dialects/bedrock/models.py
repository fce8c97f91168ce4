"""What the name of a model on Bedrock tells: its address, its region, and whose it is.

anthropic.claude-sonnet-4-5-20250929-v1:0              a model
us.anthropic.claude-sonnet-4-5-20250929-v1:0           an inference profile over several regions
arn:aws:bedrock:eu-west-1:123456789012:…/abcdef        anything else, which tells a region but no vendor
converse/…  invoke/…  eu-west-1/…                      LiteLLM's ways to choose an API and a region
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal
from urllib.parse import quote

from router_core.dialects.anthropic.models import known

Family = Literal["claude", "nova", "nova2", "gpt-oss", "qwen", "mistral", "other", "unknown"]

_API = re.compile(r"(converse|invoke)/")
_REGION = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d+)/")
_ARN = re.compile(r"arn:[^:]+:[^:]+:([^:]+):")
_FAMILIES: tuple[tuple[Family, str], ...] = (
    ("claude", r"anthropic\.|claude"),
    ("nova2", r"amazon\.nova-2"),
    ("nova", r"amazon\.nova"),
    ("gpt-oss", r"gpt-oss"),
    ("qwen", r"qwen"),
    ("mistral", r"mistral"),
    ("other", r"[a-z0-9]\.[a-z]"),
)
_SCHEMA = re.compile(
    r"qwen3|gpt-oss|deepseek.*v3|gemma-3|kimi|minimax|nemotron|magistral|ministral|voxtral|mistral-large-3"
)
_CHOOSES = re.compile(r"claude|nova|mistral-large")


def api(model: str) -> str | None:
    """`converse` or `invoke` where the name asks for one."""
    found = _API.match(model)
    return found[1] if found else None


def model_id(model: str) -> str:
    """What Bedrock calls it."""
    rest = _API.sub("", model, count=1)
    found = _REGION.match(rest)
    return rest[found.end() :] if found else rest


def region(model: str) -> str | None:
    """The region in the name or in the ARN."""
    found = _REGION.match(_API.sub("", model, count=1)) or _ARN.match(model_id(model))
    return found[1] if found else None


@lru_cache(maxsize=1024)
def path(model: str, operation: str) -> str:
    """The path of a call, with ':' and '/' of the model's id encoded, as AWS's own clients send it."""
    return f"/model/{quote(model_id(model), safe='')}/{operation}"


@lru_cache(maxsize=1024)
def family(model: str) -> Family:
    """Whose parameters it takes; `unknown` for an ARN that does not tell."""
    name = model_id(model).lower()
    if name.startswith("arn:"):
        name = name.rpartition("/")[2]
    return next((found for found, pattern in _FAMILIES if re.search(pattern, name)), "unknown")


def caches(model: str) -> Literal["all", "messages"] | None:
    """What it takes cache points in; a hint that changes no answer is left out elsewhere."""
    whose = family(model)
    return "all" if whose in ("claude", "unknown") else "messages" if whose in ("nova", "nova2") else None


def schema_by(model: str) -> Literal["format", "tool"] | None:
    """How it can be made to answer in a JSON schema: a field of Converse, or a tool it has to use."""
    whose, name = family(model), model_id(model).lower()
    if whose == "unknown" or _SCHEMA.search(name) or (whose == "claude" and known(name).version >= (4, 5)):
        return "format"
    return "tool" if _CHOOSES.search(name) else None

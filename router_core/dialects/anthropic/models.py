"""What Claude's generations take, by the version in a model's name.

From Anthropic's model and migration pages; an unknown name (another vendor behind the same format) is taken for a model
of the 4.5 generation, which knows everything that has been in the format for long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_FAMILY = "(?P<family>opus|sonnet|haiku|fable|mythos)"
_VERSION = r"(?P<major>\d{1,2})(?!\d)(?:[-.](?P<minor>\d{1,2})(?!\d))?"
# claude-opus-4-1-20250805, us.anthropic.claude-sonnet-4-5-20250929-v1:0; claude-3-5-haiku-latest
_NAMES = (re.compile(f"{_FAMILY}-{_VERSION}"), re.compile(f"claude-{_VERSION}-{_FAMILY}"))
_UNVERSIONED = re.compile("claude-(?P<family>fable|mythos)")

LONGEST_DEFAULT = 32_000  # tokens; Bedrock counts max_tokens against the quota as soon as a call begins
_OUTPUT = (((4, 6), 128_000), ((3, 7), 64_000), ((3, 5), 8_192), ((0, 0), 4_096))


@dataclass(frozen=True, slots=True)
class Model:
    """`version` is (major, minor), such as (4, 5)."""

    family: str
    version: tuple[int, int]

    @property
    def max_output(self) -> int:
        """Tokens it can write at most."""
        if self.family == "opus" and (4, 0) <= self.version < (4, 5):
            return 32_000
        return next(tokens for since, tokens in _OUTPUT if self.version >= since)

    @property
    def default_max_tokens(self) -> int:
        """For a call that says nothing: what the model can write, at most `LONGEST_DEFAULT`."""
        return min(self.max_output, LONGEST_DEFAULT)

    @property
    def thinks(self) -> bool:
        """It has extended thinking."""
        return self.version >= (3, 7)

    @property
    def adaptive(self) -> bool:
        """It decides itself how much to think, guided by `output_config.effort`; before, a budget was set."""
        return self.version >= (4, 6)

    @property
    def hides_thoughts(self) -> bool:
        """What it thinks is left out of the answer unless `display` asks for it."""
        return self.version >= (4, 7)

    @property
    def takes_xhigh(self) -> bool:
        """It knows the effort between high and max."""
        return self.version >= (4, 7)

    @property
    def takes_sampling(self) -> bool:
        """It takes temperature and top_p; later ones answer them with a 400."""
        return self.version < (4, 7)

    @property
    def takes_forced_tools(self) -> bool:
        """It takes a tool_choice that makes it call a tool."""
        return self.version < (5, 1)

    @property
    def takes_schema(self) -> bool:
        """It has structured outputs."""
        return self.version >= (4, 5) or (self.family == "opus" and self.version == (4, 1))

    @property
    def takes_system_turns(self) -> bool:
        """It takes system messages within the conversation."""
        return self.version >= ((5, 5) if self.family == "sonnet" else (4, 8))

    @property
    def unthinking(self) -> str | None:
        """The `thinking.type` that turns thinking off, "" where it is off by itself, None where nothing does."""
        if self.version < (5, 0):
            return ""
        if self.family in ("fable", "mythos") or (self.family == "opus" and self.version >= (5, 5)):
            return None
        return "between_tools" if self.family == "sonnet" and self.version >= (5, 5) else "disabled"


@cache
def known(name: str) -> Model:
    """The facts about a model by its name at Anthropic, Vertex AI or Bedrock."""
    found = next((match for pattern in _NAMES if (match := pattern.search(name))), None)
    if found:
        return Model(found["family"], (int(found["major"]), int(found["minor"] or 0)))
    unversioned = _UNVERSIONED.search(name)
    return Model(unversioned["family"], (5, 0)) if unversioned else Model("", (4, 5))

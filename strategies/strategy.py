"""What a strategy is: a rank in Lua, and the arguments it takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Arguments(BaseModel):
    """Base of the arguments of a strategy: what is not known is an error. This one takes none.

    What `model_dump(exclude_none=True)` gives, numbers and words, is what the Lua reads as `request.args`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to choose among deployments.

    `name`: what the scripts know it by. `lua`: source of `rank[, prepare]`. `arguments`: a pydantic model.
    `sampled_by_weight`: the order comes from weights alone, so a large group may be sampled by weight.
    """

    name: str
    lua: str
    arguments: type[BaseModel] = Arguments
    sampled_by_weight: bool = False

    def spec(self, args: Mapping[str, Any]) -> str:
        """`name key=value ...` for `Acquire.strategy`. ValueError for an unknown or bad argument."""
        return " ".join([self.name, *(f"{key}={self._word(key, value)}" for key, value in self._values(args).items())])

    def learn(self, args: Mapping[str, Any]) -> str:
        """How samples count, for `Outcome.learn`: "alpha=<0..1>", "" for the time-based EWMA. ValueError as `spec`."""
        alpha = self._values(args).get("alpha")
        return "" if alpha is None else f"alpha={self._word('alpha', alpha)}"

    @classmethod
    def from_lua(cls, name: str, source: str | Path, args_model: type[BaseModel] | None = None) -> Strategy:
        """A user's own: Lua source, or the path of a file. ValueError where the scripts could not use it."""
        # lupa's two Lua versions are only loaded by who brings Lua.
        from router_core.strategies import own

        if not _NAME.fullmatch(name):
            raise ValueError(f"strategy {name!r}: a name is up to 64 letters, digits, '-', '_' and '.'")
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        strategy = cls(name, text, args_model or Arguments)
        try:
            defaults: dict[str, Any] | None = strategy._values({})
        except ValueError:
            defaults = None  # an argument without a default: nothing to try it with
        own.check(name, text, defaults)
        return strategy

    def _values(self, args: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.arguments(**args).model_dump(exclude_none=True)
        except ValidationError as error:
            problems = "; ".join(self._problem(dict(problem)) for problem in error.errors())
            raise ValueError(f"routing_strategy_args: {problems}") from None

    def _problem(self, problem: Mapping[str, Any]) -> str:
        name = ".".join(map(str, problem["loc"]))
        if problem["type"] != "extra_forbidden":
            return ": ".join(filter(None, (name, problem["msg"].removeprefix("Value error, "))))
        good = list(self.arguments.model_fields)
        takes = f"it takes {', '.join(good)}" if good else "it takes none"
        return f"unknown argument {name!r}{did_you_mean(name, good)}; {takes}"

    def _word(self, key: str, value: object) -> str:
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, int | float) and math.isfinite(value):
            return format(value, ".15g")
        if isinstance(value, str) and value and not re.search(r"\s", value):
            return value
        raise ValueError(f"routing_strategy_args: {key} is {value!r}, but a rank reads finite numbers and single words")


def did_you_mean(name: str, good: list[str]) -> str:
    """ " (did you mean 'x'?)" where one of the good names is near, else nothing."""
    near = get_close_matches(name, good, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def source(*names: str) -> str:
    """The text of `<name>.lua` beside this module; of several, one after the other: what the last one uses, then it."""
    folder = files(__package__)
    return "\n".join(folder.joinpath(f"{name}.lua").read_text(encoding="utf-8") for name in names)

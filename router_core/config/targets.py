"""Names that point to other names: fallbacks and aliases.

A fallback target is a group, an alias, a deployment id, or fits a wildcard group such as `openai/*`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pydantic import model_validator

from router_core.config.fields import Name, Section
from router_core.config.problems import Problems, join
from router_core.config.suggest import hint, one_of

Target = str | dict[str, Any]  # a name, or parameters for the second call with the name as "model"
Fallbacks = dict[str, tuple[Target, ...]]


class Alias(Section):
    """Another name of a group; a hidden one serves but is not listed."""

    model: Name
    hidden: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value


def matches(pattern: str, name: str) -> bool:
    """Whether `name` fits `pattern`, in which `*` stands for any text."""
    return captured(pattern, name) is not None


def captured(pattern: str, name: str) -> tuple[str, ...] | None:
    """What each `*` of `pattern` stands for in `name`, or None if it does not fit."""
    found = re.fullmatch("(.*)".join(map(re.escape, pattern.split("*"))), name, re.DOTALL)
    return None if found is None else found.groups()


def read_fallbacks(value: Any) -> Fallbacks:
    """`[{"group": ["b", "c"]}]`, or the same as one dict, in order and without repetitions.

    ValueError if the shape is another.
    """
    found: Fallbacks = {}
    for entry in [value] if isinstance(value, Mapping) else _sequence(value):
        if not isinstance(entry, Mapping):
            raise ValueError('must look like [{"group": ["other", "another"]}]')
        for group, targets in entry.items():
            known = list(found.get(str(group), ()))
            known += [target for target in map(_target, _sequence(targets)) if target not in known]
            found[str(group)] = tuple(known)
    return found


def name_of(target: Target) -> str:
    return target if isinstance(target, str) else str(target["model"])


def _sequence(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError('must look like [{"group": ["other", "another"]}], with a list of targets')
    return value


def _target(value: Any) -> Target:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Mapping) and isinstance(value.get("model"), str):
        return dict(value)
    raise ValueError('a target is the name of a group, or a dict of parameters with a "model"')


def resolve_alias(name: str, aliases: Mapping[str, Alias]) -> str:
    """The group behind `name`; loops were refused when the configuration was read, and end here anyway."""
    seen = {name}
    while name in aliases and aliases[name].model not in seen:
        name = aliases[name].model
        seen.add(name)
    return name


def check_aliases(aliases: Mapping[str, Alias], names: Collection[str], problems: Problems) -> None:
    """Every alias ends at something that exists, and none in a circle."""
    for alias in aliases:
        path = join("model_group_alias", alias)
        chain = [alias]
        while chain[-1] in aliases:
            target = aliases[chain[-1]].model
            if target in chain:
                problems.error(path, f"goes in a circle: {' -> '.join([*chain, target])}")
                break
            chain.append(target)
        else:
            _check(path, chain[-1], names, problems)


def check_fallbacks(
    field: str, fallbacks: Mapping[str, Iterable[Target]], names: Collection[str], problems: Problems
) -> None:
    """Every target exists; a rule for a group that does not exist is only worth a warning."""
    for group, targets in fallbacks.items():
        if "*" not in group and not _exists(group, names):
            problems.note(f"{join(field, group)}: no such model group, so the rule has no effect{hint(group, names)}")
        for target in targets:
            _check(join(field, group), name_of(target), names, problems)


def _check(path: str, target: str, names: Collection[str], problems: Problems) -> None:
    if not _exists(target, names):
        problems.error(path, f"there is no model group {target!r}{hint(target, names)}; there are {one_of(names)}")


def _exists(name: str, names: Collection[str]) -> bool:
    return name in names or any("*" in pattern and matches(pattern, name) for pattern in names)

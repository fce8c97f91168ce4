"""Which deployments a request's tags allow.

`a` asks for a deployment with that tag, `&a` demands it, `!a` forbids it. Deployments tagged `default` serve
requests without tags, and those whose tags nobody carries.
"""

from __future__ import annotations

from collections.abc import Sequence

DEFAULT = "default"


def allowed(members: Sequence[frozenset[str]], wanted: Sequence[str], match_any: bool) -> list[bool]:
    """For each member's tags, whether it may serve a request with the `wanted` tags.

    With `match_any` one of the plain tags is enough, else all are needed.
    """
    forbidden = {tag[1:] for tag in wanted if tag.startswith("!")}
    demanded = {tag[1:] for tag in wanted if tag.startswith("&")}
    plain = {tag for tag in wanted if tag[:1] not in ("!", "&")}
    possible = [forbidden.isdisjoint(tags) and demanded <= tags for tags in members]
    if plain:
        matching = [
            fits and (not plain.isdisjoint(tags) if match_any else plain <= tags)
            for fits, tags in zip(possible, members, strict=True)
        ]
        if any(matching):
            return matching
    elif demanded:
        return possible
    default = [fits and DEFAULT in tags for fits, tags in zip(possible, members, strict=True)]
    if plain or any(default):
        return default
    return possible

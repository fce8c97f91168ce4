"""Which deployments a request's tags allow.

`a` asks for a deployment with that tag, `&a` demands it, `!a` forbids it. Deployments tagged `default` serve what asks
for no tag, and tags that no deployment of the group carries; a tag that one of them carries is never served by others.
Where nobody is tagged `default`, everybody serves what asks for no tag.
"""

from __future__ import annotations

from collections.abc import Sequence

DEFAULT = "default"


def allowed(members: Sequence[frozenset[str]], wanted: Sequence[str], match_any: bool) -> list[bool]:
    """For each member's tags, whether it may serve a request with the `wanted` tags.

    With `match_any` one of the plain tags is enough, else all are needed. `!` and `&` alone say nothing.
    """
    forbidden, demanded = _marked(wanted, "!"), _marked(wanted, "&")
    plain = {tag for tag in wanted if tag[:1] not in ("!", "&")}
    possible = [forbidden.isdisjoint(tags) and demanded <= tags for tags in members]
    if not plain:
        return possible if demanded else _both(possible, _pool(members))
    matching = [not plain.isdisjoint(tags) if match_any else plain <= tags for tags in members]
    carried = not all(plain.isdisjoint(tags) for tags in members)
    return _both(possible, matching if carried else [DEFAULT in tags for tags in members])


def _marked(wanted: Sequence[str], mark: str) -> set[str]:
    return {tag[1:] for tag in wanted if tag[:1] == mark and len(tag) > 1}


def _pool(members: Sequence[frozenset[str]]) -> list[bool]:
    """Who serves what asks for no tag."""
    tagged = [DEFAULT in tags for tags in members]
    return tagged if any(tagged) else [True] * len(members)


def _both(first: Sequence[bool], second: Sequence[bool]) -> list[bool]:
    return [a and b for a, b in zip(first, second, strict=True)]

"""Whose limits a call meets, besides those of the deployment that serves it; and which limit refused it.

Account, provider and group come with the deployment. Tags, user and team come with the call:

| subject | from |
|---|---|
| `tag:<t>` | `tags` and `metadata.tags`; `&t` is `t`, and `!t`, which forbids, is none |
| `user:<u>` | `user`, else `metadata.user_id` (Anthropic's place for it) |
| `team:<t>` | `metadata`: `user_api_key_team_id` (LiteLLM's proxy), `team_id` or `team` |
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from router_core.errors import BadRequestError
from router_core.state.names import Scope, subject, unescape
from router_core.state.records import Refusal

if TYPE_CHECKING:
    from router_core.plan import Plan

MOST_TAGS = 32  # each is a key the script may have to read
_TEAM = ("user_api_key_team_id", "team_id", "team")
_NOBODY: tuple[str, ...] = ()

_subject = lru_cache(maxsize=65536)(subject)

# The last resource in it counts: a name may hold anything, a window only a zone's name.
_REASON = re.compile(
    r"(?:(account|provider|group|tag|user|team):(.+)/)?"
    r"(requests|tokens|input|output|cost|concurrent)(?:/(\d+|(?:hour|day|week|month)@\S+))?"
)


def subjects_of(plan: Plan) -> tuple[str, ...]:
    """The subjects of a call, escaped: `("tag:a", "user:alice", "team:red")`; mostly none.

    Raises BadRequestError for too many tags, or names that are no valid text.
    """
    options, user = plan.options, plan.target.call.body.get("user")
    if user is None and not options.metadata and not options.tags:
        return _NOBODY
    try:
        found = _tags(options.tags) if options.tags else []
        if name := _text(user) or _text(options.metadata.get("user_id")):
            found.append(_subject("user", name))
        if options.metadata and (name := _team(options.metadata)):
            found.append(_subject("team", name))
    except ValueError as error:
        raise BadRequestError(f"user, team and tags must be valid text: {type(error).__name__}") from None
    return tuple(found)


@lru_cache(maxsize=65536)
def caller_of(subjects: tuple[str, ...]) -> str:
    """Between whom turns are fair: the user, else the team, else all as one (""). A digest: it stands in a queue."""
    for scope in ("user:", "team:"):
        for one in subjects:
            if one.startswith(scope):
                return hashlib.sha256(one.encode()).hexdigest()[:12]
    return ""


def _tags(tags: Iterable[str]) -> list[str]:
    wanted = dict.fromkeys(tag.removeprefix("&") for tag in tags if not tag.startswith("!"))
    if len(wanted) > MOST_TAGS:
        raise BadRequestError(f"tags: a call has at most {MOST_TAGS}")
    return [_subject("tag", tag) for tag in wanted if tag]


def _team(metadata: Mapping[str, Any]) -> str | None:
    return next((name for key in _TEAM if (name := _text(metadata.get(key)))), None)


def _text(value: Any) -> str | None:
    """A name; numbers are names too."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


class Full(NamedTuple):
    """A limit as a refusal names it: whose (None, "": the deployment's own), of what, in which window ("": none)."""

    scope: Scope | None
    name: str
    resource: str
    window: str


def limit_named(reason: str) -> Full | None:
    """What a refusal's reason says, `requests/60` or `user:alice/cost/86400`; None for one that is no limit."""
    found = _REASON.fullmatch(reason)
    if found is None:
        return None
    scope, name, resource, window = found.groups()
    return Full(scope, unescape(name or ""), resource, window or "")  # type: ignore[arg-type]


def without_name(reason: str) -> str:
    """The reason as many share it: `user/cost/86400`, whoever the user is."""
    named = limit_named(reason)
    return "/".join(filter(None, named[:1] + named[2:])) if named and named.scope else reason


def is_budget(reason: str) -> bool:
    """Whether a refusal's reason is a limit of money."""
    named = limit_named(reason)
    return named is not None and named.resource == "cost"


def spent(refusals: Iterable[Refusal]) -> str:
    """The budgets that refused, each once: `user:alice/cost/86400 ($10, $9.98 used)`."""
    found: dict[str, str] = {}
    for one in refusals:
        named = limit_named(one.reason)
        whose = unescape(one.reason) if named and named.scope else f"{one.deployment}/{one.reason}"
        found.setdefault(whose, "" if one.amount is None else f" ({_money(one.amount)}, {_money(one.used or 0)} used)")
    return ", ".join(whose + amounts for whose, amounts in found.items())


def _money(nano: int) -> str:
    return f"${nano / 1e9:.9g}"

"""What one entry of `model_list` limits: its deployment, and what that belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

from router_core.config.budgets import budget_row
from router_core.config.deployment import Deployment
from router_core.config.facts import LIMITS, Facts
from router_core.config.limits import Limit
from router_core.config.limits_rows import Resource, Row
from router_core.config.problems import Problems, join
from router_core.state.names import Scope


class Own(NamedTuple):
    """Rows of the deployment, and of its account, provider or group."""

    rows: tuple[Row, ...] = ()
    shared: tuple[tuple[Scope, Row], ...] = ()


def read(facts: Facts, path: str, problems: Problems) -> Own:
    """What the entry at `path` limits by rpm and its like, its budget, and its list; what disagrees is a problem."""
    rows = {row.name: row for row in _short(facts)}
    shared: list[tuple[Scope, Row]] = []
    for index, limit in enumerate(facts.limits or ()):
        row = limit.row()
        if limit.scope != "deployment":
            shared.append((limit.scope, row))
        elif rows.setdefault(row.name, row) != row:
            problems.error(join(path, "limits", index), f"{row.name} is given before, and not alike")
    return Own(tuple(rows.values()), tuple(shared))


def _short(facts: Facts) -> list[Row]:
    """`rpm` and its like, and the budget."""
    rows = []
    for field, name in LIMITS.items():
        resource, _, window = name.partition("/")
        amount = getattr(facts, field)
        if amount is not None:
            rows.append(Row(cast("Resource", resource), window, amount))
    if facts.max_budget is not None and facts.budget_duration is not None:
        rows.append(budget_row(facts.max_budget, facts.budget_duration))
    return rows


def check_names(limits: Iterable[Limit], deployment: Deployment, path: str, problems: Problems) -> None:
    """A name in an entry's own list is the deployment's, or that of what it belongs to."""
    for index, limit in enumerate(limits):
        if limit.name not in (None, belongs_to(deployment, limit.scope)):
            where = join(path, "limits", index, "name")
            problems.error(where, f"is another {limit.scope} than its own: the Router's limits are for others")


def belongs_to(deployment: Deployment, scope: str) -> str:
    """The deployment's own name in a scope."""
    names = {
        "deployment": deployment.id,
        "account": deployment.account,
        "provider": deployment.provider,
        "group": deployment.group,
    }
    return names[scope]

"""All limits of a configuration by whom they are for: what a worker declares to the pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from router_core.config.deployment import Deployment
from router_core.config.limits_own import belongs_to
from router_core.config.limits_rows import Row
from router_core.config.problems import Problems, join
from router_core.config.settings import Settings
from router_core.state.names import subject


class Placed(NamedTuple):
    """A row, whose it is (escaped, or the id of a deployment), and where it is written."""

    subject: str
    row: Row
    path: str


def declared_rows(settings: Settings, deployments: Sequence[Deployment]) -> Mapping[str, tuple[Row, ...]]:
    """The rows of accounts, providers, groups, tags, users and teams: `user:alice` (escaped) -> rows.

    Those of deployments are in `Deployment.rows`, and declared with them.
    """
    found = _grouped(shared_rows(settings, deployments), Problems())
    return {whose: tuple(rows.values()) for whose, rows in found.items()}


def all_rows(settings: Settings, deployments: Sequence[Deployment]) -> Iterator[Row]:
    """Every row of the configuration, the deployments' own among them."""
    for one in deployments:
        yield from one.rows
    for rows in declared_rows(settings, deployments).values():
        yield from rows


def with_limits(settings: Settings, deployments: Sequence[Deployment], problems: Problems) -> tuple[Deployment, ...]:
    """The deployments with what the Router's `limits` say of them; what is said twice and not alike is a problem."""
    given: dict[str, list[Placed]] = {}
    for index, limit in enumerate(settings.limits):
        if limit.scope == "deployment":
            given.setdefault(limit.name, []).append(Placed(limit.name, limit.row(), join("limits", index)))
    _grouped(shared_rows(settings, deployments), problems)
    most = settings.default_max_parallel_requests
    defaults = () if most is None else (Row("concurrent", "", most),)
    return tuple(_with(one, given.get(one.id, ()), defaults, problems) for one in deployments)


def _with(deployment: Deployment, placed: Sequence[Placed], defaults: Sequence[Row], problems: Problems) -> Deployment:
    own = [Placed(deployment.id, row, f"deployment {deployment.id!r}") for row in deployment.rows]
    rows = {row.name: row for row in defaults} | _grouped([*own, *placed], problems).get(deployment.id, {})
    return deployment.model_copy(update={"rows": tuple(rows.values())})


def shared_rows(settings: Settings, deployments: Sequence[Deployment]) -> Iterator[Placed]:
    """Every row that is no deployment's own, as often as it is written."""
    for provider, budget in settings.provider_budget_config.items():
        yield Placed(subject("provider", provider), budget.row(), join("provider_budget_config", provider))
    for tag, budget in settings.tag_budget_config.items():
        yield Placed(subject("tag", tag), budget.row(), join("tag_budget_config", tag))
    for index, limit in enumerate(settings.limits):
        if limit.scope != "deployment":
            yield Placed(subject(limit.scope, limit.name), limit.row(), join("limits", index))
    for one in deployments:
        for scope, row in one.shared:
            yield Placed(subject(scope, belongs_to(one, scope)), row, f"limits of deployment {one.id!r}")


def _grouped(placed: Iterable[Placed], problems: Problems) -> Mapping[str, dict[str, Row]]:
    """Rows by name by subject. The same twice is one; with another amount it is a problem, and the first counts."""
    first: dict[tuple[str, str], tuple[Row, str]] = {}
    found: dict[str, dict[str, Row]] = {}
    for whose, row, path in placed:
        before, where = first.setdefault((whose, row.name), (row, path))
        if before != row:
            problems.error(path, f"{row.name} differs from {where}; give it once")
        found.setdefault(whose, {}).setdefault(row.name, row)
    return found

"""What a shuffle weighs: as LiteLLM does, the first of weight, rpm and tpm that any deployment of the group gives.
Whoever wants the limit without the weight writes it into `limits`.

In a shuffled group a deployment without that number then gets no traffic, which surprises, so there is a
warning. Other strategies use weights only to scale load; there a missing one is 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from router_core.config.deployment import Deployment
from router_core.config.problems import Problems
from router_core.config.settings import Settings

_SHUFFLES = frozenset({"simple-shuffle", "provider-budget-routing"})
_MEASURES: tuple[tuple[str, Callable[[Deployment], float | None]], ...] = (
    ("weight", lambda deployment: deployment.weight),
    ("rpm", lambda deployment: deployment.rpm),
    ("tpm", lambda deployment: deployment.tpm),
)


def is_shuffled(group: str, settings: Settings) -> bool:
    """Whether the group's strategy, or the one its callable falls back to, is a weighted shuffle."""
    strategy = settings.routing(group).strategy
    return callable(strategy) or strategy in _SHUFFLES


def weigh(deployments: Iterable[Deployment], settings: Settings, problems: Problems) -> tuple[Deployment, ...]:
    """The deployments with `effective_weight` set, in the same order; call it again when a group changes."""
    listed = tuple(deployments)
    groups: dict[str, list[Deployment]] = defaultdict(list)
    for deployment in listed:
        groups[deployment.model_name].append(deployment)
    weights: dict[str, float] = {}
    for group, members in groups.items():
        if is_shuffled(group, settings):
            weights |= _shuffled(group, members, problems)
        else:
            weights |= {member.id: 1.0 if member.weight is None else member.weight for member in members}
    return tuple(one.model_copy(update={"effective_weight": weights[one.id]}) for one in listed)


def _shuffled(group: str, members: list[Deployment], problems: Problems) -> dict[str, float]:
    for name, measure in _MEASURES:
        values = {member.id: measure(member) for member in members}
        if not any(values.values()):
            continue
        missing = [identity for identity, value in values.items() if value is None]
        if missing:
            problems.note(
                f"model group {group!r} is shuffled by {name}, which {', '.join(missing)} do not give: they get no "
                f"traffic (as in LiteLLM); give every deployment of the group a {name}"
            )
        return {identity: float(value or 0) for identity, value in values.items()}
    return {member.id: 1.0 for member in members}

"""Which deployments a provider meters together: what it asks of one, it asks of the others.

Providers meter each model of a key or organization apart, so that is one account and one model. An account that the
configuration names is metered together whatever the models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from router_core.config import Deployment


def siblings(deployments: Iterable[Deployment]) -> Mapping[str, tuple[str, ...]]:
    """The others that are metered together with each deployment that has such."""
    meters: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for one in deployments:
        named = one.model_info.get("account") is not None
        if named or "*" not in one.model:  # a wildcard is many models
            meters[one.account, "" if named else one.model].append(one.id)
    return {id: tuple(other for other in ids if other != id) for ids in meters.values() for id in ids if len(ids) > 1}

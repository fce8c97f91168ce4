"""What limits need to make sense: whom they name is there, and what a budget counts has a price."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from router_core.config.deployment import Deployment
from router_core.config.limits import CLOSED, OPEN
from router_core.config.limits_declared import shared_rows
from router_core.config.limits_own import belongs_to
from router_core.config.problems import Problems, join
from router_core.config.providers import KNOWN
from router_core.config.settings import Settings
from router_core.config.suggest import hint, one_of
from router_core.state.names import subject

# Modes of LiteLLM's model_info in which a model makes no output that is paid for by the token.
_NO_OUTPUT = frozenset({"embedding", "rerank", "moderation", "audio_transcription", "image_generation", "audio_speech"})


def check_names(
    settings: Settings, deployments: Sequence[Deployment], own: Collection[str], problems: Problems
) -> None:
    """Every limit of a deployment, an account, a provider or a group names one that exists; with no deployments yet
    they come later. `own`: providers with adapters of the user's."""
    if not deployments:
        return
    known = {scope: {belongs_to(one, scope) for one in deployments} for scope in ("deployment", *CLOSED)}
    for index, limit in enumerate(settings.limits):
        names = known.get(limit.scope)
        if names is not None and limit.name not in names:
            message = f"there is no such {limit.scope}{hint(limit.name, names)}; there are {one_of(names)}"
            problems.error(join("limits", index, "name"), message)
    for provider in settings.provider_budget_config.keys() - known["provider"]:
        path = join("provider_budget_config", provider)
        if provider in KNOWN or provider in own:
            problems.note(f"{path}: no deployment is there, so the budget has no effect")
        else:
            problems.error(path, f"there is no such provider{hint(provider, known['provider'] | KNOWN)}")


def check_prices(settings: Settings, deployments: Sequence[Deployment], problems: Problems) -> None:
    """Every deployment that a budget may count has a price: an unknown one would make its calls free."""
    budgets = {one.subject: one.path for one in shared_rows(settings, deployments) if one.row.resource == "cost"}
    everyone = next((path for whose, path in budgets.items() if whose.partition(":")[0] in OPEN), None)
    for one in deployments:
        path = everyone or _budget_of(one, budgets)
        missing = _missing(one) if path else None
        if missing:
            problems.error(
                f"deployment {one.id!r}", f"set {missing} (0 where it is free), since {path} counts what its calls cost"
            )


def _budget_of(deployment: Deployment, budgets: Mapping[str, str]) -> str | None:
    """Where a budget is written that this deployment's calls meet."""
    if any(row.resource == "cost" for row in deployment.rows):
        return "a budget of its own"
    whose = (subject(scope, belongs_to(deployment, scope)) for scope in CLOSED)
    return next((budgets[one] for one in whose if one in budgets), None)


def _missing(deployment: Deployment) -> str | None:
    """Which price is unknown. What is not paid for by the token needs none by the token."""
    written = deployment.written_rates()
    if written is None:
        return None if deployment.listing() else "input_cost_per_token and output_cost_per_token"
    table = written.table
    if "input" in table:
        paid = "output" in table or deployment.model_info.get("mode") in _NO_OUTPUT
        return None if paid else "output_cost_per_token"
    return "input_cost_per_token" if "output" in table else None

"""From one entry of `model_list` to its deployments: one, or one per organization."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from router_core.config import limits_own, pricing
from router_core.config.build import Written, build
from router_core.config.facts import Info, Outer, Params, merge
from router_core.config.ids import Draft
from router_core.config.keys import check_info, check_params
from router_core.config.problems import Problems, join
from router_core.config.providers import infer
from router_core.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads entries; everything they depend on besides themselves.

    `defaults`: parameters of every deployment, its own first. `providers`: known besides the usual ones.
    """

    settings: Settings
    defaults: Mapping[str, Any]
    environ: Mapping[str, str]
    providers: Collection[str]
    problems: Problems

    def read(self, raw: Any, path: str) -> list[Draft]:
        """The deployments of one entry; what is wrong goes to `problems`, and then there are none."""
        before = len(self.problems)
        written = self._written(raw, path)
        if written is None or len(self.problems) > before:
            return []
        organizations = written.params.organization or (None,)
        made = [build(written, one, self.settings, self.environ) for one in organizations]
        for one in made:
            limits_own.check_names(written.facts.limits or (), one, path, self.problems)
        return [Draft(one, path, bool(written.info.id)) for one in made]

    def _written(self, raw: Any, path: str) -> Written | None:
        entry = _mapping(raw)
        if entry is None:
            self.problems.error(path, "must be a dict with model_name and litellm_params")
            return None
        section = "params" if "params" in entry else "litellm_params"
        if section == "params" and "litellm_params" in entry:
            self.problems.error(path, "give litellm_params or params, not both")
        params, info = _mapping(entry.get(section)), _mapping(entry.get("model_info") or {})
        if params is None or info is None:
            wrong = section if params is None else "model_info"
            self.problems.error(join(path, wrong), "must be a dict" if wrong in entry else "is missing")
            return None
        outer = {key: value for key, value in entry.items() if key not in ("litellm_params", "params", "model_info")}
        params = {key: value for key, value in self.defaults.items() if key not in {*outer, *info}} | params
        return self._sections(outer, params, info, (path, join(path, section), join(path, "model_info")))

    def _sections(
        self, outer: dict[str, Any], params: dict[str, Any], info: dict[str, Any], paths: tuple[str, str, str]
    ) -> Written | None:
        outside = self._section(Outer, outer, paths[0])
        inside = self._section(Params, check_params(params, paths[1], self.problems), paths[1])
        about = self._section(Info, check_info(info, paths[2], self.problems), paths[2])
        if outside is None or inside is None or about is None:
            return None
        facts = merge(tuple(zip(paths, (outside, inside, about), strict=True)), self.problems)
        further = ((paths[1], inside.model_extra or {}), (paths[2], about.model_extra or {}))
        prices = {**pricing.basic(facts), **pricing.read(further, self.problems)}
        try:
            provider, model = infer(inside.model, inside.custom_llm_provider, inside.api_base, self.providers)
        except ValueError as error:
            self.problems.error(join(paths[1], "model"), str(error))
            return None
        own = limits_own.read(facts, paths[1], self.problems)
        return Written(outside, inside, about, facts, prices, own, provider, model)

    def _section(self, model: Callable[..., Any], values: dict[str, Any], path: str) -> Any:
        try:
            return model(**values)
        except ValidationError as error:
            self.problems.collect(error, path)
        return None


def _mapping(value: Any) -> dict[str, Any] | None:
    """A dict, or what a pydantic model (LiteLLM's Deployment) holds; None for anything else."""
    if hasattr(value, "model_dump"):
        return dict(value.model_dump(exclude_none=True))
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else None

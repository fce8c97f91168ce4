"""The body of a Messages request from OpenAI's parameters. What OpenAI has no name for passes through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router_core.dialects.anthropic.media import FILES_BETA, has_files
from router_core.dialects.anthropic.models import Model, known
from router_core.dialects.anthropic.place import Place
from router_core.dialects.anthropic.schema import closed
from router_core.dialects.anthropic.thinking import thinking_of
from router_core.dialects.anthropic.tools import forces, tools_of
from router_core.dialects.anthropic.turns import converse
from router_core.dialects.anthropic.unsupported import unsupported
from router_core.dialects.conversation import turns
from router_core.providers.parameters import words

TAKES = (
    "messages max_completion_tokens max_tokens parallel_tool_calls reasoning_effort response_format safety_identifier"
    " service_tier stop stream_options temperature tool_choice tools top_p user web_search_options"
)
_TRANSLATED = words(TAKES) | words("stream output_config system anthropic_beta")
_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
# The format has no JSON mode without a schema: it has to be asked for.
JSON_ONLY = "Answer with one JSON object and nothing else: no other text, no code fence."


def request_of(body: Mapping[str, Any], name: str, place: Place) -> dict[str, Any]:
    """The body, without what `place` adds. Raises UnsupportedParamsError naming what has no place in it."""
    given = {key: value for key, value in body.items() if value is not None}
    model = known(name)
    system, messages = converse(turns(given.get("messages")), model, place)
    if not messages:
        raise unsupported("a conversation in which nobody speaks", "it needs a message", "messages[0]")
    limit = _limit(given, model)
    tools = tools_of(given, model)
    thinking = thinking_of(given, model, limit, forces(tools.get("tool_choice")), messages)
    system = [*_native(given.get("system")), *system, *_json_mode(given)]
    config = {**thinking.pop("output_config", {}), **_schema(given, model), **given.get("output_config", {})}
    betas = _betas(given.get("anthropic_beta"), messages)
    written = {
        "max_tokens": limit,
        "messages": messages,
        **({"system": system} if system else {}),
        **tools,
        **thinking,
        **({"output_config": config} if config else {}),
        **_sampling(given, model),
        **_account(given),
        **({"anthropic_beta": betas} if betas else {}),
    }
    return {**written, **{key: value for key, value in given.items() if key not in _TRANSLATED}}


def _limit(given: Mapping[str, Any], model: Model) -> Any:
    """`max_tokens`, which the format demands; where none is given, with room for an answer after the thinking."""
    budget = given.get("thinking", {}).get("budget_tokens", 0)
    default = min(model.default_max_tokens + budget, model.max_output)
    return given.get("max_completion_tokens", given.get("max_tokens", default))


def _native(system: Any) -> list[Any]:
    """A `system` of the caller's, in Anthropic's terms."""
    return [{"type": "text", "text": system}] if isinstance(system, str) else list(system or ())


def _json_mode(given: Mapping[str, Any]) -> list[Any]:
    return _native(JSON_ONLY) if given.get("response_format", {}).get("type") == "json_object" else []


def _schema(given: Mapping[str, Any], model: Model) -> dict[str, Any]:
    wanted = given.get("response_format", {})
    if wanted.get("type") in (None, "text", "json_object"):
        return {}
    if wanted["type"] != "json_schema":
        raise unsupported("response_format", f"type {wanted['type']!r} is not known")
    if not model.takes_schema:
        raise unsupported("response_format", "this model has no structured outputs")
    schema, about = wanted["json_schema"].get("schema") or {}, wanted["json_schema"].get("description")
    described = {"description": about, **schema} if about else schema
    return {"format": {"type": "json_schema", "schema": closed(described, "response_format")}}


def _sampling(given: Mapping[str, Any], model: Model) -> dict[str, Any]:
    sampling = {key: given[key] for key in ("temperature", "top_p") if key in given}
    if not model.takes_sampling:
        chosen = [key for key, value in sampling.items() if value != 1]
        if chosen:
            raise unsupported(chosen[0], "this model takes only its default of 1", *chosen)
        sampling = {}
    if sampling.get("temperature", 0) > 1:
        raise unsupported("temperature", "it goes up to 1")
    stop = given.get("stop", [])
    stops = [stop] if isinstance(stop, str) else list(stop)
    if not all(one.strip() for one in stops):
        raise unsupported("stop", "white space alone does not stop it")
    return {**sampling, **({"stop_sequences": stops} if stops else {})}


def _account(given: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    user = given.get("safety_identifier") or given.get("user")
    if user and "@" in user:
        raise unsupported("user", "it must be no address of a person's", "user", "safety_identifier")
    if user:
        said["metadata"] = {"user_id": user}
    if "service_tier" in given:
        if given["service_tier"] not in _TIERS:
            raise unsupported("service_tier", f"it is none of {', '.join(_TIERS)}")
        said["service_tier"] = _TIERS[given["service_tier"]]
    return said


def _betas(given: Any, messages: list[dict[str, Any]]) -> list[str]:
    betas = given.split(",") if isinstance(given, str) else list(given or ())
    return [*betas, FILES_BETA] if has_files(messages) and FILES_BETA not in betas else betas

"""Parameters of a call: those that Converse names, and those that each model names in its own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from router_core.dialects.anthropic.models import known
from router_core.dialects.anthropic.thinking import thinking_of
from router_core.dialects.bedrock.models import family, schema_by
from router_core.dialects.bedrock.tools import answers_by_tool
from router_core.errors import UnsupportedParamsError
from router_core.providers.parameters import Parameters, words

_TAKES = words(
    "messages max_tokens max_completion_tokens temperature top_p stop tools tool_choice parallel_tool_calls"
    " response_format reasoning_effort service_tier stream_options"
)
# Converse's own names, which a caller may give as they are.
_CONVERSE = words(
    "inferenceConfig additionalModelRequestFields additionalModelResponseFieldPaths guardrailConfig outputConfig"
    " performanceConfig promptVariables requestMetadata serviceTier"
)
_NAMED = _TAKES | _CONVERSE | {"top_k"}
_CLAUDE = ("claude", "unknown")  # what an ARN does not tell is taken for Claude
_THINKING = ("claude", "unknown", "nova2", "gpt-oss", "qwen")


@lru_cache(maxsize=1024)
def parameters(model: str) -> Parameters:
    """What this model takes of OpenAI's parameters."""
    whose = family(model)
    lacks = set() if whose in _THINKING else {"reasoning_effort"}
    if schema_by(model) is None:
        lacks.add("response_format")
    if whose not in _CLAUDE:
        return Parameters("chat", _TAKES - lacks, words("thinking"), {"parallel_tool_calls": (True,)})
    defaults = {} if known(model).takes_sampling else {"temperature": (1,), "top_p": (1,)}
    return Parameters("chat", _TAKES - lacks, values=defaults)


def settings(body: Mapping[str, Any], model: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The fields of the request beside messages and tools. Raises UnsupportedParamsError for what cannot be said.

    `messages`: Converse's.
    """
    given = {name: value for name, value in body.items() if value is not None}
    found = {name: given[name] for name in _CONVERSE & given.keys()}
    tier = given.get("service_tier", "auto")
    if tier != "auto":
        found["serviceTier"] = {"type": tier}
    fields = {name: value for name, value in given.items() if name not in _NAMED}
    fields = {**_model_fields(given, model, messages), **fields}
    for name, said in (("inferenceConfig", _inference(given, model)), ("additionalModelRequestFields", fields)):
        if said:
            found[name] = {**said, **found.get(name, {})}
    return found


def _inference(given: Mapping[str, Any], model: str) -> dict[str, Any]:
    if given.get("temperature", 0) > 1:
        raise _unsupported("temperature", "it goes up to 1")
    stop = given.get("stop") or ()
    sampling = family(model) not in _CLAUDE or known(model).takes_sampling
    said = {
        "maxTokens": given.get("max_completion_tokens", given.get("max_tokens")),
        "temperature": given.get("temperature") if sampling else None,
        "topP": given.get("top_p") if sampling else None,
        "stopSequences": [stop] if isinstance(stop, str) else list(stop) or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _model_fields(given: Mapping[str, Any], model: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What OpenAI has a name for and Converse has not, in the words of the model's vendor."""
    whose = family(model)
    found: dict[str, Any] = {}
    if "top_k" in given:
        nova = whose in ("nova", "nova2")
        found |= {"inferenceConfig": {"topK": given["top_k"]}} if nova else {"top_k": given["top_k"]}
    if given.get("parallel_tool_calls") is False and given.get("tools") and given.get("tool_choice") != "none":
        found["tool_choice"] = {**_choice(given.get("tool_choice")), "disable_parallel_tool_use": True}
    effort = given.get("reasoning_effort")
    if whose in _CLAUDE:
        found |= _claude_thinks(given, model, messages)
    elif effort not in (None, "none"):
        found |= _thinks(effort, whose)
    return found


def _choice(choice: Any) -> dict[str, Any]:
    """Anthropic's words for a choice among tools; Converse adds them to its own."""
    if isinstance(choice, Mapping):
        return {"type": "tool", "name": choice["function"]["name"]}
    return {"type": "any" if choice == "required" else "auto"}


def _claude_thinks(given: Mapping[str, Any], model: str, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    claude = known(model)
    limit = given.get("max_completion_tokens", given.get("max_tokens")) or claude.default_max_tokens
    forced = given.get("tool_choice", "auto") not in ("auto", "none") or answers_by_tool(given, model)
    return thinking_of(given, claude, limit, forced, [_beginning(message) for message in messages[-2:]])


def _beginning(message: Mapping[str, Any]) -> dict[str, Any]:
    """What a message begins with, in Anthropic's words."""
    kinds = {"toolResult": "tool_result", "reasoningContent": "thinking"}
    first = next(iter(message["content"][0]))
    return {"content": [{"type": kinds.get(first, first)}]}


def _thinks(effort: str, whose: str) -> dict[str, Any]:
    if whose == "gpt-oss":
        return {"reasoning_effort": effort}
    if whose == "qwen":
        return {"reasoning_config": "low" if effort in ("minimal", "low") else "high"}
    level = {"minimal": "low", "xhigh": "high", "max": "high"}.get(effort, effort)
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}


def _unsupported(name: str, why: str) -> UnsupportedParamsError:
    return UnsupportedParamsError(f"{name}: {why}", params=[name], llm_provider="bedrock")

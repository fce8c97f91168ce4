"""Which of OpenAI's parameters a dialect takes.

What OpenAI has no name for passes through: it is meant for the provider. What OpenAI knows and the provider lacks is an
error that names it, or is left out with `drop_params=True` (of the call or of the deployment). `None` means unset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Kind


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


# OpenAI's API reference, without what says which model and whether to stream.
OPENAI: Mapping[Kind, frozenset[str]] = {
    "chat": words(
        "messages audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens"
        " metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_retention"
        " reasoning_effort response_format safety_identifier seed service_tier stop store stream_options temperature"
        " tool_choice tools top_logprobs top_p user verbosity web_search_options"
    ),
    "completion": words(
        "prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop"
        " stream_options suffix temperature top_p user"
    ),
    "embedding": words("input dimensions encoding_format user"),
    "responses": words(
        "input background context_management conversation include instructions max_output_tokens max_tool_calls"
        " metadata parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_retention"
        " reasoning safety_identifier service_tier store stream_options temperature text tool_choice tools"
        " top_logprobs top_p truncation user"
    ),
    "messages": frozenset(),
    "image_generation": words(
        "prompt background moderation n output_compression output_format partial_images quality response_format size"
        " style user"
    ),
    "image_edit": words(
        "prompt image background input_fidelity mask n output_compression output_format partial_images quality"
        " response_format size user"
    ),
    "transcription": words(
        "file chunking_strategy include language prompt response_format temperature timestamp_granularities"
    ),
    "speech": words("input voice instructions response_format speed stream_format"),
    "moderation": words("input"),
    "rerank": words("query documents top_n return_documents max_chunks_per_doc max_tokens_per_doc rank_fields"),
}

DROPPING = words("drop_params additional_drop_params")


@dataclass(frozen=True)
class Parameters:
    """The parameters of one kind of call that a dialect takes; `lacking` are OpenAI's others."""

    kind: Kind
    takes: frozenset[str]
    lacking: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lacking", OPENAI[self.kind] - self.takes)

    @classmethod
    def all_but(cls, kind: Kind, lacking: str = "") -> Parameters:
        """All of OpenAI's but some (words)."""
        return cls(kind, OPENAI[kind] - words(lacking))

    @classmethod
    def only(cls, kind: Kind, takes: str) -> Parameters:
        """These of OpenAI's (words) and no others."""
        return cls(kind, words(takes))

    def select(self, body: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        """What may be encoded. Raises UnsupportedParamsError naming each parameter that the provider lacks."""
        named = frozenset(body.get("additional_drop_params") or ())
        lacking = sorted(name for name in (self.lacking & body.keys()) - named if body[name] is not None)
        if lacking and not body.get("drop_params"):
            raise UnsupportedParamsError(params=lacking, llm_provider=provider)
        dropped = self.lacking | named | DROPPING
        return body if dropped.isdisjoint(body) else {name: body[name] for name in body if name not in dropped}

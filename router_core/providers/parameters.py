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
        "input access_programs background background_options context_management conversation image include"
        " instructions max_output_tokens max_tool_calls metadata moderation parallel_tool_calls previous_response_id"
        " prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier"
        " store stream_options temperature text tool_choice tools top_logprobs top_p truncation user"
    ),
    "messages": frozenset(),
    "image_generation": words(
        "prompt background complexity frame_count frame_duration_ms moderation n output_compression output_format"
        " partial_images quality response_format safety_identifier size style svg user"
    ),
    "image_edit": words(
        "prompt image background complexity frame_count frame_duration_ms input_fidelity markup mask n"
        " output_compression output_format partial_images quality response_format safety_identifier size svg user"
    ),
    "transcription": words(
        "file chunking_strategy include keywords known_speaker_names known_speaker_references language languages prompt"
        " response_format temperature timestamp_granularities"
    ),
    "speech": words("input voice instructions response_format speed stream_format"),
    "moderation": words("input"),
    "rerank": words("query documents top_n return_documents max_chunks_per_doc max_tokens_per_doc rank_fields"),
}

DROPPING = words("drop_params additional_drop_params")
# Values that say no more than the name left out: a provider that lacks the name need not refuse them.
_SAYS_NOTHING: Mapping[str, Any] = {
    "background": False,
    "best_of": 1,
    "echo": False,
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
    "store": False,
    "truncation": "disabled",
}


@dataclass(frozen=True)
class Parameters:
    """The parameters of one kind of call that a dialect takes; `lacking` are OpenAI's others.

    `refused`: names that OpenAI lacks, and this provider too (`thinking`), so that they do not pass through. `values`:
    what it takes only with one of these values (`{"parallel_tool_calls": (True,)}`), and lacks with any other.
    """

    kind: Kind
    takes: frozenset[str]
    refused: frozenset[str] = frozenset()
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, hash=False)
    lacking: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lacking", OPENAI[self.kind] - self.takes | self.refused)

    @classmethod
    def all_but(cls, kind: Kind, lacking: str = "") -> Parameters:
        """All of OpenAI's but some (words)."""
        named = words(lacking)
        return cls(kind, OPENAI[kind] - named, named - OPENAI[kind])

    @classmethod
    def only(cls, kind: Kind, takes: str, refused: str = "") -> Parameters:
        """These of OpenAI's (words) and no others."""
        return cls(kind, words(takes), words(refused))

    def select(self, body: Mapping[str, Any], provider: str) -> Mapping[str, Any]:
        """What may be encoded. Raises UnsupportedParamsError naming each parameter that the provider lacks."""
        named = frozenset(body.get("additional_drop_params") or ())
        unsaid = {name for name, taken in self.values.items() if body.get(name) is not None and body[name] not in taken}
        lacks = self.lacking | unsaid if unsaid else self.lacking
        lacking = sorted(name for name in (lacks & body.keys()) - named if _says(name, body[name]))
        if lacking and not body.get("drop_params"):
            raise UnsupportedParamsError(params=lacking, llm_provider=provider)
        dropped = lacks | named | DROPPING
        return body if dropped.isdisjoint(body) else {name: body[name] for name in body if name not in dropped}


def _says(name: str, value: Any) -> bool:
    return value is not None and (name not in _SAYS_NOTHING or value != _SAYS_NOTHING[name])

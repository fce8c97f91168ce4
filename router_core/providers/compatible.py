"""Providers that speak OpenAI's API, and how each differs: data alone.

What each takes is from its API reference or its own SDK; a name that is in neither is lacking. Where neither tells,
the row takes what servers of open models have in common (`SERVED`).
"""

from __future__ import annotations

from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.embedding import Embedding
from router_core.dialects.openai.messages import Manner
from router_core.dialects.openai.renames import TO_COMPLETION_TOKENS, TO_MAX_TOKENS, Rename
from router_core.dialects.rerank import Rerank
from router_core.providers.parameters import Parameters
from router_core.providers.provider import Provider
from router_core.providers.rows import (
    PLAIN,
    SERVED,
    STATELESS,
    SYSTEM,
    images,
    responses,
    row,
    speech,
    takes,
    text,
    transcripts,
    vectors,
)

_USUAL = "max_completion_tokens max_tokens response_format stop temperature tool_choice tools top_p"
_PENALTIES = "frequency_penalty presence_penalty"
_JSON = ({"type": "text"}, {"type": "json_object"})
_OLD = (TO_MAX_TOKENS,)

COMPATIBLE: tuple[Provider, ...] = (
    row(
        "cerebras",
        "https://api.cerebras.ai/v1",
        Chat(
            takes(
                f"{_USUAL} {_PENALTIES} logit_bias logprobs n parallel_tool_calls prediction prompt_cache_key"
                " reasoning_effort seed service_tier top_logprobs user"
            ),
            Manner(reasoning="reasoning"),
        ),
        {
            "completion": text(
                f"best_of echo {_PENALTIES} logit_bias logprobs max_tokens n seed stop suffix temperature top_p user"
            )
        },
    ),
    row(
        "databricks",
        "",
        Chat(
            takes(f"{_USUAL} n reasoning_effort service_tier", ""),
            Manner(SYSTEM, keeps=frozenset({"cache_control"})),
            _OLD,
        ),
        {"embedding": vectors()},
    ),
    row(
        "deepinfra",
        "https://api.deepinfra.com/v1/openai",
        Chat(takes(f"{_USUAL} {_PENALTIES} function_call functions logit_bias n reasoning_effort seed user"), PLAIN),
        {
            "embedding": vectors("dimensions", formats=True),
            "image_generation": images("n response_format size"),
            "transcription": transcripts("timestamp_granularities"),
            "speech": speech("speed"),
        },
    ),
    row(
        "deepseek",
        "https://api.deepseek.com",
        Chat(
            takes(f"{_USUAL} {_PENALTIES} logprobs reasoning_effort top_logprobs", "", response_format=_JSON),
            Manner(SYSTEM, reasoning="reasoning_content"),
            _OLD,
        ),
        {"responses": responses(STATELESS, store=(False,))},
    ),
    row(
        "fireworks_ai",
        "https://api.fireworks.ai/inference/v1",
        Chat(
            takes(
                f"{_USUAL} {_PENALTIES} function_call functions logit_bias logprobs metadata n parallel_tool_calls"
                " prediction prompt_cache_key reasoning_effort seed service_tier top_logprobs user",
                "",
            ),
            Manner(SYSTEM, reasoning="reasoning_content"),
        ),
        {
            "completion": text(f"echo {_PENALTIES} logit_bias logprobs max_tokens n seed stop temperature top_p user"),
            "embedding": vectors("dimensions"),
            "responses": responses("background background_options conversation prompt"),
        },
    ),
    row(
        "github",
        "https://models.github.ai/inference",
        Chat(takes(f"{_USUAL} {_PENALTIES} modalities reasoning_effort seed"), renames=(TO_COMPLETION_TOKENS,)),
        {"embedding": vectors("dimensions user", formats=True)},
    ),
    row(
        "groq",
        "https://api.groq.com/openai/v1",
        Chat(
            takes(
                f"{_USUAL} function_call functions n parallel_tool_calls reasoning_effort seed service_tier user",
                n=(1,),
            ),
            Manner(SYSTEM, reasoning="reasoning"),
            counts_unasked=True,
        ),
        {
            "responses": responses(
                f"{STATELESS} include prompt_cache_key safety_identifier", store=(False,), truncation=("disabled",)
            ),
            "transcription": transcripts("timestamp_granularities"),
            "speech": speech("speed"),
        },
    ),
    row(
        "hyperbolic",
        "https://api.hyperbolic.xyz/v1",
        Chat(takes(f"{_USUAL} {_PENALTIES} n seed user"), PLAIN, _OLD),
    ),
    row("jina_ai", "https://api.jina.ai/v1", more={"embedding": vectors("dimensions"), "rerank": Rerank()}),
    row(
        "moonshot",
        "https://api.moonshot.ai/v1",
        Chat(
            takes(
                f"{_USUAL} {_PENALTIES} n prompt_cache_key reasoning_effort safety_identifier",
                "",
                tool_choice=("auto", "none"),
            ),
            Manner(SYSTEM, reasoning="reasoning_content"),
        ),
    ),
    row(
        "nebius",
        "https://api.tokenfactory.nebius.com/v1",
        Chat(SERVED, PLAIN, _OLD),
        {"embedding": vectors("dimensions user", formats=True), "image_generation": images("response_format")},
    ),
    row("novita", "https://api.novita.ai/v3/openai", Chat(SERVED, PLAIN, _OLD), {"embedding": vectors()}),
    row(
        "nvidia_nim",
        "https://integrate.api.nvidia.com/v1",
        Chat(takes(f"{_USUAL} {_PENALTIES} parallel_tool_calls seed"), PLAIN, _OLD),
        {"embedding": vectors("dimensions user", formats=True)},
    ),
    row(
        "openrouter",
        "https://openrouter.ai/api/v1",
        Chat(
            takes(
                f"{_USUAL} {_PENALTIES} logit_bias logprobs metadata modalities parallel_tool_calls prediction"
                " prompt_cache_key reasoning_effort seed service_tier top_logprobs user"
            ),
            Manner(reasoning="reasoning", keeps=frozenset({"cache_control", "reasoning_details"})),
        ),
        {
            "embedding": vectors("dimensions user", formats=True),
            "responses": responses(STATELESS, store=(False,)),
            "rerank": Rerank(),
        },
    ),
    row(
        "perplexity",
        "https://api.perplexity.ai",
        Chat(
            takes(
                f"{_PENALTIES} max_completion_tokens max_tokens reasoning_effort response_format stop temperature"
                " top_p web_search_options"
            ),
            PLAIN,
            _OLD,
            counts_unasked=True,
        ),
        {
            "embedding": Embedding(
                Parameters.only("embedding", "input dimensions encoding_format"),
                path="/v1/embeddings",
                formats=False,
                packing="b",
            )
        },
    ),
    row(
        "sambanova",
        "https://api.sambanova.ai/v1",
        Chat(takes(f"{_USUAL} parallel_tool_calls reasoning_effort"), PLAIN, _OLD),
        {"embedding": vectors(), "transcription": transcripts()},
    ),
    row(
        "together_ai",
        "https://api.together.ai/v1",
        Chat(takes(f"{_USUAL} {_PENALTIES} logit_bias n reasoning_effort seed"), PLAIN, _OLD),
        {
            "completion": text(f"echo {_PENALTIES} logit_bias logprobs max_tokens n seed stop temperature top_p"),
            "embedding": vectors(),
            "image_generation": images("n response_format"),
            "transcription": transcripts("timestamp_granularities"),
            "speech": speech(),
            "rerank": Rerank(),
        },
    ),
    row(
        "voyage",
        "https://api.voyageai.com/v1",
        more={
            "embedding": Embedding(
                Parameters.only("embedding", "input dimensions encoding_format"),
                (Rename("dimensions", "output_dimension"),),
                formats=False,
            ),
            "rerank": Rerank(top="top_k"),
        },
    ),
    row(
        "xai",
        "https://api.x.ai/v1",
        Chat(
            takes(
                f"{_USUAL} {_PENALTIES} logprobs n parallel_tool_calls reasoning_effort seed top_logprobs user"
                " web_search_options"
            ),
            Manner(SYSTEM, reasoning="reasoning_content"),
        ),
        {
            "responses": responses("background background_options context_management conversation prompt"),
            "image_generation": images("n response_format"),
        },
    ),
)

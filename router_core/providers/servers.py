"""Servers of one's own that speak OpenAI's API: data alone. Most need no key, and all but Ollama an api_base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.completion import Completion
from router_core.dialects.openai.embedding import Embedding
from router_core.dialects.openai.image import ImageEdit, ImageGeneration
from router_core.dialects.openai.messages import Manner
from router_core.dialects.openai.moderation import Moderation
from router_core.dialects.openai.renames import TO_MAX_TOKENS
from router_core.dialects.openai.responses import Responses
from router_core.dialects.openai.speech import Speech
from router_core.dialects.openai.transcription import Transcription
from router_core.dialects.rerank import Rerank
from router_core.providers.auth import bearer_if_any
from router_core.providers.base import DeploymentLike, Kind
from router_core.providers.dialect import Dialect
from router_core.providers.provider import Provider
from router_core.providers.rows import PLAIN, SERVED, SYSTEM, responses, row, takes, text, transcripts, vectors

ANY_SERVER = "openai-compatible"  # what is said to have an api_base and no more

_OLD = (TO_MAX_TOKENS,)
_ALL: Mapping[Kind, Dialect] = {"completion": Completion(), "embedding": Embedding()}
_EVERYTHING: Mapping[Kind, Dialect] = {
    **_ALL,
    "image_generation": ImageGeneration(),
    "image_edit": ImageEdit(),
    "transcription": Transcription(),
    "speech": Speech(),
    "moderation": Moderation(),
    "rerank": Rerank(),
}
_OWN_RESPONSES = responses("conversation context_management prompt")
_ANY = Chat(manner=Manner(reasoning="reasoning_content", keeps=frozenset({"cache_control", "reasoning_details"})))


def rooted(default: str = "") -> Callable[[DeploymentLike], str]:
    """The base URL of a server whose API is at /v1, also where only the server is written, as for its native API."""

    def base_url(deployment: DeploymentLike) -> str:
        base = (deployment.api_base or default).rstrip("/")
        return base.removesuffix("/api") + "/v1" if base and urlsplit(base).path in ("", "/api") else base

    return base_url


# What only its native API has; this one would ignore it without a word.
_NATIVE = (
    "format keep_alive min_p mirostat mirostat_eta mirostat_tau num_batch num_ctx num_gpu num_keep num_predict"
    " num_thread options repeat_last_n repeat_penalty tfs_z think thinking top_k typical_p"
)
_OLLAMA = Chat(
    takes(
        "frequency_penalty logprobs max_completion_tokens max_tokens presence_penalty reasoning_effort response_format"
        " seed stop temperature tool_choice tools top_logprobs top_p",
        _NATIVE,
        tool_choice=("auto",),
    ),
    Manner(SYSTEM, reasoning="reasoning"),
    _OLD,
)
_OLLAMA_MORE: Mapping[Kind, Dialect] = {
    "completion": text("frequency_penalty max_tokens presence_penalty seed stop suffix temperature top_p"),
    "embedding": vectors("dimensions", formats=True),
}
_TGI = Chat(
    takes(
        "frequency_penalty logit_bias logprobs max_completion_tokens max_tokens n presence_penalty response_format seed"
        " stop temperature tool_choice tools top_logprobs top_p"
    ),
    PLAIN,
    _OLD,
)
_LM_STUDIO = Chat(
    takes(
        "frequency_penalty logit_bias max_completion_tokens max_tokens presence_penalty reasoning_effort"
        " response_format seed stop temperature tool_choice tools top_p"
    ),
    PLAIN,
    _OLD,
)
_VLLM = Chat(SERVED, Manner(reasoning="reasoning_content"))
_VLLM_MORE: Mapping[Kind, Dialect] = {
    **_ALL,
    "responses": _OWN_RESPONSES,
    "transcription": transcripts("timestamp_granularities"),
    "rerank": Rerank(),
}

SERVERS: tuple[Provider, ...] = (
    row("ollama", rooted("http://localhost:11434"), _OLLAMA, _OLLAMA_MORE, bearer_if_any),
    row("ollama_chat", rooted("http://localhost:11434"), _OLLAMA, _OLLAMA_MORE, bearer_if_any),
    row("hosted_vllm", rooted(), _VLLM, _VLLM_MORE, bearer_if_any),
    row("vllm", rooted(), _VLLM, _VLLM_MORE, bearer_if_any),
    row(
        "huggingface",
        rooted(),
        _TGI,
        {"completion": text("frequency_penalty max_tokens seed stop suffix temperature top_p")},
    ),
    row("llamafile", rooted(), Chat(SERVED, PLAIN, _OLD), _ALL, bearer_if_any),
    row("lm_studio", rooted(), _LM_STUDIO, {**_ALL, "responses": _OWN_RESPONSES}, bearer_if_any),
    row("litellm_proxy", "", _ANY, {**_EVERYTHING, "responses": Responses()}, bearer_if_any),
    # Of these nothing is known but the address: what a caller writes is what they get.
    *(row(name, "", _ANY, _EVERYTHING, bearer_if_any) for name in (ANY_SERVER, "openai_like", "custom_openai")),
)

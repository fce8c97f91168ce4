"""What the rows of OpenAI-compatible providers are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.completion import Completion
from router_core.dialects.openai.embedding import Embedding
from router_core.dialects.openai.image import ImageGeneration
from router_core.dialects.openai.messages import Manner
from router_core.dialects.openai.responses import Responses
from router_core.dialects.openai.speech import Speech
from router_core.dialects.openai.transcription import Transcription
from router_core.providers.auth import Auth, bearer
from router_core.providers.base import DeploymentLike, Kind
from router_core.providers.dialect import Dialect
from router_core.providers.parameters import Parameters, words
from router_core.providers.provider import Provider

# What belongs to OpenAI's platform rather than to a model, and has no name in OpenAI's own API (thinking).
_PLATFORM = (
    "audio function_call functions metadata modalities prediction prompt_cache_key prompt_cache_retention"
    " safety_identifier service_tier store thinking verbosity web_search_options"
)
SERVED = Parameters.all_but("chat", _PLATFORM)  # what servers of open models have in common
STATELESS = "background background_options context_management conversation previous_response_id prompt"
SYSTEM = {"developer": "system"}  # they have no developer role
PLAIN = Manner(SYSTEM)


def takes(names: str, refused: str = "thinking", **values: tuple[object, ...]) -> Parameters:
    """The parameters of a chat (words); `values`: names that it takes with these values only."""
    return Parameters("chat", words(f"messages stream_options {names}"), words(refused), values)


def text(names: str) -> Completion:
    """Text completions that take these (words)."""
    return Completion(Parameters.only("completion", f"prompt stream_options {names}"))


def vectors(names: str = "", formats: bool = False) -> Embedding:
    """Embeddings that take these (words); `formats`: the server knows encoding_format."""
    return Embedding(Parameters.only("embedding", f"input encoding_format {names}"), formats=formats)


def responses(lacking: str, **values: tuple[object, ...]) -> Responses:
    """A Responses API that lacks these (words); `values`: names that it takes with these values only."""
    return Responses(replace(Parameters.all_but("responses", lacking), values=values))


def images(names: str) -> ImageGeneration:
    """Images from a prompt and these (words)."""
    return ImageGeneration(Parameters.only("image_generation", f"prompt {names}"))


def transcripts(names: str = "") -> Transcription:
    """Transcriptions that take these (words)."""
    usual = "file language prompt response_format temperature"
    return Transcription(Parameters.only("transcription", f"{usual} {names}"))


def speech(names: str = "") -> Speech:
    """Speech that takes these (words)."""
    return Speech(Parameters.only("speech", f"input voice response_format {names}"))


def row(
    name: str,
    base_url: str | Callable[[DeploymentLike], str],
    chat: Chat | None = None,
    more: Mapping[Kind, Dialect] | None = None,
    auth: Callable[[DeploymentLike], Auth] = bearer,
) -> Provider:
    """A provider with a chat and `more` kinds."""
    chats: Mapping[Kind, Dialect] = {"chat": chat} if chat else {}
    return Provider(name, {**chats, **(more or {})}, base_url, auth)

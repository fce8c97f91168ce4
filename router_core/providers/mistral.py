"""Mistral, and its Codestral at an address of its own."""

from __future__ import annotations

from router_core.dialects.mistral.chat import Chat
from router_core.dialects.mistral.completion import Completion
from router_core.dialects.mistral.moderation import Moderation
from router_core.dialects.openai.embedding import Embedding
from router_core.dialects.openai.renames import Rename
from router_core.providers.addresses import versioned
from router_core.providers.parameters import Parameters
from router_core.providers.provider import Provider

_EMBEDDING = Embedding(Parameters.all_but("embedding", "user"), (Rename("dimensions", "output_dimension"),))

MISTRAL = Provider(
    "mistral",
    base_url=versioned("https://api.mistral.ai", "/v1"),
    dialects={"chat": Chat(), "completion": Completion(), "embedding": _EMBEDDING, "moderation": Moderation()},
)
CODESTRAL = Provider(
    "codestral",
    base_url=versioned("https://codestral.mistral.ai", "/v1"),
    dialects={"chat": Chat(), "completion": Completion()},
)
TEXT_CODESTRAL = Provider(
    "text-completion-codestral", base_url=CODESTRAL.base_url, dialects={"completion": Completion()}
)

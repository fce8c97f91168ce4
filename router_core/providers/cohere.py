"""Cohere."""

from __future__ import annotations

from router_core.dialects.cohere.chat import Chat
from router_core.dialects.cohere.embedding import Embedding
from router_core.dialects.cohere.rerank import Rerank
from router_core.providers.addresses import versioned
from router_core.providers.provider import Provider

COHERE = Provider(
    "cohere",
    base_url=versioned("https://api.cohere.com", "/v2"),
    dialects={"chat": Chat(), "embedding": Embedding(), "rerank": Rerank()},
)
COHERE_CHAT = Provider("cohere_chat", base_url=COHERE.base_url, dialects={"chat": Chat()})

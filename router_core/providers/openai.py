"""OpenAI, and whatever server speaks its dialect at an `api_base`."""

from __future__ import annotations

from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.embedding import Embedding
from router_core.providers.provider import Provider

OPENAI = Provider(
    "openai",
    base_url="https://api.openai.com/v1",
    dialects={"chat": Chat(), "embedding": Embedding()},
)

"""Gemini at Google's AI Studio."""

from __future__ import annotations

from router_core.dialects.gemini.chat import Chat
from router_core.dialects.gemini.embedding import Embedding
from router_core.dialects.gemini.image import Images
from router_core.providers.auth import in_header
from router_core.providers.provider import Provider

GEMINI = Provider(
    "gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    auth=in_header("x-goog-api-key"),
    dialects={
        "chat": Chat(),
        "embedding": Embedding(),
        "image_generation": Images("image_generation"),
        "image_edit": Images("image_edit"),
    },
)

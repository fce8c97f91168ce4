"""OpenAI."""

from __future__ import annotations

from router_core.dialects.openai.chat import Chat
from router_core.dialects.openai.completion import Completion
from router_core.dialects.openai.embedding import Embedding
from router_core.dialects.openai.image import ImageEdit, ImageGeneration
from router_core.dialects.openai.moderation import Moderation
from router_core.dialects.openai.renames import TO_COMPLETION_TOKENS
from router_core.dialects.openai.responses import Responses
from router_core.dialects.openai.speech import Speech
from router_core.dialects.openai.transcription import Transcription
from router_core.providers.parameters import Parameters
from router_core.providers.provider import Provider

OPENAI = Provider(
    "openai",
    base_url="https://api.openai.com/v1",
    dialects={
        "chat": Chat(Parameters.all_but("chat", "thinking"), renames=(TO_COMPLETION_TOKENS,)),
        "completion": Completion(),
        "embedding": Embedding(),
        "responses": Responses(),
        "image_generation": ImageGeneration(),
        "image_edit": ImageEdit(),
        "transcription": Transcription(),
        "speech": Speech(),
        "moderation": Moderation(),
    },
)
# LiteLLM's prefix for models that have nothing but text completions.
TEXT_OPENAI = Provider("text-completion-openai", OPENAI.dialects, OPENAI.base_url)

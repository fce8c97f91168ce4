"""Answers that are no chat and no embedding, each in the shape of the API that defined it."""

from __future__ import annotations

from typing import Any, ClassVar

from router_core.answers import Answer, Usage
from router_core.records import Record


class TextChoice(Record):
    """One of the `n` texts."""

    optional = frozenset({"finish_reason", "logprobs"})


class TextCompletion(Answer):
    """An answer to `atext_completion`, or a chunk of one (`text` is then what it adds)."""

    optional = frozenset({"system_fingerprint", "usage"})
    nested: ClassVar = {"choices": TextChoice, "usage": Usage}


class Response(Answer):
    """An answer to `aresponses`: openai's Response. `output_text` is the text of all its messages."""

    optional = frozenset({"usage", "error", "incomplete_details"})

    @property
    def output_text(self) -> str:
        """The text of all output messages, put together."""
        contents = (part for item in self["output"] if item.get("type") == "message" for part in item["content"])
        return "".join(part["text"] for part in contents if part.get("type") == "output_text")


class ResponseEvent(Answer):
    """An event of a streamed Response: `type`, and what that type carries."""


class Message(Answer):
    """An answer to `anthropic_messages`: Anthropic's Message."""

    optional = frozenset({"stop_sequence", "usage"})


class MessageEvent(Answer):
    """An event of a streamed Message: `type`, and what that type carries."""


class Image(Record):
    """`url` or `b64_json`."""

    optional = frozenset({"b64_json", "revised_prompt", "url"})


class ImagesResponse(Answer):
    """An answer to `aimage_generation` and `aimage_edit`."""

    optional = frozenset({"background", "output_format", "quality", "size", "usage"})
    nested: ClassVar = {"data": Image}


class Transcription(Answer):
    """An answer to `atranscription`: `text`, and with verbose_json words and segments."""

    optional = frozenset({"duration", "language", "logprobs", "segments", "usage", "words"})


class Speech(Answer):
    """An answer to `aspeech`: `content` is the audio, `content_type` what it is."""

    content: bytes = b""
    content_type: str = "application/octet-stream"

    def __init__(self, content: bytes, content_type: str) -> None:
        super().__init__()
        self.__dict__.update(content=content, content_type=content_type)

    def read(self) -> bytes:
        """The audio, as openai's client gives it."""
        return self.content


class Moderation(Record):
    """`flagged`, `categories`, `category_scores`."""


class ModerationResponse(Answer):
    """An answer to `amoderation`."""

    nested: ClassVar = {"results": Moderation}


class Ranked(Record):
    """`index` of the document and its `relevance_score`; `document` where it was asked for."""

    optional = frozenset({"document"})


class RerankResponse(Answer):
    """An answer to `arerank`, in Cohere's shape: `results`, best first, and `meta`."""

    optional = frozenset({"meta", "usage"})
    nested: ClassVar = {"results": Ranked}


class StreamedBytes(Answer):
    """A piece of streamed audio."""

    data: bytes = b""

    def __init__(self, data: bytes, fields: Any = None) -> None:
        super().__init__(fields)
        self.__dict__["data"] = data

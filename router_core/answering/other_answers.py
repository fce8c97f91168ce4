"""Answers that are no chat and no embedding, each in the shape of the API that defined it.

`openai.types.responses.Response.model_validate(answer.model_dump())` holds, and likewise for the others that openai's
client knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

from router_core.answering.answers import Answer, Usage
from router_core.answering.records import Record


class TextChoice(Record):
    """One of the `n` texts."""

    optional = frozenset({"finish_reason", "logprobs"})


class TextCompletion(Answer):
    """An answer to `atext_completion`, or a chunk of one (`text` is then what it adds)."""

    optional = frozenset({"system_fingerprint", "usage"})
    nested: ClassVar = {"choices": TextChoice, "usage": Usage}


class ResponseUsage(Record):
    """`input_tokens`, `output_tokens`, `total_tokens`, with their details."""

    nested: ClassVar = {"input_tokens_details": Record, "output_tokens_details": Record}


class ContentPart(Record):
    """A piece of a message (`text` or `refusal`) or of reasoning."""

    nested: ClassVar = {"annotations": Record, "logprobs": Record}


class OutputItem(Record):
    """What `type` says: message, reasoning, function_call, or a call of one of the provider's own tools."""

    optional = frozenset({"encrypted_content", "phase", "status"})
    nested: ClassVar = {"content": ContentPart, "summary": ContentPart}


class Response(Answer):
    """An answer to `aresponses`: openai's Response. `output_text` is the text of all its messages."""

    optional = frozenset(
        {
            "background",
            "completed_at",
            "error",
            "incomplete_details",
            "instructions",
            "max_output_tokens",
            "metadata",
            "previous_response_id",
            "reasoning",
            "service_tier",
            "status",
            "temperature",
            "text",
            "top_p",
            "truncation",
            "usage",
            "user",
        }
    )
    nested: ClassVar = {
        "error": Record,
        "incomplete_details": Record,
        "output": OutputItem,
        "reasoning": Record,
        "text": Record,
        "tools": Record,
        "usage": ResponseUsage,
    }

    @property
    def output_text(self) -> str:
        """The text of all output messages, put together."""
        contents = (part for item in self["output"] if item.get("type") == "message" for part in item["content"])
        return "".join(part["text"] for part in contents if part.get("type") == "output_text")


class ResponseEvent(Answer):
    """An event of a streamed Response: `type`, and what that type carries."""

    nested: ClassVar = {"item": OutputItem, "part": ContentPart, "response": Response}


class Block(Record):
    """A piece of Anthropic's content; `type` says what it is."""


class MessageUsage(Record):
    """Anthropic's usage: `input_tokens` are neither cached nor written to the cache."""

    optional = frozenset({"cache_creation_input_tokens", "cache_read_input_tokens"})


class Message(Answer):
    """An answer to `anthropic_messages`: Anthropic's Message."""

    optional = frozenset({"stop_sequence", "usage"})
    nested: ClassVar = {"content": Block, "usage": MessageUsage}


class MessageEvent(Answer):
    """An event of a streamed Message: `type`, and what that type carries."""

    nested: ClassVar = {"content_block": Block, "delta": Record, "message": Message, "usage": MessageUsage}


class Image(Record):
    """`url` or `b64_json`."""

    optional = frozenset({"b64_json", "revised_prompt", "url"})


class ImagesResponse(Answer):
    """An answer to `aimage_generation` and `aimage_edit`."""

    optional = frozenset({"background", "output_format", "quality", "size", "usage"})
    nested: ClassVar = {"data": Image, "usage": Record}


class ImageEvent(Answer):
    """An event of a streamed image: a partial one, or the whole with its `usage`."""

    optional = frozenset({"usage"})
    nested: ClassVar = {"usage": Record}


class Transcription(Answer):
    """An answer to `atranscription`: `text`, and with verbose_json words and segments.

    The formats that are no JSON (text, srt, vtt) are in `text` as they came.
    """

    optional = frozenset({"duration", "language", "logprobs", "segments", "usage", "words"})
    nested: ClassVar = {"segments": Record, "usage": Record, "words": Record}


class TranscriptionEvent(Answer):
    """An event of a streamed transcription: transcript.text.delta, .segment or .done."""

    optional = frozenset({"logprobs", "usage"})
    nested: ClassVar = {"usage": Record}


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

    def iter_bytes(self, chunk_size: int = 65_536) -> Iterator[bytes]:
        """The audio in pieces, as openai's client gives it."""
        return (self.content[start : start + chunk_size] for start in range(0, len(self.content), chunk_size))

    def write_to_file(self, file: str | PathLike[str]) -> None:
        """Write the audio to a file."""
        Path(file).write_bytes(self.content)


class Categories(Record):
    """Names such as `harassment/threatening`; as attributes `harassment_threatening`, as openai's client has them."""

    def __getattr__(self, name: str) -> Any:
        found = next((key for key in self if key.replace("/", "_").replace("-", "_") == name), name)
        return super().__getattr__(found)


class Moderation(Record):
    """`flagged`, `categories`, `category_scores`."""

    nested: ClassVar = {
        "categories": Categories,
        "category_applied_input_types": Categories,
        "category_scores": Categories,
    }


class ModerationResponse(Answer):
    """An answer to `amoderation`."""

    nested: ClassVar = {"results": Moderation}


class Ranked(Record):
    """`index` of the document and its `relevance_score`; `document` where it was asked for."""

    optional = frozenset({"document"})
    nested: ClassVar = {"document": Record}


class RerankResponse(Answer):
    """An answer to `arerank`, in Cohere's shape: `results`, best first, and `meta`."""

    optional = frozenset({"id", "meta", "usage"})
    nested: ClassVar = {"results": Ranked, "usage": Record}


class StreamedBytes(Answer):
    """A piece of streamed audio: `data`. The fields are those of the event it came in, if it came in one."""

    data: bytes = b""

    def __init__(self, data: bytes, fields: Any = None) -> None:
        super().__init__(fields)
        self.__dict__["data"] = data

"""What a call returns, in OpenAI's shapes, whoever answered.

`openai.types.chat.ChatCompletion.model_validate(answer.model_dump())` holds, and likewise for chunks and embeddings.
Besides the fields of the answer there is, outside `model_dump()`:

    model_used        the provider's model that answered
    deployment        id of the deployment that answered
    attempts          AttemptRecord of each upstream call, the successful one last
    decision          how the deployment was chosen
    _response_ms      the whole call
    _hidden_params    LiteLLM's dict: model_id, api_base, response_cost, custom_llm_provider, additional_headers
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from router_core.answering.records import Record
from router_core.errors import AttemptRecord


class Answer(Record):
    """Any answer or chunk, with what the router knows about it."""

    model_used: str | None = None
    deployment: str | None = None
    attempts: Sequence[AttemptRecord] = ()
    decision: Any = None
    _response_ms: float | None = None
    _hidden_params: dict[str, Any]

    def __init__(self, fields: Any = None, /, **more: Any) -> None:
        super().__init__(fields, **more)
        self.__dict__["_hidden_params"] = {}


class Function(Record):
    """`name` and `arguments` (JSON text) of a tool call; in a delta either may be absent."""

    optional = frozenset({"name", "arguments"})


class ToolCall(Record):
    """A tool call, or in a delta a part of one (`index` says which)."""

    optional = frozenset({"id", "type", "function"})
    nested: ClassVar = {"function": Function}


class Message(Record):
    """The assistant's message."""

    optional = frozenset({"content", "refusal", "tool_calls", "function_call", "audio", "annotations"})
    nested: ClassVar = {"tool_calls": ToolCall, "function_call": Function}


class Delta(Record):
    """What a chunk adds to the message."""

    optional = frozenset({"content", "refusal", "role", "tool_calls", "function_call"})
    nested: ClassVar = {"tool_calls": ToolCall, "function_call": Function}


class Choice(Record):
    """One of the `n` answers."""

    optional = frozenset({"logprobs"})
    nested: ClassVar = {"message": Message}


class ChunkChoice(Record):
    """One of the `n` answers, in part; `finish_reason` is None until its last chunk."""

    optional = frozenset({"finish_reason", "logprobs"})
    nested: ClassVar = {"delta": Delta}


class TokenDetails(Record):
    """What the tokens were: cached, reasoning, audio, predicted."""

    optional = frozenset(
        {
            "cached_tokens",
            "audio_tokens",
            "reasoning_tokens",
            "accepted_prediction_tokens",
            "rejected_prediction_tokens",
        }
    )


class Usage(Record):
    """`prompt_tokens`, `completion_tokens`, `total_tokens`; details where the provider gives them."""

    optional = frozenset({"completion_tokens_details", "prompt_tokens_details"})
    nested: ClassVar = {"completion_tokens_details": TokenDetails, "prompt_tokens_details": TokenDetails}


class ChatCompletion(Answer):
    """An answer to `acompletion`. `usage` is None where the provider gave none."""

    optional = frozenset({"service_tier", "system_fingerprint", "usage"})
    nested: ClassVar = {"choices": Choice, "usage": Usage}


class ChatCompletionChunk(Answer):
    """A part of a streamed answer. The last one carries `usage`."""

    optional = frozenset({"service_tier", "system_fingerprint", "usage"})
    nested: ClassVar = {"choices": ChunkChoice, "usage": Usage}


class Embedding(Record):
    """One vector: `embedding`, `index`."""


class EmbeddingUsage(Record):
    """`prompt_tokens`, `total_tokens`."""


class EmbeddingResponse(Answer):
    """An answer to `aembedding`."""

    optional = frozenset({"usage"})
    nested: ClassVar = {"data": Embedding, "usage": EmbeddingUsage}

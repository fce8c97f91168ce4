"""OpenAI's answers and stream events. A token is four characters of text, so counting by length finds the usage."""

from __future__ import annotations

import base64
import functools
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from router_core.simulator.demand import Demand

Finish = Literal["stop", "length"]
TOKEN = "tok "
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to be given: `created` is epoch seconds, `usage` False leaves usage out."""

    demand: Demand
    id: str
    created: int
    output_tokens: int
    finish: Finish
    usage: bool = True


def plain(answer: Answer, dimensions: int) -> bytes:
    """The body of an answer that is not streamed; `dimensions` is for embeddings that ask for no size."""
    shape = {"chat": _chat, "completion": _completion}.get(answer.demand.kind)
    body = shape(answer) if shape else _embeddings(answer.demand, answer.demand.dimensions or dimensions)
    if not answer.usage:
        body.pop("usage", None)
    return json.dumps(body).encode()


def event(data: Any, name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


class Events:
    """The events of one stream: `opening`, then `token` for each token, then `closing`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._chat = answer.demand.kind == "chat"
        self.opening = event(self.chunk({"role": "assistant", "content": "", "refusal": None})) if self._chat else b""
        self.token = event(self.chunk({"content": TOKEN}))

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        """One chunk; a text completion carries the text where a chat carries the delta."""
        part = {"delta": delta} if self._chat else {"text": delta.get("content", "")}
        return self._body([{"index": 0, **part, "logprobs": None, "finish_reason": finish}])

    def closing(self) -> bytes:
        """The finish reason, then usage in a chunk of its own if it was asked for."""
        last = event(self.chunk({}, self._answer.finish))
        if not self._with_usage:
            return last
        return last + event({**self._body([]), "usage": _usage(self._answer)})

    @property
    def _with_usage(self) -> bool:
        return self._answer.usage and self._answer.demand.include_usage

    def _body(self, choices: Sequence[Any]) -> dict[str, Any]:
        body = {
            "id": self._answer.id,
            "object": "chat.completion.chunk" if self._chat else "text_completion",
            "created": self._answer.created,
            "model": self._answer.demand.model,
            "system_fingerprint": None,
            "choices": choices,
        }
        return {**body, "usage": None} if self._with_usage else body


def models(names: Sequence[str]) -> bytes:
    data = [{"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "simulator"} for name in names]
    return json.dumps({"object": "list", "data": data}).encode()


def _chat(answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": TOKEN * answer.output_tokens, "refusal": None}
    return _whole(answer, "chat.completion", {"message": message})


def _completion(answer: Answer) -> dict[str, Any]:
    return _whole(answer, "text_completion", {"text": TOKEN * answer.output_tokens})


def _whole(answer: Answer, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": kind,
        "created": answer.created,
        "model": answer.demand.model,
        "system_fingerprint": None,
        "choices": [{"index": 0, **content, "logprobs": None, "finish_reason": answer.finish}],
        "usage": _usage(answer),
    }


def _usage(answer: Answer) -> dict[str, Any]:
    prompt, completion = answer.demand.input_tokens, answer.output_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _embeddings(demand: Demand, dimensions: int) -> dict[str, Any]:
    vector = _packed(dimensions) if demand.base64 else _vector(dimensions)
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(demand.inputs)]
    usage = {"prompt_tokens": demand.input_tokens, "total_tokens": demand.input_tokens}
    return {"object": "list", "data": data, "model": demand.model, "usage": usage}


@functools.lru_cache(maxsize=16)
def _vector(dimensions: int) -> tuple[float, ...]:
    """Of length 1, as OpenAI's are; the same for every text."""
    return (1.0 / math.sqrt(dimensions),) * dimensions


@functools.lru_cache(maxsize=16)
def _packed(dimensions: int) -> str:
    return base64.b64encode(struct.pack(f"<{dimensions}f", *_vector(dimensions))).decode()

"""Text completion by invoke, in the formats of Titan, Llama and Mistral."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from router_core.answering.answers import Answer
from router_core.answering.other_answers import TextCompletion
from router_core.dialects import compose
from router_core.dialects.bedrock.frames import InvokeFrames
from router_core.dialects.bedrock.invoke import invoked
from router_core.dialects.bedrock.models import model_id
from router_core.errors import UnsupportedParamsError
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.dialect import CutStream, Decoder, Reader, Reply, UpstreamFailure, Wire
from router_core.providers.parameters import Parameters

_FINISH = {
    "FINISH": "stop",
    "FINISHED": "stop",
    "STOP_CRITERIA_MET": "stop",
    "LENGTH": "length",
    "CONTENT_FILTERED": "content_filter",
}
_METRICS = "amazon-bedrock-invocationMetrics"


class Piece(NamedTuple):
    """What an answer, or a part of a streamed one, says. `reason`: OpenAI's, None as long as it goes on.

    `blocked`: a guardrail stepped in, which may end a stream without a reason.
    """

    text: str
    reason: str | None
    sent: int | None = None
    made: int | None = None
    blocked: bool = False


def titan_body(prompt: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Titan Text's request: what it can be told is in `textGenerationConfig`."""
    return {"inputText": prompt, "textGenerationConfig": given} if given else {"inputText": prompt}


def titan_piece(payload: Mapping[str, Any]) -> Piece:
    """Titan Text's answer; a stream's parts are the results themselves."""
    result = payload["results"][0] if "results" in payload else payload
    blocked = payload.get("amazon-bedrock-guardrailAction") == "INTERVENED"
    said = result.get("completionReason")
    reason = said and ("content_filter" if blocked else _FINISH.get(said, "stop"))
    made = result.get("tokenCount", result.get("totalOutputTextTokenCount"))
    sent = payload.get("inputTextTokenCount")
    return Piece(result["outputText"], reason, _whole(sent), _whole(made), blocked)


def llama_piece(payload: Mapping[str, Any]) -> Piece:
    """Llama's answer."""
    counts = payload.get("prompt_token_count"), payload.get("generation_token_count")
    return Piece(payload["generation"], payload.get("stop_reason"), *counts)


def mistral_piece(payload: Mapping[str, Any]) -> Piece:
    """Mistral's answer."""
    output = payload["outputs"][0]
    return Piece(output["text"], output.get("stop_reason"))


def plain_body(prompt: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A request whose parameters stand beside the prompt."""
    return {"prompt": prompt, **given}


@dataclass(frozen=True)
class Text:
    """`names`: what the vendor calls OpenAI's parameters; the others pass through."""

    names: Mapping[str, str]
    body: Callable[[str, Mapping[str, Any]], dict[str, Any]]
    piece: Callable[[Mapping[str, Any]], Piece]

    @property
    def parameters(self) -> Parameters:
        """See `Dialect.parameters`."""
        return Parameters.only("completion", " ".join(("prompt", "stream_options", *self.names)))

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. Raises UnsupportedParamsError for several prompts and for tokens."""
        given = {name: value for name, value in call.body.items() if value is not None}
        given.pop("stream_options", None)
        prompt = given.pop("prompt", None)
        if isinstance(prompt, list | tuple) and len(prompt) == 1:
            prompt = prompt[0]
        if not isinstance(prompt, str):
            raise UnsupportedParamsError("bedrock takes one prompt, as text", params=["prompt"], llm_provider="bedrock")
        if isinstance(given.get("stop"), str):
            given["stop"] = [given["stop"]]
        named = {self.names.get(name, name): value for name, value in given.items()}
        return invoked(call, model, self.body(prompt, named))

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        piece = self.piece(reply.json())
        counts = (reply.headers.get(f"x-amzn-bedrock-{way}-token-count") for way in ("input", "output"))
        sent, made = (int(count) if count else None for count in counts)
        counted = compose.usage(piece.sent if sent is None else sent, piece.made if made is None else made)
        head = _head(model, reply.headers.get("x-amzn-requestid"))
        return _answer(head, piece.text, piece.reason or "stop", counted)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`: chunks and whole answers have one shape."""
        yield self.decode(call, model, reply)

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return InvokeFrames()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return TextReader(self.piece, model)


class TextReader:
    """The last part has the reason, and Bedrock's own count of tokens."""

    def __init__(self, piece: Callable[[Mapping[str, Any]], Piece], model: str) -> None:
        self._piece, self._head = piece, _head(model)
        self._last = Piece("", None)
        self.done = False

    def read(self, event: Event) -> Iterable[Answer]:
        """See `Reader.read`."""
        payload = json.loads(event.data)
        if event.name == "error":
            raise UpstreamFailure(payload)
        piece, counts = self._piece(payload), payload.get(_METRICS) or {}
        self._last, self.done = piece, piece.reason is not None
        sent, made = counts.get("inputTokenCount", piece.sent), counts.get("outputTokenCount", piece.made)
        yield _answer(self._head, piece.text, piece.reason, compose.usage(sent, made) if self.done else None)

    def end(self) -> Iterable[Answer]:
        """See `Reader.end`."""
        last = self._last
        if self.done:
            return ()
        if not last.blocked:
            raise CutStream("the stream ended without a reason")
        return (_answer(self._head, "", "content_filter", compose.usage(last.sent, last.made)),)


def _head(model: str, id: str | None = None) -> dict[str, Any]:
    return compose.head("text_completion", model_id(model), id)


def _answer(head: Mapping[str, Any], text: str, reason: str | None, counted: Any) -> TextCompletion:
    choice = {"index": 0, "text": text, "finish_reason": reason, "logprobs": None}
    return TextCompletion({**head, "choices": [choice], "usage": counted})


def _whole(count: float | None) -> int | None:
    return None if count is None else int(count)  # with guardrails, Titan counts in fractions


TITAN = Text(
    {"max_tokens": "maxTokenCount", "temperature": "temperature", "top_p": "topP", "stop": "stopSequences"},
    titan_body,
    titan_piece,
)
LLAMA = Text(
    {"max_tokens": "max_gen_len", "temperature": "temperature", "top_p": "top_p"},
    plain_body,
    llama_piece,
)
MISTRAL = Text(
    {name: name for name in ("max_tokens", "temperature", "top_p", "stop")},
    plain_body,
    mistral_piece,
)

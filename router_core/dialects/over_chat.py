"""Text completion where there is only chat: the prompt is what the user says, the answer's text the completion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import TextCompletion
from router_core.errors import UnsupportedParamsError
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.dialect import Decoder, Dialect, Reader, Reply, Wire
from router_core.providers.parameters import Parameters, words

# What a chat means by the same name; echo, suffix and best_of have no place in one.
_SHARED = words(
    "frequency_penalty logit_bias max_tokens n presence_penalty seed stop stream_options temperature top_p user"
)


@dataclass(frozen=True)
class OverChat:
    """Any chat dialect as a text completion dialect."""

    chat: Dialect
    parameters: Parameters = field(init=False)

    def __post_init__(self) -> None:
        takes = {"prompt", *(_SHARED & self.chat.parameters.takes)}
        object.__setattr__(self, "parameters", Parameters("completion", frozenset(takes)))

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. Raises UnsupportedParamsError for several prompts and for tokens."""
        return self.chat.encode(_as_chat(call), model)

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        return _text(self.chat.decode(_as_chat(call), model, reply), "message")

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        return (_text(chunk, "delta") for chunk in self.chat.whole(_as_chat(call), model, reply))

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return self.chat.framing()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return _TextReader(self.chat.reader(_as_chat(call), model))


class _TextReader:
    def __init__(self, chat: Reader) -> None:
        self._chat = chat

    @property
    def done(self) -> bool:
        return self._chat.done

    def read(self, event: Event) -> Iterable[Answer]:
        return (_text(chunk, "delta") for chunk in self._chat.read(event))

    def end(self) -> Iterable[Answer]:
        return (_text(chunk, "delta") for chunk in self._chat.end())


def _as_chat(call: Call) -> Call:
    prompt = call.body.get("prompt")
    if isinstance(prompt, list | tuple) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise UnsupportedParamsError("a chat takes one prompt, as text", params=["prompt"])
    body = {name: value for name, value in call.body.items() if name != "prompt"}
    return Call("chat", {**body, "messages": [{"role": "user", "content": prompt}]}, call.stream, call.timeout)


def _text(answer: Answer, said: str) -> TextCompletion:
    body = {**answer, "object": "text_completion", "choices": [_choice(one, one[said]) for one in answer["choices"]]}
    return TextCompletion(body)


def _choice(choice: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in choice.items() if name not in ("message", "delta", "logprobs")}
    if said.get("reasoning_content"):
        fields = kept.get("provider_specific_fields") or {}
        kept["provider_specific_fields"] = {**fields, "reasoning_content": said["reasoning_content"]}
    return {**kept, "text": said.get("content") or "", "logprobs": None}

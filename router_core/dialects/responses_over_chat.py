"""OpenAI's Responses API for providers that have only a chat: `ResponsesOverChat(chat)` speaks through any of them.

What a server would have to remember (previous_response_id, conversation, background) is an UnsupportedParamsError, and
so are tools other than functions. Events come in OpenAI's order, so that its client's accumulators read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from router_core.answering.answers import Answer, ChatCompletion
from router_core.answering.other_answers import Response
from router_core.dialects.openai.shapes import chunk_of_whole
from router_core.dialects.responses_over_chat_events import ChatEvents
from router_core.dialects.responses_over_chat_input import messages
from router_core.dialects.responses_over_chat_settings import NAMES, settings, stateless
from router_core.errors import UnsupportedParamsError
from router_core.http.sse import Event
from router_core.providers.base import Call
from router_core.providers.dialect import Decoder, Dialect, Reader, Reply, Wire
from router_core.providers.parameters import Parameters


@dataclass(frozen=True)
class ResponsesOverChat:
    """`chat`: the provider's dialect for chats."""

    chat: Dialect
    parameters: Parameters = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", stateless(self.chat.parameters))

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`. What the chat refuses is named as the caller knows it."""
        try:
            return self.chat.encode(self._chat_call(call), model)
        except UnsupportedParamsError as exc:
            exc.params = tuple(NAMES.get(name, name) for name in exc.params)
            exc.param = exc.params[0] if exc.params else None
            raise

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        answer = self.chat.decode(self._chat_call(call), model, reply)
        assert isinstance(answer, ChatCompletion)
        events = ChatEvents(call.body, model)
        for _ in (*events.add(chunk_of_whole(answer)), *events.finish()):
            pass
        return Response(events.response)

    def whole(self, call: Call, model: str, reply: Reply) -> Iterable[Answer]:
        """See `Dialect.whole`."""
        events = ChatEvents(call.body, model)
        for chunk in self.chat.whole(self._chat_call(call), model, reply):
            yield from events.add(chunk)
        yield from events.finish()

    def framing(self) -> Decoder:
        """See `Dialect.framing`."""
        return self.chat.framing()

    def reader(self, call: Call, model: str) -> Reader:
        """See `Dialect.reader`."""
        return _EventReader(self.chat.reader(self._chat_call(call), model), ChatEvents(call.body, model))

    def _chat_call(self, call: Call) -> Call:
        chat = settings(call.body, self.chat.parameters)
        return replace(call, kind="chat", body={"messages": messages(call.body), **chat})


class _EventReader:
    """Reads the chat's stream, and ends the Response when the chat has ended."""

    def __init__(self, chat: Reader, events: ChatEvents) -> None:
        self._chat, self._events = chat, events
        self.done = False

    def read(self, event: Event) -> Iterator[Answer]:
        """See `Reader.read`. Nothing may be owed when the chat is done: what follows is not read any more."""
        for chunk in self._chat.read(event):
            yield from self._events.add(chunk)
        if self._chat.done:
            yield from self._finish()

    def end(self) -> Iterator[Answer]:
        """See `Reader.end`."""
        if not self.done:
            yield from self._finish()

    def _finish(self) -> Iterator[Answer]:
        for chunk in self._chat.end():
            yield from self._events.add(chunk)
        yield from self._events.finish()
        self.done = True

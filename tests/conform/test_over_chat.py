"""What a recorded chat says, it says as a Response too; a streamed one in events that openai's client understands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from openai import AsyncOpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from router_core.dialects.responses_over_chat import ResponsesOverChat
from router_core.providers import PROVIDERS
from tests.conform import reading
from tests.conform.cases import Case, each, ours
from tests.conform.kit import OurCall
from tests.conform.ours import play
from tests.http.server import answer, replying, serving

_EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_ENDS = {"length": "incomplete", "content_filter": "incomplete"}


def chats() -> Iterator[Case]:
    """Of those that have no Responses API of their own."""
    return (case for case in ours() if case.kind == "chat" and not case.is_error and _is_over_chat(case))


def _is_over_chat(case: Case) -> bool:
    provider = PROVIDERS[str(case.ours().params["model"]).partition("/")[0]]
    return isinstance(provider.dialects["responses"], ResponsesOverChat)


@each(chats())
async def test_a_chat_says_the_same_as_a_response(case: Case) -> None:
    call = case.ours()
    chat = await play(call, case.recording)
    over = OurCall("responses", {"input": "hello", "stream": case.recording.is_stream}, call.params)
    got = await play(over, case.recording)
    assert got.error is None, got.error
    last = got.answers[-1].get("response") or got.answers[-1]
    Response.model_validate(last.model_dump())
    theirs = reading.seen("chat", chat.answers, len(chat.answers) > 1)
    mine = reading.seen("responses", [last])
    ends = _ENDS.get(theirs.finish_reason or "", "completed")
    assert mine.plain() == replace(theirs, finish_reason=ends).plain()
    if case.recording.is_stream:
        assert reading.seen("responses", [(await understood(got.answers)).model_dump()]) == mine


async def understood(events: Sequence[Any]) -> Any:
    """The Response that openai's client puts together from the events."""
    for event in events:
        _EVENTS.validate_python(event.model_dump())
    body = "".join(f"event: {event['type']}\ndata: {event.model_dump_json()}\n\n" for event in events)
    data = answer(body.encode(), "200 OK", "Content-Type: text/event-stream")
    async with (
        serving(replying(data)) as server,
        AsyncOpenAI(base_url=server.url, api_key="k") as client,
        client.responses.stream(model="m", input="hi") as stream,
    ):
        last: Any = None
        async for event in stream:
            last = event
        return last.response

"""A function of the user's own as a provider.

    async def mine(call: Call) -> str:
        return await my_model(call.body["messages"])

    Router([{"model_name": "m", "litellm_params": {"model": "mine/large"}}], adapters={"mine": from_callable(mine)})

It gets the call in OpenAI's terms; `call.body["model"]` is what is written after the prefix. It returns text, a dict in
OpenAI's shape (or the message alone), or an `Answer`. An async generator streams: texts, and dicts that are chunks
in OpenAI's shape, what one adds to the message, or `{"usage": {…}}`. Either kind of function serves both kinds of call.
Usage that it does not tell is None.

What it raises is classified as for any provider: httpx's errors, and those with a `status_code` as openai's client has
them, for what they are; any other is the deployment's fault, so that the next one is tried.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any

import httpx

from router_core.answering.answers import Answer, ChatCompletion, ChatCompletionChunk
from router_core.answering.collect import collector_for
from router_core.dialects import compose
from router_core.dialects.openai import shapes
from router_core.errors import BadRequestError, InternalServerError, MalformedAnswerError, RouterError, Timeout
from router_core.mocks import WHOLE
from router_core.providers.base import Adapter, Call, DeploymentLike, Kind, Sender
from router_core.providers.classify import Origin, rejected, unreachable
from router_core.providers.streams import UNREADABLE

_CHAT: tuple[Kind, ...] = ("chat",)
Function = Callable[[Call], Awaitable[Any] | AsyncIterator[Any]]


def from_callable(function: Function, kinds: Collection[Kind] = _CHAT) -> Callable[[DeploymentLike], Adapter]:
    """What `Router(adapters={"mine": …})` takes. `kinds`: the calls that the function can serve."""

    def factory(deployment: DeploymentLike) -> Adapter:
        return CallableAdapter(deployment, function, kinds)

    return factory


class CallableAdapter:
    """One deployment served by a function."""

    def __init__(self, deployment: DeploymentLike, function: Function, kinds: Collection[Kind]) -> None:
        self.kinds = frozenset(kinds)
        self._function, self._model = function, deployment.model
        self._defaults = deployment.call_parameters()
        secret = deployment.api_key.get_secret_value() if deployment.api_key else ""
        self._origin = Origin(deployment.provider, deployment.model, deployment.id, secrets=(secret,) if secret else ())

    async def answer(self, call: Call, sender: Sender) -> Answer:
        """See `Adapter.answer`."""
        said = await self._said(call, sender)
        if not hasattr(said, "__aiter__"):
            return self._whole(call, said)
        collector = collector_for(call.kind)
        async for chunk in self._streamed(said):
            collector.add(chunk)
        return collector.answer()

    async def chunks(self, call: Call, sender: Sender) -> AsyncIterator[Answer]:
        """See `Adapter.chunks`."""
        if call.kind != "chat":
            raise BadRequestError(f"a function streams chat calls, not {call.kind}", retryable=True)
        said = await self._said(call, sender)
        return self._streamed(said if hasattr(said, "__aiter__") else _once(self._whole(call, said)))

    async def _said(self, call: Call, sender: Sender) -> Any:
        if call.kind not in self.kinds:
            raise BadRequestError(f"{self._origin.provider} has no {call.kind} calls here", retryable=True)
        body = {**self._defaults, **call.body, "model": self._model}
        sender.began()
        try:
            said = self._function(Call(call.kind, body, call.stream, call.timeout))
            return await said if inspect.isawaitable(said) else said
        except Exception as exc:
            raise self._error(exc) from exc

    def _whole(self, call: Call, said: Any) -> Answer:
        if isinstance(said, Answer):
            return said
        try:
            if call.kind == "embedding":
                return shapes.embeddings(dict(said), self._model)
            if call.kind != "chat":
                return WHOLE[call.kind](dict(said))
            if not isinstance(said, str) and "choices" in said:
                return shapes.chat(dict(said), self._model)
            message = {"content": said} if isinstance(said, str) else dict(said)
            reason = "tool_calls" if message.get("tool_calls") else "stop"
            return compose.completion(self._model, [compose.choice(message, reason)], None)
        except UNREADABLE:
            raise self._malformed(said) from None

    async def _streamed(self, pieces: AsyncIterator[Any]) -> AsyncIterator[Answer]:
        """OpenAI-shaped chunks of what a function yields; what it leaves out at the end is added."""
        made, counted, finished = compose.Chunks(self._model), None, False
        try:
            async for piece in pieces:
                if isinstance(piece, Mapping) and set(piece) == {"usage"}:
                    counted = piece["usage"]
                    continue
                chunk = self._chunk(made, piece)
                finished = finished or any(choice.get("finish_reason") for choice in chunk["choices"])
                yield chunk
        except Exception as exc:
            raise self._error(exc) from exc
        finally:
            if hasattr(pieces, "aclose"):
                await pieces.aclose()
        if not finished:
            yield made.finish("stop")
        if counted:
            yield made.usage(counted)

    def _chunk(self, made: compose.Chunks, piece: Any) -> Answer:
        if isinstance(piece, ChatCompletion):
            return shapes.chunk_of_whole(piece)
        if isinstance(piece, ChatCompletionChunk):
            return piece
        if isinstance(piece, str):
            return made.delta(content=piece)
        if not isinstance(piece, Mapping):
            raise self._malformed(piece)
        return shapes.chunk(dict(piece), self._model) if "choices" in piece else made.delta(**piece)

    def _malformed(self, said: Any) -> MalformedAnswerError:
        what = f"the function gave a {type(said).__name__} that is no answer"
        return MalformedAnswerError(what, deployment=self._origin.deployment, reason="malformed")

    def _error(self, exc: Exception) -> RouterError:
        if isinstance(exc, RouterError):
            return exc
        broken = _transport_error(exc) or _transport_error(exc.__cause__)
        if broken is not None:
            return unreachable(self._origin, broken)
        facts: dict[str, Any] = {"deployment": self._origin.deployment, "llm_provider": self._origin.provider}
        if isinstance(exc, TimeoutError):
            return Timeout("the function timed out", reason="upstream_timeout", **facts)
        response = getattr(exc, "response", None)
        status = getattr(exc, "status_code", None) or getattr(response, "status_code", None)
        if isinstance(status, int) and status >= 300:
            body = getattr(exc, "body", None)
            text = json.dumps(body, default=str) if body is not None else str(exc)
            return rejected(self._origin, status, httpx.Headers(getattr(response, "headers", None)), text.encode())
        return InternalServerError(f"the function raised {type(exc).__name__}", reason="server_error", **facts)


def _transport_error(exc: BaseException | None) -> httpx.TransportError | None:
    """httpx's error for one of httpx or of a successor of its, such as openai's client has in newer versions."""
    if not any(kind.__name__ == "TransportError" for kind in type(exc).__mro__):
        return None
    same = getattr(httpx, type(exc).__name__, httpx.TransportError)
    error: httpx.TransportError = same(str(exc))
    return error


async def _once(answer: Answer) -> AsyncIterator[Answer]:
    yield answer

"""What callers call: one method a kind of call, each with and without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar, cast, overload

from router_core.answering.answers import Answer, ChatCompletion, EmbeddingResponse
from router_core.answering.files import with_files
from router_core.answering.other_answers import (
    ModerationResponse,
    RerankResponse,
)
from router_core.providers.base import Kind
from router_core.streaming import Stream, SyncStream

P = ParamSpec("P")
T = TypeVar("T")
Messages = Sequence[Mapping[str, Any]]


class Calls:
    """Base of Router. All methods take the provider's parameters, the router's options, and raise RouterError:

    the upstream's last error, or NoDeploymentAvailable with the reasons and the earliest time. Where `stream=True` is
    possible, the answer is then a `Stream`, there as soon as the first content is.
    """

    async def _request(self, kind: Kind, model: str, arguments: dict[str, Any]) -> Answer | Stream:
        raise NotImplementedError

    def _wait(self, coro: Coroutine[Any, Any, T]) -> T:
        raise NotImplementedError

    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: Literal[False] | None = None, **parameters: Any
    ) -> ChatCompletion: ...
    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: Literal[True], **parameters: Any
    ) -> Stream: ...
    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: bool | None, **parameters: Any
    ) -> ChatCompletion | Stream: ...
    async def acompletion(self, model: str, messages: Messages, **parameters: Any) -> Any:
        """A chat answer, or with `stream=True` a `Stream` of its chunks."""
        return await self._request("chat", model, {"messages": messages, **parameters})

    @overload
    def completion(
        self, model: str, messages: Messages, *, stream: Literal[False] | None = None, **parameters: Any
    ) -> ChatCompletion: ...
    @overload
    def completion(self, model: str, messages: Messages, *, stream: Literal[True], **parameters: Any) -> SyncStream: ...
    @overload
    def completion(
        self, model: str, messages: Messages, *, stream: bool | None, **parameters: Any
    ) -> ChatCompletion | SyncStream: ...
    def completion(self, model: str, messages: Messages, **parameters: Any) -> Any:
        """`acompletion` without an event loop, from any thread; a stream is a plain iterator."""
        return self._wait(self._request("chat", model, {"messages": messages, **parameters}))

    async def schedule_acompletion(self, model: str, messages: Messages, priority: int, **parameters: Any) -> Any:
        """`acompletion` of a priority, 0 best: where calls wait for room, the better ones have it first."""
        return await self.acompletion(model, messages, priority=priority, **parameters)

    async def atext_completion(self, model: str, prompt: Any, **parameters: Any) -> Any:
        """A TextCompletion of a prompt (text, list of texts, or tokens), or a `Stream` of its chunks."""
        return await self._request("completion", model, {"prompt": prompt, **parameters})

    async def aresponses(self, model: str, input: Any, **parameters: Any) -> Any:
        """A Response to `input` (text or items), or a `Stream` of its events; over chat where a provider has none."""
        return await self._request("responses", model, {"input": input, **parameters})

    async def aanthropic_messages(self, model: str, messages: Messages, max_tokens: int, **parameters: Any) -> Any:
        """A Message of Anthropic's API, or a `Stream` of its events; parameters are Anthropic's."""
        return await self._request("messages", model, {"messages": messages, "max_tokens": max_tokens, **parameters})

    async def aembedding(self, model: str, input: Any, **parameters: Any) -> EmbeddingResponse:
        """Embeddings of a text, a list of texts, or tokens."""
        return cast("EmbeddingResponse", await self._request("embedding", model, {"input": input, **parameters}))

    async def aimage_generation(self, prompt: str, model: str, **parameters: Any) -> Any:
        """An ImagesResponse to a description, or a `Stream` of partial images."""
        return await self._request("image_generation", model, {"prompt": prompt, **parameters})

    async def aimage_edit(self, image: Any, prompt: str, model: str, **parameters: Any) -> Any:
        """An ImagesResponse made from images (a file or a list of them; see `files.attached`), or a `Stream`."""
        arguments = await with_files({"image": image, "prompt": prompt, **parameters})
        return await self._request("image_edit", model, arguments)

    async def atranscription(self, file: Any, model: str, **parameters: Any) -> Any:
        """A Transcription of an audio file (see `files.attached`), or a `Stream` of its events."""
        arguments = await with_files({"file": file, **parameters})
        return await self._request("transcription", model, arguments)

    async def aspeech(self, model: str, input: str, voice: Any, **parameters: Any) -> Any:
        """Spoken text: a Speech with `content`, or a `Stream` of pieces with `data`."""
        return await self._request("speech", model, {"input": input, "voice": voice, **parameters})

    async def amoderation(self, model: str, input: Any, **parameters: Any) -> ModerationResponse:
        """Whether content is harmful, and how."""
        return cast("ModerationResponse", await self._request("moderation", model, {"input": input, **parameters}))

    async def arerank(self, model: str, query: str, documents: Sequence[Any], **parameters: Any) -> RerankResponse:
        """Documents by their relevance to a query."""
        arguments = {"query": query, "documents": documents, **parameters}
        return cast("RerankResponse", await self._request("rerank", model, arguments))


def _blocking(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The same method without an event loop, from any thread; a stream is a plain iterator."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        router = args[0]
        assert isinstance(router, Calls)
        return router._wait(method(*args, **kwargs))

    call.__doc__ = f"`{getattr(method, '__name__', 'The call')}` without an event loop, from any thread."
    return call


class BlockingCalls(Calls):
    """The calls for those without an event loop: each is its twin above, waited for."""

    text_completion = _blocking(Calls.atext_completion)
    responses = _blocking(Calls.aresponses)
    anthropic_messages = _blocking(Calls.aanthropic_messages)
    embedding = _blocking(Calls.aembedding)
    image_generation = _blocking(Calls.aimage_generation)
    image_edit = _blocking(Calls.aimage_edit)
    transcription = _blocking(Calls.atranscription)
    speech = _blocking(Calls.aspeech)
    moderation = _blocking(Calls.amoderation)
    rerank = _blocking(Calls.arerank)

"""Several calls at once: one request to many models, many requests to one, or a race."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from router_core.calls import BlockingCalls, Messages
from router_core.errors import BadRequestError, RouterError
from router_core.streaming import Stream


class Batches(BlockingCalls):
    """Base of Router. Each of the calls is a call of its own: limits, retries and fallbacks as always."""

    async def abatch_completion(
        self, models: Sequence[str], messages: Messages | Sequence[Messages], **parameters: Any
    ) -> list[Any]:
        """Each request to each model, at the same time.

        One request (a list of messages): one result per model. Several (a list of such lists): one list of results per
        request. Where a call failed, its error stands in place of the answer.
        """
        requests = [messages] if _is_one(messages) else list(messages)
        calls = [self._attempt(model, request, parameters) for request in requests for model in models]
        found = await asyncio.gather(*calls)
        rows = [found[i : i + len(models)] for i in range(0, len(found), len(models) or 1)]
        return rows[0] if _is_one(messages) and rows else rows

    async def abatch_completion_one_model_multiple_requests(
        self, model: str, messages: Sequence[Messages], **parameters: Any
    ) -> list[Any]:
        """Several requests to one model, at the same time; errors stand in place of answers."""
        return await asyncio.gather(*(self._attempt(model, request, parameters) for request in messages))

    async def abatch_completion_fastest_response(
        self, model: str | Sequence[str], messages: Messages, **parameters: Any
    ) -> Any:
        """The first answer (or stream with content) of several models ("a, b" or a list); the others are cancelled.

        Raises the error of the first model if all fail.
        """
        models = [name.strip() for name in model.split(",")] if isinstance(model, str) else list(model)
        if not all(models):
            raise BadRequestError("model must name the models to race: 'fast, cheap' or a list")
        calls = [asyncio.ensure_future(self.acompletion(name, messages, **parameters)) for name in models]
        winner = None
        try:
            for finished in asyncio.as_completed(calls):
                try:
                    winner = await finished
                except RouterError:
                    continue
                return winner
            return await calls[0]
        finally:
            await _end(calls, winner)

    async def _attempt(self, model: str, messages: Any, parameters: dict[str, Any]) -> Any:
        try:
            return await self.acompletion(model, messages, **parameters)
        except RouterError as error:
            return error


def _is_one(messages: Any) -> bool:
    return not messages or not isinstance(messages[0], Sequence)


async def _end(calls: Sequence[asyncio.Future[Any]], winner: Any) -> None:
    """Cancel the losers, wait until they have settled, and close the streams of those that were as fast."""
    for call in calls:
        call.cancel()
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, Stream) and result is not winner:
            await result.aclose()

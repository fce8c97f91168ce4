"""A Response goes on where it began: its id names the deployment, which alone has what it stored."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from router_core.answering.answers import Answer
from router_core.answering.other_answers import Response, ResponseEvent
from router_core.choosing.pins import unpinned
from router_core.errors import BadRequestError
from router_core.providers.base import KINDS, Call, DeploymentLike, Sender
from router_core.simulator import Upstream
from tests.router.rig import Make, entry


class Storing:
    """A provider that keeps its Responses: another's previous id is unknown to it."""

    kinds = frozenset(KINDS)

    def __init__(self, deployment: DeploymentLike) -> None:
        self._name = deployment.id

    def _response(self, call: Call) -> Response:
        previous = call.body.get("previous_response_id")
        assert previous is None or previous == f"resp_of_{self._name}"
        return Response({"id": f"resp_of_{self._name}", "object": "response", "output": [], "previous": previous})

    async def answer(self, call: Call, sender: Sender) -> Answer:
        sender.began()
        return self._response(call)

    async def chunks(self, call: Call, sender: Sender) -> AsyncIterator[Answer]:
        sender.began()

        async def events() -> AsyncIterator[Answer]:
            yield ResponseEvent({"type": "response.created", "response": dict(self._response(call))})
            yield ResponseEvent({"type": "response.output_text.delta", "delta": "hello"})
            yield ResponseEvent({"type": "response.completed", "response": dict(self._response(call))})

        return events()


async def test_a_response_goes_on_where_it_began(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, id, model="any/x") for id in "abcd"], adapters={"any": Storing})
    for _ in range(4):
        answer = await router.aresponses("m", "hello")
        assert unpinned(answer.id) == (answer.deployment, f"resp_of_{answer.deployment}")
        assert answer._hidden_params["provider_response_id"] == f"resp_of_{answer.deployment}"
        for _ in range(5):
            following = await router.aresponses("m", "and?", previous_response_id=answer.id)
            assert following.deployment == answer.deployment


async def test_so_does_a_streamed_one(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, id, model="any/x") for id in "abcd"], adapters={"any": Storing})
    stream = await router.aresponses("m", "hello", stream=True)
    events = [event async for event in stream]
    ids = {event["response"]["id"] for event in events if "response" in event}
    assert len(ids) == 1
    following = await router.aresponses("m", "and?", previous_response_id=ids.pop())
    assert following.deployment == stream.deployment


async def test_an_id_that_is_not_ours_is_the_providers(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "a", model="any/x")], adapters={"any": Storing})
    answer = await router.aresponses("m", "and?", previous_response_id="resp_of_a")
    assert answer["previous"] == "resp_of_a"


async def test_a_deployment_that_is_gone_is_an_error_that_names_it(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "a", model="any/x")], adapters={"any": Storing})
    answer = await router.aresponses("m", "hello")
    other = routers([entry(first, "b", model="any/x")], adapters={"any": Storing}, pool="another")
    with pytest.raises(BadRequestError, match="no deployment 'a'"):
        await other.aresponses("m", "and?", previous_response_id=answer.id)


@pytest.mark.parametrize("text", ["", "resp_1", "resp_rc", "resp_rc%%%", "resp_rcZm9v", "resp_rc\u00fc"])
def test_what_is_no_id_of_ours_stays_as_it_is(text: str) -> None:
    assert unpinned(text) == (None, text)

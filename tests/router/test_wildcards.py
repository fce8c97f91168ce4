"""Groups whose names hold wildcards: what the caller's model has in their place reaches the provider."""

from __future__ import annotations

import pytest

from router_core.config.targets import captured
from router_core.simulator import Behaviour, Upstream
from tests.router.rig import PROMPT, Make, entry


async def test_what_a_wildcard_captures_is_put_into_the_deployments_model(routers: Make) -> None:
    async with Upstream(Behaviour(models=("gpt-4o-mini", "v2-large"))) as upstream:
        router = routers(
            [
                entry(upstream, "any", "openai/*", model="openai/*"),
                entry(upstream, "two", "team/*/*", model="openai/*-*"),
                entry(upstream, "plain", "other", model="openai/gpt-4o-mini"),
            ],
            fallbacks=[{"other": ["openai/v2-large"]}],
        )
        answer = await router.acompletion("openai/gpt-4o-mini", PROMPT)
        assert (answer.deployment, answer.model_used) == ("any", "gpt-4o-mini")
        stream = await router.acompletion("team/v2/large", PROMPT, stream=True)
        assert [chunk.model for chunk in [chunk async for chunk in stream]][-1] == "v2-large"
        assert stream.model_used == "v2-large"
        upstream.fail(500, times=3)
        assert (await router.acompletion("other", PROMPT, num_retries=2)).model_used == "v2-large"


async def test_a_fallback_from_a_wildcard_keeps_nothing_of_it(routers: Make, first: Upstream) -> None:
    router = routers(
        [entry(first, "any", "x/*", model="openai/*"), entry(first, "two", "y/*", model="openai/pre-*")],
        fallbacks=[{"x/*": ["y/b"]}],
        num_retries=0,
    )
    first.fail(500, times=1)
    assert (await router.acompletion("x/a", PROMPT)).model_used == "pre-b"


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("openai/*", "openai/gpt-4o", ("gpt-4o",)),
        ("*/*", "a/b/c", ("a/b", "c")),
        ("a.b*", "a-b", None),
        ("plain", "plain", ()),
    ],
)
def test_a_pattern_captures_these_parts(pattern: str, name: str, found: tuple[str, ...] | None) -> None:
    assert captured(pattern, name) == found

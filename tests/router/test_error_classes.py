"""What each class of error does to a call and to the deployment that answered it, over real sockets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from router_core import errors
from router_core.simulator import Behaviour, Errors, Upstream
from tests.router.rig import PROMPT, Make, entry, state_of

TOO_LARGE = "Request too large for sim on tokens per min (TPM): Limit 30000, Requested 30601."
LONG = [{"role": "user", "content": "x" * 2000}]


def refuse(upstream: Upstream, status: int, code: str | None, message: str) -> None:
    upstream.behaviour = replace(upstream.behaviour, faults=(Errors(status, code, message),))


@pytest.mark.parametrize(
    ("status", "code", "message", "least", "most"),
    [
        (400, None, "Incorrect API key provided: sk-x. You can obtain one from the console.", 55, 61),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", 55, 61),
        (403, None, "Your newly created team doesn't have any credits or licenses yet.", 55, 61),
        (429, "insufficient_quota", "You exceeded your current quota.", 55, 61),
        (404, "DeploymentNotFound", "The API deployment for this resource does not exist.", 55, 61),
        (400, "model_not_found", "The requested model 'sim' does not exist.", 55, 61),
        (429, "rate_limit_exceeded", "Rate limit reached. Please try again in 3s.", 2, 5.1),
        (429, None, "Requests have exceeded token rate limit. Please retry after 60 seconds.", 55, 61),
        (429, "rate_limit_exceeded", TOO_LARGE, 0, 0),
        (404, None, "No such File object: file-123", 0, 0),
        (400, "tool_use_failed", "Tool choice is required, but model did not call a tool", 0, 0),
        (500, None, "The server had an error.", 0, 0),
        (529, "overloaded_error", "Overloaded", 0, 0),
    ],
)
async def test_a_fault_of_one_deployment_is_not_the_callers(
    routers: Make, first: Upstream, second: Upstream, status: int, code: str, message: str, least: float, most: float
) -> None:
    """Another serves; the faulty one is left alone for as long as makes sense, or not at all."""
    router = routers([entry(first, "bad"), entry(second, "good", order=1)])
    refuse(first, status, code, message)
    assert (await router.acompletion("m", PROMPT)).deployment == "good"
    assert first.log.arrived == 1
    assert least <= (await state_of(router, "bad")).cooling <= most


@pytest.mark.parametrize(
    ("status", "code", "message", "error"),
    [
        (
            400,
            "context_length_exceeded",
            "This model's maximum context length is 8192 tokens.",
            "ContextWindowExceeded",
        ),
        (400, "content_filter", "The response was filtered.", "ContentPolicyViolation"),
        (400, None, "Output blocked by content filtering policy", "ContentPolicyViolation"),
        (400, "unsupported_value", "'messages[0].role' does not support 'system' with this model.", "BadRequest"),
        (400, None, "messages: at least one message is required", "BadRequest"),
        (422, None, "temperature: must be at most 2", "UnprocessableEntity"),
    ],
)
async def test_a_callers_fault_is_his_to_hear_and_cools_nobody(
    routers: Make, first: Upstream, second: Upstream, status: int, code: str, message: str, error: str
) -> None:
    """One attempt: the other deployment has the same model, and would say the same."""
    router = routers([entry(first, "a"), entry(second, "b", order=1)])
    refuse(first, status, code, message)
    with pytest.raises(getattr(errors, error + "Error")) as caught:
        await router.acompletion("m", PROMPT)
    assert (len(caught.value.attempts), caught.value.deployment, caught.value.message) == (1, "a", message)
    state = await state_of(router, "a")
    assert (state.health, state.failed) == ("closed", 0)


async def test_what_one_model_does_not_support_another_may(routers: Make, first: Upstream, second: Upstream) -> None:
    """Its likes are not asked: they come last, and only where no other model is left."""
    refuse(first, 400, "unsupported_value", "'reasoning_effort' does not support 'high' with this model.")
    router = routers([entry(first, "a"), entry(first, "like-a"), entry(second, "b", model="openai/other", order=1)])
    assert (await router.acompletion("m", PROMPT)).deployment == "b"
    assert first.log.arrived == 1


async def test_too_large_for_all_goes_to_the_fallback_for_long_prompts(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    """Each deployment is asked once: what never fits is not tried again."""
    refuse(first, 429, "rate_limit_exceeded", TOO_LARGE)
    router = routers(
        [entry(first, "a1", "a"), entry(first, "a2", "a"), entry(second, "large", "b")],
        context_window_fallbacks=[{"a": ["b"]}],
    )
    assert (await router.acompletion("a", PROMPT)).deployment == "large"
    assert first.log.arrived == 2


async def test_a_window_is_learned_from_an_error_and_kept_to(routers: Make, first: Upstream, second: Upstream) -> None:
    """The call that taught it is served by a larger deployment of the group; the next long one is not sent there."""
    first.behaviour = Behaviour(context_tokens=300)
    router = routers([entry(first, "small"), entry(second, "large", order=1, max_input_tokens=100_000)])
    assert (await router.acompletion("m", LONG)).deployment == "large"
    assert (await router.acompletion("m", LONG)).deployment == "large"
    assert first.log.arrived == 1
    assert (await router.acompletion("m", PROMPT)).deployment == "small"
    assert (await state_of(router, "small")).health == "closed"


async def test_what_fits_nowhere_is_said_with_its_size(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "small", tpm=100)])
    size = r"or ever: about \d+ tokens of input and [\d,]+ of output fit no limit"
    with pytest.raises(errors.NoDeploymentAvailable, match=size) as caught:
        await router.acompletion("m", LONG)
    assert (caught.value.kind, caught.value.earliest) == ("context_window", None)
    assert first.log.arrived == 0


async def test_a_window_nobody_in_the_group_has_is_refused_without_a_call(routers: Make, first: Upstream) -> None:
    """The first error is the upstream's, the second is ours; both are what context_window_fallbacks react to."""
    first.behaviour = Behaviour(context_tokens=300)
    router = routers([entry(first, "a"), entry(first, "b")], num_retries=0)
    for _ in range(2):
        with pytest.raises(errors.ContextWindowExceededError) as caught:
            await router.acompletion("m", LONG)
        assert caught.value.kind == "context_window"
    with pytest.raises(errors.ContextWindowExceededError):
        await router.acompletion("m", LONG)
    assert first.log.arrived == 2, "one for each deployment"


async def test_a_wildcards_models_have_windows_of_their_own(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(context_tokens=300)
    router = routers([entry(first, "any", "sim/*", model="openai/*")])
    with pytest.raises(errors.ContextWindowExceededError):
        await router.acompletion("sim/small", LONG)
    first.behaviour = Behaviour()
    assert (await router.acompletion("sim/large", LONG)).deployment == "any"


async def test_a_429_without_an_end_of_quota_waits_no_longer_than_the_caller_lets_it(
    routers: Make, first: Upstream
) -> None:
    """A provider that asks for a day: the error carries it, and the call fails at once."""
    refuse(first, 429, None, "Please retry after 86400 seconds.")
    router = routers([entry(first, "one")], num_retries=3)
    with pytest.raises(errors.RateLimitError) as caught:
        await router.acompletion("m", PROMPT)
    assert (caught.value.retry_after, first.log.arrived) == (86_400, 1)


async def test_costs_of_a_model_in_the_price_list(routers: Make, first: Upstream) -> None:
    """Unknown where no list has the model, never 0; a stream's cost is there at its end."""
    pytest.importorskip("genai_prices")
    router = routers([entry(first, "known", "k", model="openai/gpt-4o"), entry(first, "unknown", "u")])
    answer = await router.acompletion("k", PROMPT)
    used: Any = answer.usage
    dollars = answer._hidden_params["response_cost"]
    assert dollars == pytest.approx((2.5 * used.prompt_tokens + 10 * used.completion_tokens) / 1e6)
    assert (await router.acompletion("u", PROMPT))._hidden_params["response_cost"] is None
    stream = await router.acompletion("k", PROMPT, stream=True)
    async for _ in stream:
        pass
    assert stream._hidden_params["response_cost"] > 0
    state = await state_of(router, "known")
    spent = round(1e9 * (dollars + stream._hidden_params["response_cost"]))
    assert state.spend_nano == pytest.approx(spent, abs=2)
    assert (state.input_price, state.output_price) == (2_500_000_000, 10_000_000_000)

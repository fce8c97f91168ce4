"""The error tree: openai's bases in any order of imports, nothing secret, everything picklable."""

from __future__ import annotations

import pickle
import subprocess
import sys

import httpx
import openai
import pytest

from router_core import errors
from router_core.errors import AttemptRecord, NoDeploymentAvailable, RateLimitError, RouterError, StreamInterrupted
from router_core.redact import redact
from router_core.state.records import Refusal

PAIRS = {
    "AuthenticationError": "AuthenticationError",
    "PermissionDeniedError": "PermissionDeniedError",
    "NotFoundError": "NotFoundError",
    "BadRequestError": "BadRequestError",
    "ContextWindowExceededError": "BadRequestError",
    "ContentPolicyViolationError": "BadRequestError",
    "UnprocessableEntityError": "UnprocessableEntityError",
    "UnsupportedParamsError": "BadRequestError",
    "RateLimitError": "RateLimitError",
    "BudgetExceededError": "RateLimitError",
    "NoDeploymentAvailable": "RateLimitError",
    "Timeout": "APITimeoutError",
    "APIConnectionError": "APIConnectionError",
    "InternalServerError": "InternalServerError",
    "BadGatewayError": "InternalServerError",
    "ServiceUnavailableError": "InternalServerError",
    "StateUnavailable": "InternalServerError",
    "NotAllowed": "InternalServerError",
    "RetryBudgetExhausted": "InternalServerError",
    "Throttled": "InternalServerError",
    "APIError": "APIError",
    "MalformedAnswerError": "APIError",
    "StreamInterrupted": "APIError",
    "ConfigurationError": "OpenAIError",
}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS.items())
def test_each_is_caught_as_openais(ours: str, theirs: str) -> None:
    with pytest.raises(getattr(openai, theirs)) as caught:
        raise getattr(errors, ours)("what happened")
    assert isinstance(caught.value, RouterError)
    assert str(caught.value).startswith("what happened")


def test_the_table_above_is_the_whole_tree() -> None:
    assert set(PAIRS) | {"RouterError", "AttemptRecord"} == set(errors.__all__)


LATER = """
import router_core.errors as ours, sys
assert "openai" not in sys.modules
made_before = ours.RateLimitError("x")
import importlib.util
assert importlib.util.find_spec("openai")
import openai
assert isinstance(made_before, openai.RateLimitError)
assert issubclass(ours.NoDeploymentAvailable, openai.RateLimitError)
assert not [f for f in sys.meta_path if type(f).__module__.startswith("router_core")]
"""
FIRST = """
import openai
import router_core.errors as ours, sys
assert issubclass(ours.Timeout, openai.APITimeoutError)
assert not [f for f in sys.meta_path if type(f).__module__.startswith("router_core")]
"""


@pytest.mark.slow
@pytest.mark.parametrize("order", [LATER, FIRST], ids=["openai later", "openai first"])
def test_the_order_of_imports_does_not_matter(order: str) -> None:
    subprocess.run([sys.executable, "-c", order], check=True, timeout=30)


def test_the_text_says_what_happened_what_was_tried_and_what_to_do() -> None:
    tried = (AttemptRecord("a", "rate_limit", 429, 120.4, "rate_limit"), AttemptRecord("b", "timeout", None, 3000))
    error = RateLimitError(
        "slow down", llm_provider="openai", model="m", deployment="b", attempts=tried, retry_after=2.5
    )
    assert str(error) == (
        "slow down; deployment b (openai m); status 429; "
        "tried a: rate_limit 429 after 120 ms, b: timeout after 3000 ms; try again in 2.5 s"
    )


def test_nothing_available_says_why_and_from_when() -> None:
    error = NoDeploymentAvailable("no room", refusals=[Refusal("a", "cooling", 5.0)], earliest=1.5)
    assert (error.status_code, error.retry_after, error.earliest, error.retryable) == (429, 1.5, 1.5, False)
    assert "refused by a: cooling" in str(error)


@pytest.mark.parametrize("name", PAIRS)
def test_every_error_survives_pickling(name: str) -> None:
    error = getattr(errors, name)("m", deployment="d", attempts=[AttemptRecord("a", "server", 500)], retry_after=1.0)
    error.response = httpx.Response(500, request=httpx.Request("POST", "http://x/"))
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert (str(twin), twin.attempts, twin.retry_after) == (str(error), error.attempts, 1.0)


def test_what_was_received_is_carried_but_never_shown() -> None:
    error = StreamInterrupted("cut", received="half an answer")
    assert error.received == "half an answer"
    assert "half" not in str(error) + repr(error)


@pytest.mark.parametrize(
    "text",
    [
        "key sk-proj-abcdefgh12345678 is wrong",
        "Bearer abcdef0123456789",
        "https://x/?key=AbCdEf123456",
        "AIzaSyA1234567890abcdef",
        "gsk_abcdefgh12345678",
        "AKIAIOSFODNN7EXAMPLE",
        "x-amz-security-token:abcdef0123",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig",
    ],
)
def test_what_looks_like_a_key_is_removed(text: str) -> None:
    cleaned = redact(text)
    assert "[redacted]" in cleaned
    assert not any(secret in cleaned for secret in ("abcdef", "AbCdEf", "A12345", "IOSF", "eyJzdWIi"))


@pytest.mark.parametrize("text", ["model gpt-4o", "token sk-1", "Requested 30601 tokens", "use a Bearer token"])
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text, "x") == text

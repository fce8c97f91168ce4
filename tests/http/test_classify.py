"""Every known error body gets its class, and every format of a wait is read."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from router_core import errors
from router_core.providers.classify import Origin, failed_inside, rejected, unreachable
from router_core.providers.waits import retry_after, seconds

ORIGIN = Origin("openai", "gpt-4o", "a", url="https://api.openai.com/v1", secrets=("very-own-key",))
CASSETTES = Path(__file__).parents[3] / "shared" / "data" / "cassettes"
CLASSES = {
    "rate_limit_request_too_large": ("ContextWindowExceededError", "context_window", True),
    "rate_limit_tpm": ("RateLimitError", "rate_limit", True),
    "rate_limit": ("RateLimitError", "rate_limit", True),
    "capacity": ("RateLimitError", "rate_limit", True),
    "insufficient_quota": ("", "auth", True),
    "context_length": ("ContextWindowExceededError", "context_window", False),
    "content_policy": ("ContentPolicyViolationError", "content_policy", False),
    "server_error": ("InternalServerError", "server", True),
    "overloaded": ("ServiceUnavailableError", "server", True),
    "overloaded_in_stream": ("ServiceUnavailableError", "server", True),
    "bad_model": ("NotFoundError", "not_found", True),
}


def classified(status: int, body: Any, headers: dict[str, str] | None = None) -> errors.RouterError:
    if status < 300:
        return failed_inside(ORIGIN, body, httpx.Headers(headers))
    content = body if isinstance(body, str) else json.dumps(body)
    return rejected(ORIGIN, status, httpx.Headers(headers), content.encode())


def test_real_error_bodies_from_public_issues() -> None:
    path = CASSETTES / "error_bodies_from_issues.jsonl"
    if not path.exists():
        pytest.skip(f"the recordings are not here: {path}")
    for row in map(json.loads, path.read_text().splitlines()):
        headers = {name: str(value) for name, value in (row["headers"] or {}).items()}
        error = classified(row["status"], row["body"], headers)
        name, kind, retryable = CLASSES[row["kind"]]
        assert type(error).__name__ == name or not name, row
        assert (error.kind, error.retryable) == (kind, retryable), row


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the loader leaves its files open
def test_recorded_errors_of_every_provider_are_never_blamed_on_the_wrong_side() -> None:
    if not CASSETTES.exists():
        pytest.skip(f"the recordings are not here: {CASSETTES}")
    pytest.importorskip("yaml")
    loader = ModuleType("cassette_loader")  # not imported: that would write a cache beside it
    exec(compile((CASSETTES / "cassette_loader.py").read_text(), "cassette_loader", "exec"), vars(loader))
    for file in sorted(CASSETTES.glob("*/*error*.y*ml")):
        for interaction in loader.load(file):
            status, raw = loader.status(interaction["response"]), loader.raw(interaction["response"])
            if status < 400:
                continue
            headers = {name: str(value) for name, value in loader.hdrs(interaction["response"]).items()}
            error = rejected(ORIGIN, status, httpx.Headers(headers), raw)
            text = raw.lower()
            if b"api key" in text or b"unauthorized" in text:
                assert error.kind == "auth", raw
            if b"context length" in text or b"too long" in text or b"input token count" in text:
                assert error.kind == "context_window", raw


@pytest.mark.parametrize(
    ("status", "name", "kind", "retryable"),
    [
        (307, "BadGatewayError", "server", True),
        (400, "BadRequestError", "caller", False),
        (401, "AuthenticationError", "auth", True),
        (402, "AuthenticationError", "auth", True),
        (403, "PermissionDeniedError", "auth", True),
        (404, "NotFoundError", "not_found", True),
        (408, "Timeout", "timeout", True),
        (409, "APIError", "server", True),
        (418, "BadRequestError", "caller", False),
        (422, "UnprocessableEntityError", "caller", False),
        (429, "RateLimitError", "rate_limit", True),
        (500, "InternalServerError", "server", True),
        (502, "BadGatewayError", "server", True),
        (503, "ServiceUnavailableError", "server", True),
        (504, "Timeout", "timeout", True),
        (522, "BadGatewayError", "server", True),
        (529, "ServiceUnavailableError", "server", True),
    ],
)
def test_a_status_alone_is_enough(status: int, name: str, kind: str, retryable: bool) -> None:
    for body in ("", "<html>oops</html>", "[]", "null", '{"error": null}', '{"error": "x"}', '{"detail": [1]}'):
        error = classified(status, body)
        assert (type(error).__name__, error.status_code, error.kind, error.retryable) == (name, status, kind, retryable)


def test_an_error_knows_its_origin_and_shows_no_key_and_no_request() -> None:
    body = {
        "error": {
            "message": "Incorrect API key provided: very-own-key or sk-abcdefgh12345678",
            "code": "invalid_api_key",
        }
    }
    error = classified(401, body, {"set-cookie": "a=b", "x-request-id": "req_1"})
    assert (error.llm_provider, error.model, error.deployment, error.request_id) == ("openai", "gpt-4o", "a", "req_1")
    assert error.code == "invalid_api_key"
    assert error.response is not None
    assert "set-cookie" not in error.response.headers
    shown = str(error) + error.response.text + repr(error.__dict__) + str(error.response.request.headers)
    assert "very-own-key" not in shown
    assert "abcdefgh" not in shown


def test_an_error_inside_a_stream_takes_the_status_it_names() -> None:
    assert type(classified(200, {"error": {"code": 429, "message": "slow"}})) is errors.RateLimitError
    assert type(classified(200, {"error": {"message": "boom"}})) is errors.InternalServerError
    assert classified(200, {"error": {"message": "boom"}}).status_code == 500


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        # The deployment's fault, whatever status says so.
        (400, "invalid_request_error", "You have reached your specified API usage limits.", "no_credit"),
        (402, None, "Insufficient Balance", "no_credit"),
        (403, None, "Your newly created team doesn't have any credits or licenses yet.", "no_credit"),
        (429, None, "Your team has either used all available credits or reached its spending limit.", "no_credit"),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: requests, limit: 0, model: gemini-pro", "no_credit"),
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: requests, limit: 10, model: gemini-pro", "rate_limit"),
        (403, "BILLING_DISABLED", "This API method requires billing to be enabled.", "no_credit"),
        (400, "wrong_api_key", "Wrong API Key", "bad_key"),
        (401, None, "invalid api token", "bad_key"),
        (403, "ExpiredTokenException", "The security token included in the request is expired", "bad_key"),
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "forbidden"),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", "forbidden"),
        (403, "model_not_found", "Project `p` does not have access to model `m`", "no_model"),
        (400, None, "foo/bar is not a valid model ID", "no_model"),
        (404, None, "No endpoints found for foo/bar.", "no_model"),
        (422, None, "model 'x' not found, make sure the correct model ID was used", "no_model"),
        (405, None, "Method Not Allowed", "no_model"),
        # Too long: for the model, or for a limit of this deployment.
        (400, None, "This model's maximum prompt length is 131072 but the request contains 537812 tokens.", "too_long"),
        (400, None, "The model's context length is only 4096 tokens", "too_long"),
        (422, None, "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000", "too_long"),
        (400, "exceed_context_size_error", "try increasing it", "too_long"),
        (400, None, "the input token count is 1300000 but model only supports up to 1048576.", "too_long"),
        (400, None, "Request payload size exceeds the limit: 20971520 bytes.", "too_large_here"),
        (413, "rate_limit_exceeded", "Request too large for model on tokens per minute: Limit 6000", "too_large_here"),
        (429, None, "Extra usage is required for long context requests", "too_large_here"),
        (429, "throttlingexception", "Too many tokens, please wait before trying again.", "rate_limit"),
        (429, "token_quota_exceeded", "Tokens per minute limit exceeded - too many tokens processed.", "rate_limit"),
        # Content, in anybody's words.
        (400, "invalid_request_error", "Output blocked by content filtering policy", "content_policy"),
        (200, "invalid_request_error", "Output blocked by content filtering policy", "content_policy"),
        (500, "api_error", "Output blocked by content filtering policy", "content_policy"),
        (400, "invalid_request_error", "Content Exists Risk", "content_policy"),
        (403, None, "Content violates usage guidelines.", "content_policy"),
        (200, "invalid_prompt", "Invalid prompt", "content_policy"),
        # The caller's, but another deployment may know or take it.
        (404, None, "No such File object: file-1", "no_item"),
        (400, "previous_response_not_found", "Previous response with id 'resp_1' not found.", "no_item"),
        (404, None, "Item with id 'rs_1' not found.", "no_item"),
        (400, None, "64000 > 8192, which is the maximum allowed number of output tokens for x", "unsupported_here"),
        (400, None, "thinking_budget is out of range; supported values are integers from 128", "unsupported_here"),
        (400, "ValidationException", "This model doesn't support tool use.", "unsupported_here"),
        (400, "unsupported_parameter", "Unsupported parameter: 'max_tokens'", "unsupported_here"),
        (400, "json_validate_failed", "Failed to generate JSON.", "misgenerated"),
        # Overload, and what fails behind the provider.
        (498, "capacity_exceeded", "Flex tier capacity exceeded", "overloaded"),
        (429, "queue_exceeded", "We're experiencing high traffic right now!", "overloaded"),
        (424, "ModelErrorException", "The model failed to produce output", "server_error"),
        (200, "modelTimeoutException", "timed out", "upstream_timeout"),
        (200, "throttlingException", "slow down", "rate_limit"),
        (200, "validationException", "The format of the value is invalid", "bad_request"),
    ],
)  # fmt: skip
def test_what_providers_say_in_their_own_words(status: int, code: str | None, message: str, reason: str) -> None:
    assert classified(status, {"error": {"message": message, "code": code}}).reason == reason


def test_an_error_in_a_200_asks_for_a_wait_in_its_text_only() -> None:
    """Anthropic sends retry-after with answers too."""
    inside = {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "Please try again in 644ms."}}
    assert classified(200, inside, {"retry-after": "30"}).retry_after == 0.644
    assert classified(200, {"error": {"code": 429, "message": "slow"}}, {"retry-after": "30"}).retry_after is None


def test_what_no_wait_mends_has_none() -> None:
    spent = {"error": {"code": "insufficient_quota", "message": "Please retry in 20s."}}
    assert classified(429, spent, {"retry-after": "5"}).retry_after is None
    large = {"error": {"message": "Request too large. Limit 5, Requested 6. Please try again in 1s."}}
    assert classified(429, large, {"retry-after": "5"}).retry_after is None


def test_headers_that_openrouter_hands_on() -> None:
    headers = {"X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1741305600000"}
    error = {"code": 429, "message": "Rate limit exceeded", "metadata": {"headers": headers}}
    found = classified(429, {"error": error}, {"date": "Thu, 06 Mar 2025 23:59:00 GMT"})
    assert found.retry_after == 60


def test_a_code_that_is_but_the_status_gives_way_to_a_word() -> None:
    assert classified(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT"}}).code == "INVALID_ARGUMENT"
    assert classified(200, {"error": {"code": 429, "type": "throttlingException"}}).code == "throttlingException"
    assert classified(429, {"error": {"code": 429}}).code == "429"


@pytest.mark.parametrize("name", ["x-request-id", "request-id", "x-amzn-requestid"])
def test_the_id_of_a_call_in_any_providers_header(name: str) -> None:
    assert classified(500, {}, {name: "req_1"}).request_id == "req_1"


@pytest.mark.parametrize(
    ("exc", "name", "kind"),
    [
        (httpx.ConnectTimeout("x"), "Timeout", "connect"),
        (httpx.ReadTimeout("x"), "Timeout", "timeout"),
        (httpx.WriteTimeout("x"), "Timeout", "timeout"),
        (httpx.ConnectError("x very-own-key"), "APIConnectionError", "connect"),
        (httpx.RemoteProtocolError("x"), "APIConnectionError", "connect"),
    ],
)
def test_no_answer_at_all(exc: httpx.TransportError, name: str, kind: str) -> None:
    error = unreachable(ORIGIN, exc)
    assert (type(error).__name__, error.kind, error.retryable, error.deployment) == (name, kind, True, "a")
    assert "very-own-key" not in str(error)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("12", 12),
        ("0", 0),
        ("0.5", 0.5),
        ("2ms", 0.002),
        ("1m53.425s", 113.425),
        ("20m52.6s", 1252.6),
        ("10.59s", 10.59),
        ("1h", 3600),
        ("1970-01-12T13:46:50Z", 10),
        ("Mon, 12 Jan 1970 13:46:50 GMT", 10),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_formats_of_a_wait(text: str, wait: float | None) -> None:
    found = seconds(text, now=1_000_000.0)
    assert found == pytest.approx(wait) if wait is not None else found is None


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (429, {"retry-after": "7"}, "", 7),
        (429, {"retry-after-ms": "250", "retry-after": "7"}, "", 0.25),
        (429, {"retry-after-ms": "0", "retry-after": "1"}, "", 1),
        (429, {"retry-after-ms": "0"}, "", 0),
        (429, {}, "Please try again in 2 minutes.", 120),
        (429, {}, "Wait 1 hour", 3600),
        (429, {"retry-after": "-1"}, "Please try again in 644ms.", 0.644),
        (429, {}, "Please retry after 60 seconds.", 60),
        (429, {}, "Please try again in 1m0.363s.", 60.363),
        (429, {"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "5"}, "", None),
        (429, {"x-ratelimit-reset-tokens": "6s", "x-ratelimit-remaining-tokens": "0"}, "", 6),
        (429, {"retry-after": "Sun, 06 Nov 1994 08:50:37 GMT", "date": "Sun, 06 Nov 1994 08:49:37 GMT"}, "", 60),
        (503, {"retry-after": "9999999"}, "", 86_400),
        (200, {"retry-after": "7"}, "", None),
        (400, {"retry-after": "7"}, "try again in 5s", None),
        (429, {}, "", None),
    ],
)
def test_where_a_wait_is_read(status: int, headers: dict[str, str], message: str, wait: float | None) -> None:
    assert retry_after(status, httpx.Headers(headers), {}, message) == wait


def test_googles_retry_info_is_a_retry_after() -> None:
    error = {
        "message": "quota",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "RetryInfo", "retryDelay": "34.5s"}],
    }
    assert classified(429, {"error": error}).retry_after == 34.5

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


def test_googles_retry_info() -> None:
    error = {
        "message": "quota",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "RetryInfo", "retryDelay": "34.5s"}],
    }
    assert classified(429, {"error": error}).retry_after == 34.5

"""Every recorded error, and every error body of public issue threads, gets the class it must have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from router_core.errors import RouterError
from router_core.providers.classify import Origin, failed_inside, rejected
from tests.conform.cases import Case, cases, each
from tests.conform.errors import EXPECTED
from tests.conform.ours import headers_of, play
from tests.conform.recordings import ERROR_BODIES, MISSING
from tests.http.test_classify import CLASSES


def rows() -> Iterator[Any]:
    if not ERROR_BODIES.exists():
        yield pytest.param(None, marks=pytest.mark.skip(reason=MISSING), id="no recordings")
        return
    for number, line in enumerate(ERROR_BODIES.read_text().splitlines()):
        row = json.loads(line)
        yield pytest.param(row, id=f"{row['provider']}/{row['kind']}#{number}")


@each(case for case in cases() if case.is_error)
async def test_a_recorded_error_has_its_class(case: Case) -> None:
    if case.reason is None:
        error = (await play(case.ours(), case.recording)).error
    else:  # not a call of ours, yet an error of this provider's
        error = _rejected(case)
    assert error is not None
    assert type(error).__name__ == (case.expected_error() or stated(case))
    assert error.status_code in (case.recording.status, type(error).status_code)


@pytest.mark.parametrize("row", rows())
def test_an_error_body_of_an_issue_thread_has_its_class(row: Any) -> None:
    origin = Origin(row["provider"], "m", "d")
    headers = httpx.Headers({name: str(value) for name, value in (row["headers"] or {}).items()})
    text = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"])
    if row["status"] < 300:
        error = failed_inside(origin, row["body"], headers)
    else:
        error = rejected(origin, row["status"], headers, text.encode())
    name, kind, retryable = CLASSES[row["kind"]]
    assert (error.kind, error.retryable) == (kind, retryable)
    assert not name or type(error).__name__ == name


def stated(case: Case) -> str:
    """The class that is written down for a recording, else what a status and the plainest words mean."""
    if case.recording.id in EXPECTED:
        return EXPECTED[case.recording.id].error
    text = case.recording.response_body.decode().lower()
    if "api key" in text and case.recording.status in (400, 401):
        return "AuthenticationError"
    if any(words in text for words in ("maximum context", "max context", "too long", "input token count")):
        return "ContextWindowExceededError"
    if "model identifier is invalid" in text or ("model" in text and "does not exist" in text):
        return "NotFoundError"
    return _USUAL[case.recording.status]


_USUAL = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
}


def _rejected(case: Case) -> RouterError:
    recording = case.recording
    origin = Origin(recording.provider, "m", "d", url=recording.url)
    return rejected(origin, recording.status, httpx.Headers(headers_of(recording)), recording.response_body)

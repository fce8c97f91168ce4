"""Each recorded error becomes what is written down for it, with its wait and the window it names; none is left out."""

from __future__ import annotations

import httpx
import pytest

from router_core.errors import ContextWindowExceededError, RouterError
from router_core.providers.classify import Origin, rejected
from tests.conform.errors import EXPECTED
from tests.conform.ours import headers_of
from tests.conform.recordings import MISSING, Recording, recordings

REFUSED = [recording for recording in recordings() if recording.status >= 300]


def error_of(recording: Recording) -> RouterError:
    origin = Origin(recording.provider, "m", "the-deployment", url=recording.url)
    return rejected(origin, recording.status, httpx.Headers(headers_of(recording)), recording.response_body)


def test_every_recorded_error_is_written_down() -> None:
    if not recordings():
        pytest.skip(MISSING)
    assert {recording.id for recording in REFUSED} == EXPECTED.keys()


@pytest.mark.parametrize("recording", REFUSED, ids=lambda recording: recording.id)
def test_it_becomes_what_is_written_down(recording: Recording) -> None:
    error, expected = error_of(recording), EXPECTED[recording.id]
    window = error.window if isinstance(error, ContextWindowExceededError) else None
    found = (type(error).__name__, error.reason, error.retryable, window, error.retry_after)
    assert found == (expected.error, expected.reason, expected.retryable, expected.window, expected.wait)
    assert error.deployment == "the-deployment"
    assert error.message.partition(": ")[0] in recording.response_body.decode(), "the provider's own words"

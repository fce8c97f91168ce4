"""Rate headers of all providers are read, and what is wrong in them is not believed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.providers.quotas import DAY, HOUR, MINUTE, MONTH, Quota, observed
from tests.conform.recordings import CASSETTES, MISSING, recordings

NOW = 1_790_000_000.0


def read(**headers: str) -> tuple[Quota, ...]:
    """`x_ratelimit_limit_requests="5"` is a header's name with `-`."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return observed(raw, NOW)


def x(limit: str, remaining: str, reset: str | None = None, of: str = "-requests", **more: str) -> tuple[Quota, ...]:
    """One limit in OpenAI's form."""
    headers = {f"x-ratelimit-limit{of}": limit, f"x-ratelimit-remaining{of}": remaining, **more}
    if reset is not None:
        headers[f"x-ratelimit-reset{of}"] = reset
    return read(**headers)


def test_openais_headers_are_read() -> None:
    found = x("3000", "2999", "20ms") + x("250000", "249991", "2ms", "-tokens")
    assert found == (Quota("requests", MINUTE, 3000, 2999, 0.02), Quota("tokens", MINUTE, 250_000, 249_991, 0.002))


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "window"),
    [
        ("10000", "9999", "6ms", MINUTE),
        ("10000", "9999", "8.64s", DAY),
        ("10000", "9987", "1m51.595s", DAY),
        ("14400", "14370", "2m59.56s", DAY),  # Groq
        ("14400", "14399", "3.2s", DAY),  # half of the one is back
        ("200", "0", "24h0m0s", None),
        ("200", "100", "12h0m0s", DAY),
        ("100", "50", "30m0s", HOUR),
        ("100000", "99998", "0s", MINUTE),
        ("60", "55", "42s", MINUTE),  # no bucket: what is left of a fixed window
        ("60", "55", "42", MINUTE),
        ("60", "55", "1800", None),  # longer than a minute: an hour, a day?
        ("60", "55", str(int(NOW) + 30), MINUTE),
        ("60", "55", str(int(NOW * 1000) + 7_200_000), None),  # OpenRouter's free models, a day
        ("100", "99", None, MINUTE),
    ],
)
def test_a_window_without_a_name_is_told_by_its_reset(
    limit: str, remaining: str, reset: str | None, window: int | None
) -> None:
    assert [quota.window for quota in x(limit, remaining, reset)] == ([] if window is None else [window])


def test_azure_says_the_window_and_writes_milliseconds() -> None:
    period = {"x-ratelimit-renewalperiod-requests": "60"}
    assert x("120", "119", "500", **period) == (Quota("requests", MINUTE, 120, 119, 0.5),)
    assert x("250", "249", "0", **period) == (Quota("requests", MINUTE, 250, 249, 0.0),)
    assert x("250", "0", "30", **period) == (Quota("requests", MINUTE, 250, 0, 30.0),)


def test_mistral_and_cerebras_name_the_window() -> None:
    assert x("100", "98", None, "-req-minute") == (Quota("requests", MINUTE, 100, 98, None),)
    assert x("60", "50", None, "-req-10-second") == (Quota("requests", 10, 60, 50, None),)
    assert x("200000", "150000", None, "-tokens-month") == (Quota("tokens", MONTH, 200_000, 150_000, None),)
    assert x("1000", "900", "33011.382", "-requests-day") == (Quota("requests", DAY, 1000, 900, 33_011.382),)
    assert x("1000", "900", "11.5", "-tokens-minute") == (Quota("tokens", MINUTE, 1000, 900, 11.5),)


def test_headers_of_fireworks_and_together_are_read() -> None:
    assert x("600", "599", None, "-tokens-prompt")[0].resource == "input"
    assert x("600", "599", None, "-tokens-generated")[0].resource == "output"
    assert x("600", "599", "1", "") == (Quota("requests", MINUTE, 600, 599, 1.0),)
    assert read(x_tokenlimit_limit="9000", x_tokenlimit_remaining="1") == (Quota("tokens", MINUTE, 9000, 1, None),)


def test_anthropic_gives_dates_that_count_from_the_answers_own() -> None:
    found = read(
        date="Wed, 19 Aug 2026 14:51:40 GMT",
        anthropic_ratelimit_input_tokens_limit="1000",
        anthropic_ratelimit_input_tokens_remaining="900",
        anthropic_ratelimit_input_tokens_reset="2026-08-19T14:51:46Z",
        anthropic_ratelimit_requests_limit="50",
        anthropic_ratelimit_requests_remaining="49",
        anthropic_ratelimit_requests_reset="2026-08-19T14:51:41Z",
        anthropic_ratelimit_unified_limit="5",
        anthropic_ratelimit_unified_remaining="5",
        anthropic_priority_input_tokens_limit="5",
    )
    assert found == (Quota("input", MINUTE, 1000, 900, 6.0), Quota("requests", MINUTE, 50, 49, 1.0))


@pytest.mark.parametrize(
    ("limit", "remaining", "reset"),
    [
        ("-1", "5", "1s"),
        ("5", "-1", "1s"),
        ("5", "6", "1s"),
        ("0", "0", "1s"),
        ("5", "", "1s"),
        ("", "5", "1s"),
        ("5", "4", ""),
        ("5", "4", "-1"),
        ("5", "4", "86400"),
        ("5", "4", "86400s"),
        ("5", "4", "soon"),
        ("5", "4", "nan"),
        ("5, 5;w=60", "4", "1s"),
        ("1e3", "4", "1s"),
        ("9" * 400, "4", "1s"),
        ("٣", "1", "1s"),
    ],
)
def test_what_cannot_be_true_is_no_quota(limit: str, remaining: str, reset: str) -> None:
    assert x(limit, remaining, reset) == ()
    named = x("7", "7", "0s", "-tokens", **{"x-ratelimit-limit-requests": limit})
    assert [quota.resource for quota in named] == ["tokens"], "one wrong limit does not hide the others"


def test_half_a_limit_is_none_and_other_resources_are_not_ours() -> None:
    assert read(x_ratelimit_remaining_requests="119", x_ratelimit_remaining_tokens="119991") == ()
    assert x("50000", "49999", "1ms", "-input-images") == ()
    assert x("5", "4", "1s", "-tokens_usage_based") == ()
    assert read(x_ratelimit_key="gpt", x_ratelimit_abusepenalty_active="False", content_type="x") == ()
    assert observed([], NOW) == ()


def test_names_are_read_in_any_case_and_thousands_of_new_ones_are_not_kept() -> None:
    raw = [(b"X-RateLimit-Limit-Requests", b"5"), (b"X-Ratelimit-Remaining-Requests", b"4")]
    assert observed(raw, NOW) == (Quota("requests", MINUTE, 5, 4, None),)
    for i in range(3000):
        assert observed([(b"x-made-up-%d" % i, b"1"), *raw], NOW)


names = st.sampled_from(
    [
        f"{family}-{number}{resource}"
        for family in ("x-ratelimit", "x-tokenlimit", "anthropic-ratelimit")
        for number in ("limit", "remaining", "reset", "renewalperiod")
        for resource in (
            "",
            "-requests",
            "-tokens",
            "-tokens-day",
            "-req-10-second",
            "-req-99999999999999-day",
            f"-req-{'9' * 5000}-day",
        )
    ]
)
values = st.one_of(
    st.integers(-2, 100).map(str),
    st.floats().map(str),
    st.sampled_from(["20ms", "1m53.425s", "2026-08-19T14:51:46Z", "1790000030", "9e99", ""]),
    st.text(max_size=12),
)


@given(st.lists(st.tuples(names.map(str.encode), values.map(lambda text: text.encode("utf-8", "replace")))))
def test_no_header_can_break_it_and_each_quota_makes_sense(headers: list[tuple[bytes, bytes]]) -> None:
    for quota in observed(headers, NOW):
        assert 0 <= quota.remaining <= quota.limit
        assert quota.limit > 0
        assert 0 < quota.window <= MONTH
        assert quota.reset is None or 0 <= quota.reset <= quota.window


@pytest.mark.skipif(not CASSETTES.is_dir(), reason=MISSING)
def test_recorded_answers_tell_these_limits() -> None:
    """How many answers of each provider told of which limits."""
    found = Counter(
        (recording.provider, quota.resource, quota.window)
        for recording in recordings()
        for quota in observed([(k.encode(), v.encode()) for k, v in recording.response_headers.items()], NOW)
    )
    assert found == {
        ("anthropic", "requests", MINUTE): 29,
        ("anthropic", "tokens", MINUTE): 29,
        ("anthropic", "input", MINUTE): 29,
        ("anthropic", "output", MINUTE): 29,
        ("azure", "requests", MINUTE): 10,
        ("azure", "tokens", MINUTE): 10,
        ("mistral", "requests", 10): 1,
        ("mistral", "requests", MINUTE): 4,
        ("mistral", "tokens", MINUTE): 4,
        ("mistral", "tokens", MONTH): 1,
        ("openai", "requests", MINUTE): 64,
        ("openai", "requests", DAY): 3,
        ("openai", "tokens", MINUTE): 67,
        ("xai", "requests", MINUTE): 9,
        ("xai", "tokens", MINUTE): 9,
    }

"""Retry policies, allowed fails, and the breaker each outcome gets: LiteLLM's rules."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.config import AllowedFailsPolicy, RetryPolicy, Settings, breaker_for
from router_core.state.records import OutcomeKind
from tests.config.helpers import entry, loaded, one

NEUTRAL: tuple[OutcomeKind, ...] = ("ok", "caller", "content_policy", "context_window", "cancelled")
FAILURES: tuple[OutcomeKind, ...] = ("rate_limit", "auth", "not_found", "timeout", "server", "connect", "malformed")


def trip(
    kind: OutcomeKind, *, size: int = 2, status: int | None = None, model_info: Any = None, **settings: Any
) -> str:
    made = loaded(**settings)[0]
    return breaker_for(made, one(entry(model_info=model_info)), size, kind, status).trip


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("rate_limit", None, 1),
        ("auth", None, 2),
        ("timeout", None, 3),
        ("server", 500, 4),
        ("server", 503, 5),
        ("server", 502, 4),
        ("server", None, 4),
        ("caller", None, 6),
        ("context_window", None, 6),
        ("content_policy", None, 7),
        ("not_found", None, 8),
        ("connect", None, 9),
        ("ok", None, None),
        ("cancelled", None, None),
    ],
)
def test_each_outcome_has_its_class_of_litellms(kind: OutcomeKind, status: int | None, expected: int | None) -> None:
    policy = RetryPolicy(
        RateLimitErrorRetries=1,
        AuthenticationErrorRetries=2,
        TimeoutErrorRetries=3,
        InternalServerErrorRetries=4,
        ServiceUnavailableErrorRetries=5,
        BadRequestErrorRetries=6,
        ContentPolicyViolationErrorRetries=7,
        NotFoundErrorRetries=8,
        DefaultRetries=9,
    )
    assert policy.retries_for(kind, status) == expected


def test_what_a_policy_does_not_name_it_leaves_to_num_retries() -> None:
    assert RetryPolicy(TimeoutErrorRetries=0).retries_for("timeout") == 0
    assert RetryPolicy(TimeoutErrorRetries=0).retries_for("server") is None
    assert RetryPolicy(BadRequestErrorRetries=3).retries_for("content_policy") == 3, "a refusal is a bad request too"


def test_a_groups_policy_takes_the_place_of_the_routers() -> None:
    made = loaded(
        entry("a"),
        retry_policy={"TimeoutErrorRetries": 1},
        model_group_retry_policy={"a": RetryPolicy(TimeoutErrorRetries=5)},
    )[0]
    assert (made.retries_for("a", "timeout"), made.retries_for("b", "timeout")) == (5, 1)


def test_a_bad_gateway_has_a_class_of_its_own_among_allowed_fails() -> None:
    policy = AllowedFailsPolicy(BadGatewayErrorAllowedFails=1, InternalServerErrorAllowedFails=2)
    assert (policy.allowed_for("server", 502), policy.allowed_for("server", 500)) == (1, 2)


@pytest.mark.parametrize("kind", NEUTRAL)
@pytest.mark.parametrize(
    "settings", [{}, {"allowed_fails": 0}, {"allowed_fails_policy": {"BadRequestErrorAllowedFails": 0}}]
)
def test_the_callers_faults_never_cool(kind: OutcomeKind, settings: dict[str, Any]) -> None:
    assert trip(kind, **settings) == "never"


@pytest.mark.parametrize(
    ("kind", "alone", "in_company"),
    [
        ("rate_limit", "never", "now"),
        ("auth", "now", "now"),
        ("not_found", "now", "now"),
        ("timeout", "count:999", "ratio"),
        ("server", "count:999", "ratio"),
        ("connect", "count:999", "ratio"),
        ("malformed", "count:999", "ratio"),
    ],
)
def test_without_a_policy_the_ratio_rules_hold(kind: OutcomeKind, alone: str, in_company: str) -> None:
    assert (trip(kind, size=1), trip(kind, size=2)) == (alone, in_company)


@pytest.mark.parametrize("kind", FAILURES)
def test_allowed_fails_counts_every_failure(kind: OutcomeKind) -> None:
    assert trip(kind, allowed_fails=7) == "count:7"
    assert trip(kind, size=1, allowed_fails=0) == "count:0"


def test_a_policy_names_classes_and_three_fails_are_allowed_of_the_others() -> None:
    policy: dict[str, Any] = {"allowed_fails_policy": {"RateLimitErrorAllowedFails": 100}}
    assert (trip("rate_limit", **policy), trip("server", **policy)) == ("count:100", "count:3")
    assert trip("server", **policy, allowed_fails=9) == "count:9"


def test_a_deployments_own_number_wins() -> None:
    assert trip("server", allowed_fails=9, model_info={"allowed_fails": 1}) == "count:1"


@pytest.mark.parametrize("settings", [{"disable_cooldowns": True}, {"cooldown_time": 0}])
@pytest.mark.parametrize("kind", FAILURES)
def test_cooldowns_can_be_switched_off(kind: OutcomeKind, settings: dict[str, Any]) -> None:
    breaker = breaker_for(Settings(**settings), one(entry()), 2, kind)
    assert (breaker.trip, breaker.max_cooldown) == ("never", 0), "a cap of 0 holds for Retry-After too"


def test_a_deployments_cooldown_time_wins_and_lifts_the_cap() -> None:
    breaker = breaker_for(Settings(), one(entry(cooldown_time=900)), 2, "auth")
    assert (breaker.trip, breaker.cooldown, breaker.max_cooldown) == ("now", 900, 900)
    assert breaker_for(Settings(), one(entry(cooldown_time=0)), 2, "auth").trip == "never"
    assert breaker_for(Settings(), one(entry()), 2, "auth").max_cooldown == 300

"""Health as a user writes it: the narrower place wins, field by field; what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.config import Breakers, breaker_for, health_words
from router_core.config.breakers import Verdict
from router_core.state.records import Breaker
from tests.config.helpers import entry, failure, loaded, one, warned


def of(
    kind: Verdict = "server", *, size: int = 2, status: int | None = None, own: Any = None, **settings: Any
) -> Breaker:
    made, (deployment,) = loaded(entry(model_info=own), **settings)
    return breaker_for(made, deployment, size, kind, status)


def test_what_nobody_sets_costs_a_success_nothing() -> None:
    assert of("ok") == Breaker("never") == of("ok", disable_cooldowns=True)
    assert of("ok").options == ""
    assert of("server") == Breaker("ratio", row=5)


def test_each_field_comes_from_the_narrowest_place_that_says_it() -> None:
    places: dict[str, Any] = {
        "breaker": {"failure_ratio": 0.1, "minimum_failures": 20, "slow_start": 60},
        "model_group_breaker": {"chat": {"failure_ratio": 0.2, "minimum_failures": 7}},
    }
    found = of(own={"breaker": {"failure_ratio": 0.3}}, **places)
    assert (found.ratio, found.least, found.ramp) == (0.3, 7, 60)
    assert of(**places).ratio == 0.2


@pytest.mark.parametrize("kind", ["rate_limit", "auth", "not_found", "server", "timeout", "connect", "malformed"])
@pytest.mark.parametrize(("rule", "trip"), [("now", "now"), ("never", "never"), ("ratio", "ratio"), (4, "count:4")])
def test_every_class_has_a_rule_of_its_own(kind: Verdict, rule: Any, trip: str) -> None:
    assert of(kind, breaker={"rules": {kind: rule}}).trip == trip
    assert of(kind, size=1, breaker={"rules": {kind: rule}}).trip == trip, "also where it is alone"


def test_rules_go_before_allowed_fails_of_the_same_place_and_behind_those_of_a_narrower_one() -> None:
    settings: dict[str, Any] = {
        "allowed_fails": 9,
        "breaker": {"rules": {"server": "now"}},
        "model_group_breaker": {"chat": {"allowed_fails_policy": {"TimeoutErrorAllowedFails": 2}}},
    }
    assert of("server", breaker={"rules": {"server": "now"}}, allowed_fails=9).trip == "now"
    assert (of("timeout", **settings).trip, of("server", **settings).trip) == ("count:2", "count:3")
    assert of("server", own={"allowed_fails": 1}, **settings).trip == "count:1"
    own = {"allowed_fails_policy": {"InternalServerErrorAllowedFails": 5}, "breaker": {"rules": {"timeout": "now"}}}
    assert of("server", own=own, **settings).trip == "count:5"
    assert of("timeout", own=own, **settings).trip == "now"


def test_a_group_has_its_own_cooldowns() -> None:
    group = {"chat": {"cooldown_time": 2, "max_cooldown_time": 20}}
    found = of("auth", model_group_breaker=group)
    assert (found.cooldown, found.max_cooldown) == (2, 20)
    assert of(model_group_breaker=group, own={"cooldown_time": 3}).cooldown == 3
    assert of(model_group_breaker={"chat": {"cooldown_time": 0}}).trip == "never", "0 = off"


def test_failures_in_a_row_are_ended_by_successes_so_these_must_know_of_them() -> None:
    settings: dict[str, Any] = {"breaker": {"consecutive_failures": 5}}
    assert (of("server", **settings).row, of("ok", **settings).row) == (5, 5)
    assert of("caller", **settings).row == 0
    assert of("rate_limit", size=1, **settings).row == 0, "what never cools is no failure"


def test_a_slow_answer_has_the_rule_of_its_class_else_that_of_timeouts() -> None:
    slow = {"slow_call_ms": 3000}
    found = of("ok", breaker=slow)
    assert (found.trip, found.slow_ms) == ("ratio", 3000)
    assert of("ok", breaker=slow | {"rules": {"slow": "now"}}).trip == "now"
    assert of("ok", breaker=slow, allowed_fails_policy={"TimeoutErrorAllowedFails": 2}).trip == "count:2"
    assert of("ok", breaker=slow, disable_cooldowns=True) == Breaker("never")


def test_connections_need_a_quorum_unless_it_is_waived() -> None:
    assert (of("connect").quorum, of("server").quorum) == (True, False)
    assert not of("connect", breaker={"quorum": False}).quorum


def test_what_a_group_shares_goes_into_what_is_declared() -> None:
    made, (deployment,) = loaded(
        entry(),
        breaker={"panic_threshold": 0, "slow_start": 2.5},
        model_group_breaker={"chat": {"outliers": {"request_volume": 20}, "panic_threshold": 0.3}},
    )
    assert health_words(made, deployment) == "ramp=2500 panic=0.3 outliers=1.9,5,20,10,30000"
    assert health_words(*_plain()) == ""


def _plain() -> tuple[Any, Any]:
    made, (deployment,) = loaded(entry())
    return made, deployment


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"breaker": {"failure_ratio": 1}}, "breaker.failure_ratio: must be less than 1"),
        ({"breaker": {"failure_ratoi": 0.5}}, "breaker.failure_ratoi: unknown key, did you mean 'failure_ratio'?"),
        ({"breaker": {"rules": {"server": "often"}}}, "breaker.rules.server"),
        ({"breaker": {"rules": {"serverr": "now"}}}, "breaker.rules.serverr"),
        ({"breaker": {"rules": {"server": -1}}}, "breaker.rules.server"),
        ({"breaker": {"rules": {"server": True}}}, "or a number from 0"),
        ({"breaker": {"slow_call_ms": 0}}, "breaker.slow_call_ms"),
        ({"breaker": {"panic_threshold": 1.5}}, "breaker.panic_threshold"),
        ({"breaker": {"outliers": {"minimum_hosts": 1}}}, "breaker.outliers.minimum_hosts"),
        ({"breaker": {"allowed_fails": 3}}, "breaker.allowed_fails: unknown key"),
        ({"model_group_breaker": {"chat": {"cooldown_time": -1}}}, "model_group_breaker.chat.cooldown_time"),
        ({"model_group_breaker": {"chat": {"max_cooldown_time": 1}}}, "max_cooldown_time of 'chat' is less"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], message: str) -> None:
    assert message in failure(entry(), **wrong)


def test_a_deployment_cannot_speak_for_its_group() -> None:
    message = failure(entry(model_info={"breaker": {"panic_threshold": 0.5}}))
    assert message.startswith("model_list[0].model_info.breaker.panic_threshold: unknown key")


def test_a_group_that_does_not_exist_is_a_warning() -> None:
    assert "model_group_breaker.chatt" in warned(entry(), model_group_breaker={"chatt": {"allowed_fails": 1}})[0]


def test_what_was_worked_out_is_the_same_rule_again() -> None:
    made, deployment = loaded(entry())[0], one(entry())
    breakers = Breakers(made)
    for kind, status in (("ok", None), ("server", 500), ("server", 599), ("connect", None), ("rate_limit", 429)):
        for _ in range(2):
            assert breakers.of(deployment, 2, kind, status) == breaker_for(made, deployment, 2, kind, status)  # type: ignore[arg-type]

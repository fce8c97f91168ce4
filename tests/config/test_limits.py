"""Limits as users write them become rows as the state names them, and what is wrong says so at its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.config import declared_rows
from router_core.config.limits import NamedLimit
from router_core.config.limits_rows import Row, text
from router_core.config.limits_windows import UNITS, window
from tests.config.helpers import entry, failure, loaded, one, warned

HERE = entry(model_info={"id": "a", "account": "openai-eu"})


def limit(**parts: Any) -> dict[str, Any]:
    made = {"scope": "user", "name": "*", "resource": "tokens", "window": "minute", "amount": 10, **parts}
    return {key: value for key, value in made.items() if value is not None}


def row(**parts: Any) -> Row:
    return NamedLimit(**limit(**parts)).row()


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("second", "1"), ("minute", "60"), ("hour", "3600"), ("day", "86400"), ("week", "604800"), ("month", "2592000"),
        ("30s", "30"), ("10m", "600"), ("1h", "3600"), ("2d", "172800"), ("1w", "604800"), ("1mo", "2592000"),
        ("day@UTC", "day@UTC"), ("month@Europe/Berlin+06:00", "month@Europe/Berlin+06:00"),
        ({"calendar": "month", "zone": "Europe/Berlin", "reset": "06:00"}, "month@Europe/Berlin+06:00"),
        ({"calendar": "day", "reset": 750}, "day@UTC+12:30"),
        ({"calendar": "day"}, "day@UTC"), ({"calendar": "week", "zone": "UTC", "reset": "00:00"}, "week@UTC"),
    ],
)  # fmt: skip
def test_windows_have_the_names_of_the_state(written: Any, named: str) -> None:
    assert window(written) == named
    assert row(window=written).name == f"tokens/{named}"


@given(st.integers(1, 366 * 86400), st.sampled_from(sorted(UNITS)))
def test_a_duration_is_so_many_of_its_unit(number: int, unit: str) -> None:
    seconds = number * UNITS[unit]
    if seconds <= 366 * 86400:
        assert window(f"{number}{unit}") == str(seconds)
    else:
        with pytest.raises(ValueError, match="366 days"):
            window(f"{number}{unit}")


def test_the_text_of_rows_is_what_the_state_keeps() -> None:
    rows = [
        row(resource="requests", amount=600),
        row(reserve="max"),
        row(resource="cost", window="day@UTC", amount=1, reserve="max", enforce=False),
        row(resource="concurrent", window=None, enforce=False),
    ]
    assert text(rows) == "requests/60=600 tokens/60=10,max cost/day@UTC=1000000000,max,shadow concurrent=10,shadow"


@pytest.mark.parametrize(
    ("amount", "nano"), [(50, 50 * 10**9), (50.0, 50 * 10**9), ("0.10", 10**8), (0.3, 3 * 10**8), (1e-9, 1), (0, 0)]
)
def test_money_is_written_in_dollars_and_kept_in_whole_nano_dollars(amount: Any, nano: int) -> None:
    assert row(resource="cost", amount=amount).amount == nano


class TestMistakes:
    @pytest.mark.parametrize(
        ("parts", "field", "says"),
        [
            ({"scope": "usr"}, "scope", "'deployment', 'account', 'provider', 'group', 'tag', 'user' or 'team'"),
            ({"scope": ["user"]}, "scope", "'team'"),
            ({"scope": None}, "scope", "is missing"),
            ({"name": None}, "name", "is missing"),
            ({"name": ""}, "name", "at least 1 character"),
            ({"name": "\ud800"}, "name", "unicode"),
            ({"scope": "account", "name": "*"}, "name", "for tag, user and team"),
            ({"resource": "token"}, "resource", "'requests', 'tokens', 'input', 'output', 'concurrent' or 'cost'"),
            ({"window": None}, "window", "is missing"),
            ({"window": "minutes"}, "window", "did you mean 'minute'?"),
            ({"window": 60}, "window", "30s, 10m, 1h, 1d, 1w, 1mo"),
            ({"window": "0s"}, "window", "30s"),
            ({"window": "400d"}, "window", "at most 366 days"),
            ({"window": {"calendar": "mont"}}, "window", "did you mean 'month'?"),
            ({"window": {"calendar": "day", "zne": "UTC"}}, "window", "did you mean 'zone'?"),
            ({"window": {"zone": "UTC"}}, "window", "looks like"),
            ({"window": {"calendar": "day", "zone": 1}}, "window", "looks like"),
            ({"window": {"calendar": "day", "reset": 7500}}, "window", "00:00 to 23:59"),
            ({"window": {"calendar": "day", "reset": -1}}, "window", "00:00 to 23:59"),
            ({"window": "day@Europe/Berln"}, "window", "did you mean 'Europe/Berlin'?"),
            ({"resource": "concurrent"}, "window", "have none"),
            ({"amount": 0}, "amount", "at least 1"),
            ({"amount": 1.5}, "amount", "whole number of tokens"),
            ({"amount": 2**53}, "amount", "whole number"),
            ({"amount": True}, "amount", "true or false"),
            ({"amount": float("nan")}, "amount", "finite"),
            ({"amount": None}, "amount", "is missing"),
            ({"resource": "cost", "amount": -1}, "amount", "greater than or equal to 0"),
            ({"resource": "cost", "amount": 1e7}, "amount", "9,007,199 dollars"),
            ({"reserve": "maximum"}, "reserve", "'estimate' or 'max'"),
            ({"resource": "requests", "reserve": "max"}, "reserve", "not estimated"),
            ({"enforce": "perhaps"}, "enforce", "boolean"),
            ({"windw": "1d"}, "windw", "did you mean 'window'?"),
        ],
    )
    def test_a_mistake_is_named_at_its_field_with_what_is_good(
        self, parts: dict[str, Any], field: str, says: str
    ) -> None:
        message = failure(HERE, limits=[limit(), limit(**parts)])
        assert message.startswith(f"limits[1].{field}: ")
        assert says in message

    @pytest.mark.parametrize(
        ("scope", "name", "meant"),
        [
            ("deployment", "aa", "'a'"),
            ("account", "openai-ue", "'openai-eu'"),
            ("provider", "opanai", "'openai'"),
            ("group", "chta", "'chat'"),
        ],
    )
    def test_whom_a_limit_names_must_be_there(self, scope: str, name: str, meant: str) -> None:
        message = failure(HERE, limits=[limit(scope=scope, name=name)])
        assert message.startswith(f"limits[0].name: there is no such {scope}")
        assert meant in message
        assert name not in message, "it may be a key"

    def test_names_are_not_checked_before_there_are_deployments(self) -> None:
        assert loaded(limits=[limit(scope="account", name="later")])

    @pytest.mark.parametrize(("limits", "says"), [("discover", "default_litellm_params"), ({"a": 1}, "must be a list")])
    def test_the_routers_limits_are_a_list(self, limits: Any, says: str) -> None:
        message = failure(HERE, limits=limits)
        assert message.startswith("limits: ")
        assert says in message

    def test_the_same_row_twice_is_one_and_with_another_amount_an_error(self) -> None:
        same = [limit(scope="account", name="openai-eu"), limit(scope="account", name="openai-eu")]
        assert declared_rows(*loaded(HERE, limits=same)) == {"account:openai-eu": (Row("tokens", "60", 10),)}
        same[1]["amount"] = 11
        assert failure(HERE, limits=same) == "limits[1]: tokens/60 differs from limits[0]; give it once"

    def test_a_limit_and_its_short_form_must_agree(self) -> None:
        message = failure(
            entry(rpm=5, model_info={"id": "a"}), limits=[limit(scope="deployment", name="a", resource="requests")]
        )
        assert message == "limits[0]: requests/60 differs from deployment 'a'; give it once"
        message = failure(entry(tpm=5, limits=[{"resource": "tokens", "window": "1m", "amount": 6}]))
        assert message == "model_list[0].litellm_params.limits[0]: tokens/60 is given before, and not alike"


class TestWhose:
    def test_every_scope_has_its_subject(self) -> None:
        names = {"account": "openai-eu", "provider": "openai", "group": "chat", "tag": "x", "user": "*", "team": "a b"}
        found = declared_rows(*loaded(HERE, limits=[limit(scope=scope, name=names[scope]) for scope in names]))
        expected = ["account:openai-eu", "provider:openai", "group:chat", "tag:x", "user:*", "team:a%20b"]
        assert found == {whose: (Row("tokens", "60", 10),) for whose in expected}

    def test_a_deployment_named_by_the_router_has_them_beside_its_own(self) -> None:
        limits = [limit(scope="deployment", name="a", reserve="max"), limit(scope="deployment", name="b")]
        settings, (a, b) = loaded(
            entry(rpm=3, model_info={"id": "a"}), entry(api_key="2", rpm=4, model_info={"id": "b"}), limits=limits
        )
        assert (a.rows, b.rows) == (
            (Row("requests", "60", 3), Row("tokens", "60", 10, True)),
            (Row("requests", "60", 4), Row("tokens", "60", 10)),
        )
        assert declared_rows(settings, (a, b)) == {}
        assert b.declared().limits == {"requests/60": "4", "tokens/60": "10"}

    def test_a_limit_is_no_weight_unless_it_is_written_as_rpm_or_tpm(self) -> None:
        own = [limit(scope="deployment", name=None)]
        _, deployments = loaded(entry(limits=own), entry(api_key="2"))
        assert [one.effective_weight for one in deployments] == [1, 1]

    @pytest.mark.parametrize("place", ["litellm_params", "model_info", "beside"])
    def test_a_deployments_list_may_stand_in_each_of_three_places(self, place: str) -> None:
        raw: dict[str, Any] = {"model_name": "g", "litellm_params": {"model": "gpt-4o"}, "model_info": {}}
        own = {"resource": "input", "window": "day@UTC", "amount": 5}
        (raw if place == "beside" else raw[place]).update(limits=[own])
        assert one(raw).limits == {"input/day@UTC": 5}
        assert one(raw).call_parameters() == {}

    def test_a_deployments_list_may_limit_what_it_belongs_to_without_naming_it(self) -> None:
        shared = [limit(scope=scope, name=None) for scope in ("account", "provider", "group")]
        settings, deployments = loaded(entry(limits=shared), entry(api_key="2", limits=shared[1:]))
        assert declared_rows(settings, deployments) == {
            f"account:{deployments[0].account}": (Row("tokens", "60", 10),),
            "provider:openai": (Row("tokens", "60", 10),),
            "group:chat": (Row("tokens", "60", 10),),
        }
        assert deployments[0].limits == {}

    def test_it_may_name_only_itself(self) -> None:
        own = [limit(scope="account", name="acc"), limit(scope="deployment", name="a")]
        assert one(entry(limits=own, model_info={"id": "a", "account": "acc"})).limits == {"tokens/60": 10}
        message = failure(entry(limits=own[1:], model_info={"id": "b"}))
        assert message.startswith("model_list[0].limits[0].name: is another deployment than its own")

    def test_callers_are_no_deployments_matter(self) -> None:
        message = failure(entry(limits=[limit()]))
        assert message.startswith("model_list[0].litellm_params.limits[0].scope: ")

    def test_two_deployments_that_disagree_on_their_account_are_an_error(self) -> None:
        entries = [
            entry(limits=[limit(scope="account", name=None, amount=amount)], model_info={"id": id, "account": "acc"})
            for id, amount in (("a", 1), ("b", 2))
        ]
        assert failure(*entries) == (
            "limits of deployment 'b': tokens/60 differs from limits of deployment 'a'; give it once"
        )

    def test_a_default_for_calls_at_once_gives_way_to_a_limit_of_them(self) -> None:
        own = [{"resource": "concurrent", "amount": 2}]
        routers = [{"scope": "deployment", "name": "b", "resource": "concurrent", "amount": 3}]
        _, deployments = loaded(
            entry(limits=own),
            entry(model_info={"id": "b"}),
            entry(model_info={"id": "c"}),
            limits=routers,
            default_max_parallel_requests=9,
        )
        assert [one.limits for one in deployments] == [{"concurrent": 2}, {"concurrent": 3}, {"concurrent": 9}]


class TestDiscover:
    def test_a_deployment_may_ask_to_learn_its_limits(self) -> None:
        assert one(entry(limits="discover", rpm=5)).discover
        assert one(entry(model_info={"limits": "discover"})).discover
        assert not one(entry()).discover
        assert one(entry(limits="discover", rpm=5)).limits == {"requests/60": 5}

    def test_so_may_all_of_them(self) -> None:
        _, deployments = loaded(
            entry(), entry(api_key="2", limits=[limit(scope="deployment", name=None)]),
            default_litellm_params={"limits": "discover"},
        )  # fmt: skip
        assert [one.discover for one in deployments] == [True, False], "a list of its own goes before the default"
        assert "limits" not in deployments[0].call_parameters()

    @pytest.mark.parametrize("limits", ["disover", {"discover": True}, 5])
    def test_any_other_word_is_an_error(self, limits: Any) -> None:
        assert failure(entry(limits=limits)).startswith("model_list[0].litellm_params.limits: ")


def test_limits_of_any_scope_without_a_shared_state_are_worth_a_warning() -> None:
    messages = warned(entry(), limits=[limit()], redis_url=None)
    assert any("this process only" in message for message in messages)

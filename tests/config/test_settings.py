"""The Router's own arguments: defaults as documented, bounds, names that exist."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.config import Settings
from tests.config.helpers import entry, failure, loaded, warned


def settings(**arguments: Any) -> Settings:
    return loaded(entry("a"), entry("b"), entry("c"), **arguments)[0]


def test_the_defaults_are_the_documented_ones() -> None:
    made = Settings()
    assert (made.routing_strategy, made.num_retries, made.retry_after) == ("simple-shuffle", 2, 0)
    assert (made.cooldown_time, made.max_cooldown_time, made.disable_cooldowns) == (5, 300, False)
    assert (made.timeout, made.stream_timeout, made.max_wait) == (600, None, 2)
    assert (made.max_fallbacks, made.fallbacks, made.default_fallbacks) == (5, {}, ())
    assert (made.allowed_fails, made.allowed_for("server"), made.pool) == (None, None, "default")
    assert (made.enable_tag_filtering, made.tag_filtering_match_any) == (False, True)


def test_none_means_the_default_as_in_litellm() -> None:
    assert settings(num_retries=None, timeout=None, cooldown_time=None, fallbacks=None) == settings()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_retries", -1),
        ("num_retries", True),
        ("timeout", 0),
        ("max_wait", -1),
        ("cooldown_time", float("inf")),
        ("expected_workers", 0),
        ("config_version", 1.5),
        ("pool", ""),
        ("pool", "a{b}"),
        ("pool", "x" * 201),
        ("debug_level", "LOUD"),
        ("optional_pre_call_checks", ["encrypted_content_affinity"]),
        ("provider_budget_config", {"openai": {"budget_limit": -1, "time_period": "1d"}}),
        ("retry_policy", {"RateLimitErrorRetries": -1}),
    ],
)
def test_a_value_out_of_bounds_is_an_error_at_its_path(field: str, value: Any) -> None:
    assert failure(**{field: value}).startswith(field)


def test_unknown_arguments_and_keys_are_errors_with_a_suggestion() -> None:
    assert failure(num_retires=3) == "num_retires: unknown argument, did you mean 'num_retries'?"
    assert failure(retry_policy={"RateLimitRetries": 3}) == (
        "retry_policy.RateLimitRetries: unknown key, did you mean 'RateLimitErrorRetries'?"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"routing_strategy": 7}, "routing_strategy: must be the name of a strategy, or a function"),
        ({"breaker": {"rules": {"server": -3}}}, 'breaker.rules.server: must be "now", "never", "ratio" or a number'),
        ({"hedge": 5}, "hedge: must be true, false or a dictionary"),
        ({"breaker": 5}, "breaker: must be a dictionary"),
        ({"limits": {"scope": "user"}}, "limits: must be a list"),
        ({"redis_url": "mysql://u:pw@host"}, "redis_url: no engine for 'mysql'; a URL of the state begins with one of"),
        ({"redis_url": "u:pw@host:6379"}, "redis_url: no engine for an address without a scheme; a URL"),
    ],
)
def test_a_value_of_the_wrong_kind_is_one_error_in_the_words_of_a_configuration(
    arguments: dict[str, Any], says: str
) -> None:
    message = failure(**arguments)
    assert message.startswith(says)
    assert "pw" not in message, "an address holds a password"


def test_all_problems_are_reported_at_once() -> None:
    message = failure(entry(rpm=0), entry(model="nothing"), timeout=0, pool="{}")
    assert message.startswith("4 problems in the configuration:")
    for path in ("timeout", "pool", "model_list[0].litellm_params.rpm", "model_list[1].litellm_params.model"):
        assert f"\n  - {path}: " in message


def test_a_longer_cooldown_lifts_the_cap_unless_the_cap_was_written() -> None:
    assert settings(cooldown_time=900).longest_cooldown == 900
    assert failure(cooldown_time=900, max_cooldown_time=60).startswith("max_cooldown_time: ")


def test_environment_variables_are_resolved_anywhere_and_a_missing_one_is_named() -> None:
    raw = entry(api_key="os.environ/KEY", rpm="os.environ/RPM", metadata={"deep": ["os.environ/KEY"]})
    made, (deployment,) = loaded(raw, timeout="os.environ/WAIT", environ={"KEY": "sk-1", "RPM": "7", "WAIT": "3"})
    assert (made.timeout, deployment.limits) == (3, {"requests/60": 7})
    assert deployment.params == {"metadata": {"deep": ["sk-1"]}}
    message = failure(raw, environ={"KEY": "sk-1"})
    assert message == "model_list[0].litellm_params.rpm: the environment variable 'RPM' is not set"


class TestRedis:
    def test_an_address_may_come_in_parts_whatever_the_password_holds(self) -> None:
        made = settings(redis_url=None, redis_host="db", redis_port="6380", redis_password="p@ss/:", redis_db=2)
        assert made.store_url == "redis://:p%40ss%2F%3A@db:6380/2"
        assert settings(redis_url=None, redis_host="::1").store_url == "redis://[::1]:6379/0"

    def test_the_environment_gives_pool_and_address_where_none_is_written(self) -> None:
        environ = {"ROUTER_CORE_REDIS_URL": "redis://env:1/0", "ROUTER_CORE_POOL": "blue"}
        made = settings(redis_url=None, environ=environ)
        assert (made.store_url, made.pool) == ("redis://env:1/0", "blue")
        written = settings(redis_url="redis://own:1/0", pool="green", environ=environ)
        assert (written.store_url, written.pool) == ("redis://own:1/0", "green")

    @pytest.mark.parametrize(
        "arguments", [{"redis_url": "redis://a", "redis_host": "b"}, {"redis_url": None, "redis_port": 1}]
    )
    def test_two_addresses_or_half_an_address_are_errors(self, arguments: dict[str, Any]) -> None:
        assert failure(**arguments).startswith("redis_")

    def test_limits_without_a_shared_state_are_worth_one_warning(self) -> None:
        (message,) = warned(entry(rpm=1), entry(api_key="b", tpm=1, rpm=1), redis_url=None)
        assert "this process only" in message
        assert warned(entry(rpm=1), redis_url="memory://") == [], "written down, so it is meant"
        assert warned(entry(), redis_url=None) == []


class TestRouting:
    def test_custom_is_the_callable_of_its_arguments(self) -> None:
        def choose() -> None: ...

        made = settings(routing_strategy="custom", routing_strategy_args={"callable": choose, "x": 1})
        assert made.routing("a") == (choose, {"x": 1})
        assert settings(routing_strategy=choose).routing("a").strategy is choose
        assert failure(routing_strategy="custom").startswith("routing_strategy: ")

    def test_a_routing_group_has_a_strategy_of_its_own(self) -> None:
        groups = [{"group_name": "fast", "models": ["b"], "routing_strategy": "least-busy"}]
        made = settings(routing_groups=groups)
        assert (made.routing("a").strategy, made.routing("b").strategy) == ("simple-shuffle", "least-busy")

    def test_a_routing_group_names_existing_groups_each_in_one_place(self) -> None:
        def group(name: str, *models: str) -> dict[str, Any]:
            return {"group_name": name, "models": models, "routing_strategy": "least-busy"}

        assert "no model group 'x'" in failure(entry("a"), routing_groups=[group("one", "x")])
        assert "'one' too" in failure(entry("a"), routing_groups=[group("one", "a"), group("two", "a")])

    def test_strategies_are_checked_by_whoever_has_them(self) -> None:
        def check(name: str, args: object) -> None:
            raise ValueError(f"no strategy {name!r}")

        groups = [{"group_name": "g", "models": ["a"], "routing_strategy": "worse"}]
        message = failure(entry("a"), routing_strategy="bad", routing_groups=groups, check_strategy=check)
        assert "routing_strategy: no strategy 'bad'" in message
        assert "routing_groups[0].routing_strategy: no strategy 'worse'" in message


class TestDefaultParameters:
    @pytest.mark.parametrize("values", [{"model": "gpt-4o"}, {"rmp": 1}, {"timeout": 0}])
    def test_what_is_wrong_with_them_is_reported_once_and_at_their_place(self, values: dict[str, Any]) -> None:
        message = failure(entry("a"), entry("b"), default_litellm_params=values)
        assert message.startswith(f"default_litellm_params.{next(iter(values))}: ")

    def test_their_environment_variables_are_resolved(self) -> None:
        _, (deployment,) = loaded(entry(), default_litellm_params={"user": "os.environ/WHO"}, environ={"WHO": "me"})
        assert deployment.call_parameters() == {"user": "me"}

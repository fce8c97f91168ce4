"""What LiteLLM's users bring along: their snippets, their other arguments, their config.yaml."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from router_core.config import from_yaml, load
from router_core.config.litellm import IGNORED, REFUSED
from router_core.config.settings import Settings
from router_core.config.suggest import words
from router_core.errors import ConfigurationError
from tests.config.helpers import entry, failure, loaded, warned

# The constructor of LiteLLM 1.109's Router, without model_list.
LITELLM_ARGUMENTS = sorted(
    words("""
    alerting_config allowed_fails allowed_fails_policy assistants_config auto_router_capability_limit
    background_health_check_model_groups cache_kwargs cache_responses caching_groups client_ttl
    content_policy_fallbacks context_window_fallbacks cooldown_time debug_level default_fallbacks
    default_litellm_params default_max_parallel_requests default_priority deployment_affinity_ttl_seconds
    disable_cooldowns enable_health_check_routing enable_pre_call_checks enable_tag_filtering
    enable_weighted_failover fallback_access_check fallback_budget_check fallbacks guardrail_list
    health_check_ignore_transient_errors health_check_staleness_threshold heuristic_v2_router_limit
    ignore_invalid_deployments max_fallbacks model_group_affinity_config model_group_alias
    model_group_retry_policy num_retries optional_pre_call_checks plugins polling_interval
    provider_budget_config redis_db redis_host redis_password redis_port redis_url retry_after retry_policy
    router_general_settings routing_groups routing_strategy routing_strategy_args search_tools set_verbose
    stream_timeout tag_filtering_match_any tag_routing_prefix timeout
""")
)


@pytest.mark.parametrize("name", LITELLM_ARGUMENTS)
def test_every_argument_of_litellms_router_is_known(name: str) -> None:
    assert [name in Settings.model_fields, name in IGNORED, name in REFUSED].count(True) == 1


def test_what_cannot_change_a_result_is_listed_in_one_warning() -> None:
    assert warned(client_ttl=60, polling_interval=0.1, alerting_config={"webhook_url": "x"}) == [
        "these arguments of LiteLLM's Router have no effect here: alerting_config, client_ttl, polling_interval"
    ]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_be_missed_is_an_error_that_says_what_to_do(name: str) -> None:
    message = failure(**{name: 17})
    assert message == f"{name}: is not supported: {REFUSED[name]}"


def test_an_argument_at_litellms_default_asks_for_nothing() -> None:
    unused = {
        "cache_responses": False,
        "cache_kwargs": {},
        "caching_groups": None,
        "deployment_affinity_ttl_seconds": 3600,
    }
    assert warned(**unused, client_ttl=None) == []


def test_parameters_of_a_deployment_are_treated_alike() -> None:
    assert failure(entry(litellm_credential_name="c")).startswith(
        "model_list[0].litellm_params.litellm_credential_name: "
    )
    assert warned(entry(max_retries=3)) == ["max_retries in litellm_params has no effect here"]
    assert warned(entry(use_in_pass_through=False)) == []


HELLO = [
    {
        "model_name": "gpt-3.5-turbo",
        "litellm_params": {"model": "azure/chatgpt-v-2", "api_key": "k", "api_base": "https://x"},
    },
    {"model_name": "gpt-3.5-turbo", "litellm_params": {"model": "gpt-3.5-turbo", "api_key": "k"}},
]
AB_TEST = [
    {"model_name": "chat", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k"}, "model_info": {"weight": 0.1}},
    {
        "model_name": "chat",
        "litellm_params": {"model": "anthropic/claude-sonnet-4-5", "api_key": "k"},
        "model_info": {"weight": 0.9},
    },
]


@pytest.mark.parametrize(
    ("model_list", "arguments"),
    [
        (HELLO, {}),
        (HELLO, {"routing_strategy": "latency-based-routing", "routing_strategy_args": {"ttl": 10}}),
        (HELLO, {"num_retries": 3, "allowed_fails": 1, "cooldown_time": 100, "set_verbose": True}),
        (HELLO, {"fallbacks": [{"gpt-3.5-turbo": ["gpt-4"]}], "model_group_alias": {"gpt-4": "gpt-3.5-turbo"}}),
        (HELLO, {"routing_strategy": lambda request, snapshot: None}),
        (AB_TEST, {}),
    ],
)
def test_the_snippets_of_litellms_readme_are_valid(model_list: list[Any], arguments: dict[str, Any]) -> None:
    _, deployments = loaded(*model_list, **arguments)
    assert len(deployments) == 2


def test_the_a_b_test_of_the_readme_is_weighted() -> None:
    assert [one.declared().weight for one in loaded(*AB_TEST)[1]] == [0.1, 0.9]


CONFIG = """
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/KEY, rpm: 60}
router_settings:
  routing_strategy: least-busy
  redis_host: db
litellm_settings:
  num_retries: 3
  drop_params: true
general_settings:
  master_key: sk-1234
"""


class TestYaml:
    @staticmethod
    def write(folder: Path, text: str) -> Path:
        path = folder / "config.yaml"
        path.write_text(text)
        return path

    def test_the_list_and_the_routers_settings_are_read(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match="belongs to LiteLLM's proxy") as caught:
            arguments = from_yaml(self.write(tmp_path, CONFIG))
        made, (deployment,) = load(**arguments, environ={"KEY": "sk-1"})
        assert (made.routing_strategy, made.store_url) == ("least-busy", "redis://db:6379/0")
        assert deployment.limits == {"requests/60": 60}
        (message,) = [str(one.message) for one in caught]
        assert "litellm_settings, general_settings" in message
        assert "Move to router_settings what the router should follow: litellm_settings.num_retries" in message
        assert "sk-1234" not in message

    @pytest.mark.parametrize("text", ["- a", "3", "router_settings: [1]", "include: [other.yaml]", ""])
    def test_another_shape_is_an_error(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigurationError, match=r"config\.yaml"):
            from_yaml(self.write(tmp_path, text))

    def test_a_broken_file_is_an_error_that_gives_the_place_and_quotes_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"config\.yaml, line 3, column") as caught:
            from_yaml(self.write(tmp_path, "model_list:\n  api_key: 'sk-secret: [\n"))
        assert "sk-secret" not in str(caught.value)
        assert caught.value.__context__ is None

    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="cannot be read"):
            from_yaml(tmp_path / "none.yaml")

    def test_without_pyyaml_the_error_says_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = builtins.__import__

        def without(name: str, *rest: Any, **more: Any) -> Any:
            if name == "yaml":
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(ConfigurationError, match=r"router-core\[yaml\]"):
            from_yaml(self.write(tmp_path, CONFIG))

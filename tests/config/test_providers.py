"""Which provider a model belongs to, and where its key comes from."""

from __future__ import annotations

import pytest

from router_core.config.providers import COMPATIBLE, infer
from tests.config.helpers import failure, one


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("openai/gpt-4o", ("openai", "gpt-4o")),
        ("openai/*", ("openai", "*")),
        ("azure/my-deployment", ("azure", "my-deployment")),
        ("openrouter/meta-llama/llama-3-8b", ("openrouter", "meta-llama/llama-3-8b")),
        ("gpt-4o", ("openai", "gpt-4o")),
        ("o3-mini", ("openai", "o3-mini")),
        ("ft:gpt-4o:team::1", ("openai", "ft:gpt-4o:team::1")),
        ("text-embedding-3-small", ("openai", "text-embedding-3-small")),
        ("claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("gemini-2.5-pro", ("vertex_ai", "gemini-2.5-pro")),
        ("us.anthropic.claude-sonnet-4-v1:0", ("bedrock", "us.anthropic.claude-sonnet-4-v1:0")),
    ],
)
def test_a_prefix_or_a_well_known_name_tells_the_provider(model: str, expected: tuple[str, str]) -> None:
    assert infer(model, None, None) == expected


def test_custom_llm_provider_wins_over_the_name() -> None:
    assert infer("gpt-4o", "azure", None) == ("azure", "gpt-4o")
    assert infer("azure/gpt-4o", "azure", None) == ("azure", "gpt-4o")
    assert infer("meta/llama", "groq", None) == ("groq", "meta/llama")


def test_an_api_base_without_a_prefix_is_an_openai_compatible_server() -> None:
    assert infer("meta-llama/Llama-3-8b", None, "http://127.0.0.1:8000") == (COMPATIBLE, "meta-llama/Llama-3-8b")
    assert infer("my-model", None, "http://127.0.0.1:8000") == (COMPATIBLE, "my-model")


def test_a_provider_the_user_registered_is_known() -> None:
    assert infer("mycorp/m1", None, None, {"mycorp"}) == ("mycorp", "m1")


@pytest.mark.parametrize(("model", "says"), [("my-model", "openai/my-model"), ("opnai/x", "did you mean 'openai'?")])
def test_an_unknown_provider_is_an_error_that_says_what_to_write(model: str, says: str) -> None:
    message = failure({"model_name": "g", "litellm_params": {"model": model}})
    assert message.startswith("model_list[0].litellm_params.model: ")
    assert says in message


def test_key_and_address_come_from_the_providers_own_variables_if_not_written() -> None:
    environ = {"OPENAI_API_KEY": "sk-env", "OPENAI_BASE_URL": "http://127.0.0.1:1"}
    bare = {"model_name": "g", "litellm_params": {"model": "gpt-4o"}}
    deployment = one(bare, environ=environ)
    assert deployment.api_key is not None
    assert (deployment.api_key.get_secret_value(), deployment.api_base) == ("sk-env", "http://127.0.0.1:1")
    own = one({"model_name": "g", "litellm_params": {"model": "gpt-4o", "api_key": "sk-own"}}, environ=environ)
    assert own.api_key is not None
    assert own.api_key.get_secret_value() == "sk-own"


def test_a_compatible_server_never_gets_a_key_that_was_not_written_for_it() -> None:
    raw = {"model_name": "g", "litellm_params": {"model": "llama", "api_base": "http://127.0.0.1:1"}}
    assert one(raw, environ={"OPENAI_API_KEY": "sk-env"}).api_key is None


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"model": "gpt-4o", "custom_llm_provider": "azur"}, "did you mean 'azure'?"),
        ({"model": "openai/"}, "names no model"),
        ({"model": "litellm-router", "auto_router_config": "x"}, "router inside the router"),
    ],
)
def test_other_ways_to_leave_the_provider_open_are_errors_too(params: dict[str, str], says: str) -> None:
    assert says in failure({"model_name": "g", "litellm_params": params})

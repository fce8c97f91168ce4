"""No key in a repr, an error or a warning, wherever it was written."""

from __future__ import annotations

import json
import traceback
import warnings
from typing import Any

import pytest

from router_core.config import load
from router_core.config.secrets import conceal, is_secret, reveal
from router_core.config.suggest import words
from tests.config.helpers import entry, one

MARK = "s3cr3t-mark"


@pytest.mark.parametrize(
    "key",
    sorted(
        words(
            "api_key aws_secret_access_key aws_session_token azure_ad_token client_secret vertex_credentials "
            "Authorization x-api-key password private_key Cookie"
        )
    ),
)
def test_names_of_credentials_are_recognised(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["max_tokens", "input_cost_per_token", "temperature", "stop", "model", "user"])
def test_other_names_are_not(key: str) -> None:
    assert not is_secret(key)


def test_hidden_credentials_come_back_whole_for_the_request() -> None:
    values = {
        "aws_secret_access_key": MARK,
        "vertex_credentials": {"private_key": MARK},
        "extra_headers": {"Authorization": MARK, "x-trace": "1"},
        "list": [{"api_key": MARK}],
        "max_tokens": 5,
    }
    hidden = conceal(values)
    assert MARK not in repr(hidden)
    assert reveal(hidden) == values


def test_a_deployment_and_its_settings_show_no_credential() -> None:
    settings, (deployment,) = load(
        [
            entry(
                api_key=MARK,
                aws_secret_access_key=MARK,
                extra_headers={"Authorization": MARK},
                model_info={"token": MARK},
            )
        ],
        redis_url=f"redis://:{MARK}@127.0.0.1:6379/0",
        default_litellm_params={"client_secret": MARK},
        environ={},
    )
    shown = repr(deployment) + str(deployment) + repr(settings) + str(settings) + repr(settings.model_dump())
    shown += repr(deployment.model_dump()) + deployment.id + deployment.account + deployment.model_dump_json()
    assert MARK not in shown
    assert deployment.adapter_options()["client_secret"] == MARK
    assert settings.store_url == f"redis://:{MARK}@127.0.0.1:6379/0"


WRONG: dict[str, Any] = {
    "api_key": {"nested": MARK},
    "timeout": MARK,
    "rpm": MARK,
    "organization": {"key": MARK},
    "api_base": f"https://user:{MARK}@example.org",
    "wieght": MARK,
    "tags": MARK,
    "budget_duration": MARK,
}


@pytest.mark.parametrize("field", WRONG)
def test_an_error_never_repeats_the_value_not_even_in_its_traceback(field: str) -> None:
    with pytest.raises(ValueError) as caught:
        load([entry(**{field: WRONG[field]})], environ={})
    assert MARK not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "arguments",
    [{"redis_url": {"x": MARK}}, {"redis_port": MARK, "redis_host": "h"}, {"fallbacks": MARK}, {"apikey": MARK}],
)
def test_nor_do_errors_about_the_routers_own_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        load([], environ={}, **arguments)
    assert MARK not in "".join(traceback.format_exception(caught.value))


def test_nor_do_warnings() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load([entry(api_key=MARK, rpm=1), entry(api_key=MARK, rpm=1)], environ={}, client_ttl=5)
    assert len(caught) == 3
    assert all(MARK not in str(warning.message) for warning in caught)


def test_a_dump_to_json_hides_credentials_that_are_mappings_too() -> None:
    deployment = one(entry(vertex_credentials={"private_key": MARK}))
    assert json.loads(deployment.model_dump_json())["options"]["vertex_credentials"] == "**********"

"""`router-core providers` says what the adapters say."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from router_core.cli.app import app
from router_core.providers import matrix


def test_all_of_them_and_one_of_them() -> None:
    every = CliRunner().invoke(app, ["providers", "--json"])
    assert json.loads(every.stdout) == matrix.kinds()
    one = CliRunner().invoke(app, ["providers", "openai"])
    assert "embedding streamed" in one.stdout
    assert "json_schema" in one.stdout


def test_an_unknown_one_is_a_usage_error_that_lists_the_known() -> None:
    wrong = CliRunner().invoke(app, ["providers", "opnai"])
    assert wrong.exit_code == 2
    assert "openai" in wrong.stderr

"""`router-core simulate` serves with the behaviour it was given."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from router_core.cli.app import app

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}


@pytest.mark.slow
def test_it_listens_limits_and_ends_with_its_parent() -> None:
    words = [
        sys.executable,
        "-c",
        "from router_core.cli import main; main()",
        "simulate",
        "--rpm",
        "2",
        "--until-stdin-closes",
    ]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        statuses = [httpx.post(f"{url}/chat/completions", json=BODY).status_code for _ in range(3)]
        process.communicate(timeout=10)
    assert statuses == [200, 200, 429]
    assert process.returncode == 0


def test_a_wrong_behaviour_names_the_field() -> None:
    for words, named in (
        (["--rpm", "-1"], "rpm"),
        (["--behaviour", '{"colour": 1}'], "colour"),
        (["--behaviour", "{"], "not JSON"),
        (["--behaviour", "[]"], "JSON object"),
    ):
        said = CliRunner().invoke(app, ["simulate", *words])
        assert said.exit_code == 2
        assert named in said.stderr


def test_a_port_that_is_taken(servers: object) -> None:
    server = servers("valkey")  # type: ignore[operator]
    said = CliRunner().invoke(app, ["simulate", "--port", str(server.port)])
    assert said.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{server.port}" in said.stderr

"""Mistakes of the person: the message says what to do, the status what kind it was, and no password is shown."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from router_core.cli.app import app
from tests.servers import free_port


def run(*arguments: str, **env: str) -> Result:
    clean = {"ROUTER_CORE_REDIS_URL": "", "ROUTER_CORE_POOL": ""}
    return CliRunner().invoke(app, list(arguments), env=clean | env)


def test_without_a_url_it_says_how_to_give_one() -> None:
    said = run("status")
    assert said.exit_code == 2
    assert "--redis-url" in said.stderr
    assert "ROUTER_CORE_REDIS_URL" in said.stderr


def test_memory_belongs_to_another_process() -> None:
    said = run("status", "--redis-url", "memory://")
    assert said.exit_code == 2
    assert "memory of another process" in said.stderr


@pytest.mark.parametrize("url", ["http://user:verysecret@host", "redis://user:verysecret@host:port"])
def test_a_url_nobody_can_serve(url: str) -> None:
    said = run("status", "--redis-url", url)
    assert said.exit_code == 2
    assert "verysecret" not in said.output


def test_a_pool_name_that_cannot_be() -> None:
    said = run("status", "--redis-url", "redis://localhost", "--pool", "a{b}")
    assert said.exit_code == 2


def test_an_unreachable_redis_is_named_without_its_password() -> None:
    port = free_port()
    said = run("drain", "x", ROUTER_CORE_REDIS_URL=f"redis://user:verysecret@127.0.0.1:{port}/0")
    assert said.exit_code == 1
    assert f"127.0.0.1:{port}" in said.stderr
    assert "verysecret" not in said.output
    assert "Traceback" not in said.output


def test_a_wrong_password_is_no_traceback(servers: object) -> None:
    server = servers("valkey")  # type: ignore[operator]
    said = run("status", ROUTER_CORE_REDIS_URL=f"redis://router:verysecret@127.0.0.1:{server.port}/0")
    assert said.exit_code == 1
    assert "invalid username-password pair" in said.stderr
    assert "verysecret" not in said.output


@pytest.mark.parametrize(
    "name", ["status", "events", "drain", "resume", "weight", "cool", "reset", "limits", "simulate"]
)
def test_every_command_helps_with_an_example(name: str) -> None:
    said = run(name, "--help", COLUMNS="200", ROUTER_CORE_REDIS_URL="redis://user:verysecret@host")
    assert said.exit_code == 0
    assert f"router-core {name}" in said.stdout
    assert "verysecret" not in said.stdout


def test_it_says_its_version() -> None:
    assert run("--version").stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_missing_extra_says_what_to_install(missing: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None; from router_core.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script, "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'router-core[cli]'" in done.stderr
    assert "Traceback" not in done.stderr

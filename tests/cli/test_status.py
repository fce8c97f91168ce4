"""`router-core status` shows what the pool holds, to people and to programs."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from router_core.state.records import DeploymentState
from tests.cli.conftest import Ask, Cli
from tests.servers import Server


def cells(text: str, deployment: str) -> str:
    """The row of a deployment, blanks made one."""
    (line,) = [line for line in text.splitlines() if f" {deployment} " in f" {line} "]
    return " ".join(line.split())


def test_a_row_per_deployment_with_limits_used_speed_and_spend(ask: Ask[Any], cli: Cli) -> None:
    said = cli("status")
    assert said.exit_code == 0, said.output
    assert cells(said.stdout, "chat-eu-1") == ("chat chat-eu-1 closed 1 1/4 2/10 160/1000 1/0 120 ms - 6.0 60 $0.0015")
    assert cells(said.stdout, "chat-us-1").startswith("chat chat-us-1 closed 2 0 - - 0/0 - - -")
    assert "3 deployments, 1 worker, nobody waits" in said.stdout
    assert "1 call, heard" in said.stdout


def test_looking_does_not_join_the_pool(ask: Ask[Any], cli: Cli) -> None:
    """The command is no worker: it neither appears among them nor leaves anything."""
    for _ in range(2):
        assert "1 worker" in cli("status").stdout


def test_health_says_why_and_how_long(ask: Ask[Any], cli: Cli) -> None:
    ask(lambda store: store.control("cool", "embed-1", ms=30_000))
    ask(lambda store: store.control("drain", "chat-us-1"))
    ask(lambda store: store.control("weight", "chat-eu-1", weight=5))
    text = cli("status").stdout
    assert "open: operator, 30 s" in cells(text, "embed-1")
    assert "drained*" in cells(text, "chat-us-1")
    assert "closed 5*" in cells(text, "chat-eu-1")
    assert "* changed by an operator" in text


def test_a_group_is_shown_without_the_others(ask: Ask[Any], cli: Cli) -> None:
    text = cli("status", "--group", "embed").stdout
    assert "embed-1" in text
    assert "chat-eu-1" not in text


def test_json_has_every_field_of_the_records(ask: Ask[Any], cli: Cli) -> None:
    said = json.loads(cli("status", "--json").stdout)
    first = next(one for one in said["deployments"] if one["id"] == "chat-eu-1")
    assert set(first) == set(DeploymentState.__dataclass_fields__)
    assert first["used"] == {"requests/60": 2, "tokens/60": 160, "concurrent": 1}
    assert len(said["workers"]) == 1
    assert said["waiting"] == {"chat": 0, "embed": 0}


def test_a_pipe_gets_plain_text(ask: Ask[Any], cli: Cli) -> None:
    text = cli("status", env={"TERM": "xterm-256color", "COLUMNS": "40"}).stdout
    assert "\x1b" not in text
    assert "│" not in text
    assert "chat-eu-1" in text


def test_an_empty_pool_says_so(cli: Cli) -> None:
    said = cli("status")
    assert said.exit_code == 0
    assert "no worker has joined this pool yet" in said.stdout


def command(engine: Server, pool: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    env = {**os.environ, "ROUTER_CORE_REDIS_URL": engine.url, "ROUTER_CORE_POOL": pool, "TERM": "xterm"}
    return [sys.executable, "-c", "from router_core.cli import main; main()", *arguments], env


@pytest.mark.slow
def test_watch_prints_again_and_ends_quietly_on_interrupt(ask: Ask[Any], engine: Server, pool: str) -> None:
    words, env = command(engine, pool, "status", "--json", "--watch", "0.2")
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert looks[1]["now_ms"] > looks[0]["now_ms"]
    assert (process.returncode, errors) == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_gets_a_table(ask: Ask[Any], engine: Server, pool: str) -> None:
    words, env = command(engine, pool, "status")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(words, env=env | {"COLUMNS": "160"}, stdout=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    text, deadline = b"", time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            text += os.read(ours, 65536)
        except OSError:  # the other end was closed
            break
    os.close(ours)
    assert process.wait(10) == 0
    assert "│" in text.decode()
    assert "chat-eu-1" in text.decode()

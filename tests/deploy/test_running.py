"""What the containers run, run here: the start script with its health check, and the example worker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from router_core.simulator import Behaviour, Upstream
from tests.deploy.files import DEPLOY, read
from tests.servers import Missing, Server, binary, free_port

PASSWORD = "0123456789abcdef"
pytestmark = pytest.mark.slow


def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `true` answers as soon as it is true; TimeoutError if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise TimeoutError


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """A PATH with `valkey-server`, and `valkey-cli` by the name it has in the image."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "valkey-server").symlink_to(binary("valkey"))
    try:
        (folder / "valkey-cli").symlink_to(Path(binary("redis62")).with_name("redis-cli"))
    except Missing:
        pytest.skip("no redis-cli for this machine")
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture
def started(programs: str, tmp_path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Valkey by start.sh as the containers start it, but for the port and the folder."""
    port, data = free_port(), tmp_path / "data"
    data.mkdir()
    env = {
        "PATH": programs,
        "ROUTER_PASSWORD": PASSWORD,
        "OPERATOR_PASSWORD": "other",
        "USERS_FILE": str(tmp_path / "acl"),
    }
    words = ["sh", str(DEPLOY / "redis/start.sh"), "--dir", str(data), "--port", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
    yield port, env
    process.terminate()
    process.wait(10)


def test_the_start_script_and_the_health_check_of_the_container(
    started: tuple[int, dict[str, str]], tmp_path: Path
) -> None:
    """Users as shipped, no password on disk, a full memory never evicts, a restart forgets a second at most."""
    port, env = started
    check = read("compose.yaml")["services"]["valkey"]["healthcheck"]["test"][1].replace("$$", "$")
    check = check.replace("valkey-cli", f"valkey-cli -p {port}")
    until(lambda: subprocess.run(["sh", "-c", check], env=env, check=False).returncode == 0)
    wrong = subprocess.run(
        ["sh", "-c", check], env=env | {"ROUTER_PASSWORD": "wrong"}, capture_output=True, check=False
    )
    assert wrong.returncode != 0
    with redis.Redis(port=port, username="operator", password="other", decode_responses=True) as client:
        config: dict[str, str] = client.config_get("*")
        assert config["maxmemory-policy"] == "noeviction"
        assert config["appendonly"] == "yes"
    assert PASSWORD not in (tmp_path / "acl").read_text()
    assert (tmp_path / "acl").stat().st_mode & 0o077 == 0


def test_the_start_script_refuses_to_start_without_passwords(programs: str) -> None:
    done = subprocess.run(
        ["sh", str(DEPLOY / "redis/start.sh")], env={"PATH": programs}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "ROUTER_PASSWORD" in done.stderr


def test_the_server_itself_is_given_no_password(programs: str, tmp_path: Path) -> None:
    """A stand-in for the server shows its environment and its arguments."""
    (tmp_path / "show").write_text("#!/bin/sh\nenv\necho $@\n")
    (tmp_path / "show").chmod(0o755)
    env = {"PATH": programs, "ROUTER_PASSWORD": PASSWORD, "OPERATOR_PASSWORD": "other-password"}
    env |= {"SERVER": str(tmp_path / "show"), "USERS_FILE": str(tmp_path / "acl")}
    words = ["sh", str(DEPLOY / "redis/start.sh"), "--dir", "/data"]
    said = subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1].endswith("--dir /data")
    assert PASSWORD not in said
    assert "other-password" not in said


async def test_the_example_worker_serves_is_measured_and_ends_clean(
    servers: Callable[[str], Server], pool: str, tmp_path: Path
) -> None:
    """Both upstreams get calls, /metrics tells of them, SIGTERM ends it with everything settled."""
    server, port = servers("valkey"), free_port()
    async with Upstream(Behaviour(latency=0.01)) as fast, Upstream(Behaviour(latency=0.05)) as slow:
        env = {
            **os.environ,
            "ROUTER_CORE_REDIS_URL": server.url,
            "ROUTER_CORE_POOL": pool,
            "CONFIG": str(DEPLOY / "config.yaml"),
            "UPSTREAM_FAST": fast.url,
            "UPSTREAM_SLOW": slow.url,
            "UPSTREAM_KEY": "sk-not-for-metrics",
            "METRICS_PORT": str(port),
            "RATE": "100",
        }
        with (tmp_path / "log").open("w") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(DEPLOY / "worker.py"), env=env, stdout=log, stderr=log
            )
        try:
            text = await _told(port, process)
            process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(process.wait(), 20)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        said = (tmp_path / "log").read_text()
        assert code == 0, said
        assert "done: " in said
        assert len(fast.log) + len(slow.log) >= 50
    assert "sk-not-for-metrics" not in text + said
    assert f'router_core_requests_total{{call="chat",group="chat",outcome="ok",pool="{pool}"}}' in text
    with server.operator() as client:
        inflight = dict(client.hgetall(f"rc:{{{pool}}}:inflight"))
        assert {amount for id, amount in inflight.items() if id != "~"} == {"0"}
        assert client.zcard(f"rc:{{{pool}}}:held") <= 1


async def _told(port: int, process: asyncio.subprocess.Process) -> str:
    """/metrics once 50 requests were served and the pool was read."""
    deadline = time.monotonic() + 30
    async with httpx.AsyncClient() as client:
        while time.monotonic() < deadline and process.returncode is None:
            try:
                text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            except httpx.TransportError:
                text = ""
            served = [line for line in text.splitlines() if line.startswith("router_core_requests_total")]
            if sum(float(line.split()[-1]) for line in served) >= 50 and "router_core_pool_left{" in text:
                return text
            await asyncio.sleep(0.1)
    raise TimeoutError

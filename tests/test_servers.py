"""The servers of the tests are real, run with the shipped users, and end with their owner."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests import servers
from tests.servers import Server

ROOT = Path(__file__).resolve().parent.parent
REFUSED = {
    "a key of others": ("HSET", "other", "field", "1"),
    "all keys": ("KEYS", "*"),
    "emptying": ("FLUSHALL",),
    "settings": ("CONFIG", "GET", "*"),
    "free scripts": ("EVAL", "return 1", "0"),
    "forgetting scripts": ("SCRIPT", "FLUSH"),
    "channels": ("PUBLISH", "channel", "text"),
    "other clients": ("CLIENT", "LIST"),
    "users": ("ACL", "LIST"),
}


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), decode_responses=True)


def test_the_router_user_may_run_scripts_on_its_own_keys(engine: Server, pool: str) -> None:
    with client(engine.url) as router:
        sha = router.script_load("return redis.call('HSET', KEYS[1], 'a', 1)")
        assert router.evalsha(sha, 1, f"rc:{{{pool}}}:settings") == 1


def test_a_script_of_the_router_user_reaches_no_other_key(engine: Server) -> None:
    with client(engine.url) as router, pytest.raises(redis.ResponseError, match=r"permissions|ACL|NOPERM"):
        router.evalsha(router.script_load("return redis.call('HSET', KEYS[1], 'a', 1)"), 1, "other")


@pytest.mark.parametrize("command", REFUSED.values(), ids=list(REFUSED))
def test_the_router_user_may_do_nothing_else(engine: Server, command: tuple[str, ...]) -> None:
    with client(engine.url) as router, pytest.raises(redis.ResponseError, match="permissions"):
        router.execute_command(*command)


def test_nobody_comes_in_without_a_user(engine: Server) -> None:
    with client(f"redis://127.0.0.1:{engine.port}") as nobody, pytest.raises(redis.RedisError):
        nobody.ping()


def test_the_servers_never_evict_and_do_not_persist(engine: Server) -> None:
    with engine.operator() as operator:
        settings = {name: operator.config_get(name)[name] for name in ("maxmemory-policy", "appendonly", "save")}
    assert settings == {"maxmemory-policy": "noeviction", "appendonly": "no", "save": ""}


def test_every_command_in_the_scripts_is_granted_and_no_other(engine: Server) -> None:
    """Least rights: users.acl names the commands of state/lua, and what a client needs to connect and load scripts."""
    client_needs = {"@scripting", "hello", "ping", "info", "select", "command", "asking"}  # 6.2 knows no FCALL by name
    with engine.operator() as operator:
        known = {str(name).lower() for name in operator.command()}
    line = next(x for x in (servers.DEPLOY / "users.acl").read_text().splitlines() if x.startswith("user router"))
    granted = {x[1:] for x in line.split() if x.startswith("+") and "|" not in x}
    sources = "".join(path.read_text() for path in (ROOT / "state/lua").glob("*.lua"))
    used = {x.lower() for x in re.findall(r'"([A-Z]{3,})"', sources)} & known
    assert used - granted == set()
    assert granted - used - client_needs == set()


def test_the_shipped_users_cannot_be_used_without_passwords_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The placeholders are no valid hash: a server given the file as it is does not start."""
    monkeypatch.setattr(servers, "rendered", (servers.DEPLOY / "users.acl").read_text)
    with pytest.raises(RuntimeError, match=r"users\.acl:2"):
        servers.start("valkey")


def test_a_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    script = "import tests.servers, time; print(tests.servers.start('valkey').process.pid, flush=True); time.sleep(60)"
    command, env = [sys.executable, "-c", script], {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert "valkey" in psutil.Process(pid).name()
        owner.kill()
    deadline = time.monotonic() + 5
    while alive(pid):
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

"""embedded://: one server for the processes of a machine, and nothing left when the last of them is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from router_core.state.engines import Script, Unreachable
from router_core.state.engines import embedded as module
from router_core.state.engines.embedded import EmbeddedEngine

USER = """
import asyncio, os, sys
from router_core.state.engines import Script, engine
COUNT = Script("count", '''local n = (redis.call('HGET', KEYS[1], 'n') or 0) + 1
redis.call('HSET', KEYS[1], 'n', n)
return {tostring(n)}''')
async def main():
    session = engine("embedded://" + sys.argv[1]).connect()
    for line in sys.stdin:
        if line == "fork\\n" and os.fork() == 0:
            os.setsid()
            os.close(0), os.close(1)
            import time
            for _ in range(1200):
                time.sleep(0.05)
                if os.path.exists(sys.argv[1] + ".over"):
                    break
            os._exit(0)
        print(*await session.run(COUNT, ["rc:{e}:n"], []), flush=True)
asyncio.run(main())
"""


class User:
    """Another process that uses the server."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def send(self, word: str = "count") -> None:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def count(self, word: str = "count") -> int:
        self.send(word)
        return self.read()

    def read(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def servers_of(directory: Path) -> list[int]:
    """Processes (server, guard) that were started for the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            ours = any(b"guard.py" in word or b"-server" in word for word in words)
            if ours and os.fsencode(directory) in b" ".join(words):
                found.append(int(entry.name))
    return found


def soon(what: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return what()


def nothing_left(directory: Path) -> bool:
    return not directory.exists() and not servers_of(directory)


pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc to see what is left")


@pytest.mark.slow
def test_processes_that_start_at_once_share_one_server_and_the_last_takes_it_along(tmp_path: Path) -> None:
    directory = tmp_path / "shared"
    users = [User(directory) for _ in range(4)]
    for user in users:
        user.send()
    assert sorted(user.read() for user in users) == [1, 2, 3, 4]
    for user in users[:3]:  # the one that started it is among them, or the next line kills it
        user.kill()
    assert users[3].count() == 5
    users[3].kill()
    assert soon(lambda: nothing_left(directory))


@pytest.mark.slow
def test_a_forked_child_is_a_user_too(tmp_path: Path) -> None:
    directory = tmp_path / "forked"
    user = User(directory)
    assert [user.count(), user.count("fork")] == [1, 2]
    user.kill()
    time.sleep(0.5)  # time enough for a guard that saw nobody left
    other = User(directory)
    assert other.count() == 3
    other.kill()
    directory.with_name("forked.over").touch()  # now the child ends too
    assert soon(lambda: nothing_left(directory), 8.0)


@pytest.mark.slow
def test_a_killed_server_is_started_again_empty(tmp_path: Path) -> None:
    directory = tmp_path / "killed"
    user = User(directory)
    assert [user.count(), user.count()] == [1, 2]
    for pid in servers_of(directory):
        if b"guard.py" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    assert user.count() == 1
    user.kill()
    assert soon(lambda: nothing_left(directory))


@pytest.mark.slow
def test_a_killed_guard_takes_the_server_along_and_the_next_run_starts_both(tmp_path: Path) -> None:
    directory = tmp_path / "guard"
    user = User(directory)
    assert user.count() == 1
    for pid in servers_of(directory):
        if b"guard.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    assert soon(lambda: not servers_of(directory))
    assert user.count() == 1
    user.kill()
    assert soon(lambda: nothing_left(directory))


async def test_leaving_ends_it_and_joining_again_starts_it(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 40)  # longer than a socket's path may be
    for _ in range(2):
        engine = EmbeddedEngine(str(directory))
        session = engine.connect()
        assert await session.run(Script("one", "return {'1'}"), ["k"], []) == ["1"]
        assert (await engine.probe()).policy == "noeviction"
        await session.aclose()
        await engine.aclose()
        assert soon(lambda: nothing_left(directory))
    assert not module.socket_path(directory).exists()


async def test_no_binary_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match=r"router-core\[embedded\]"):
        await EmbeddedEngine(str(tmp_path / "none")).ensure()

"""The engine on real servers: what heals by itself, what fails how fast, and what a message says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.asyncio.sentinel import Sentinel

from router_core.state.engines import Script, ServerError, TimedOut, Unreachable, engine
from router_core.state.engines.remote import RemoteEngine
from tests.servers import Server, binary, free_port, start

ECHO = Script("echo", "redis.call('HSET', KEYS[1], 'a', ARGV[1]) return redis.call('HMGET', KEYS[1], 'a')", True)
KEY = ["rc:{remote}:settings"]


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


async def test_a_forgotten_script_is_loaded_again(engine: Server) -> None:
    state = RemoteEngine(engine.url)
    session = state.connect()
    assert await session.run(ECHO, KEY, ["1"]) == ["1"]
    with engine.operator() as operator:
        operator.script_flush()
    assert await session.run(ECHO, KEY, ["2"]) == ["2"]
    await session.aclose()


async def test_a_killed_connection_is_made_anew(engine: Server) -> None:
    session = RemoteEngine(engine.url).connect()
    for turn in ("1", "2", "3"):
        assert await session.run(ECHO, KEY, [turn]) == [turn]
        with engine.operator() as operator:
            operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await session.aclose()


async def test_probe_with_the_rights_of_the_shipped_user(engine: Server) -> None:
    found = await RemoteEngine(engine.url).probe()
    assert found.version
    assert found.policy == "noeviction"
    assert found.notes == ()


async def test_a_script_that_may_write_at_maxmemory_does(engine: Server) -> None:
    state = RemoteEngine(engine.url)
    session = state.connect()
    await session.run(ECHO, KEY, ["1"])
    old = state.server.version.startswith("6.")
    with engine.operator() as operator:
        operator.config_set("maxmemory", 1)
        try:
            if old:
                with pytest.raises(ServerError):
                    await session.run(ECHO, KEY, ["2"])
            else:
                assert await session.run(ECHO, KEY, ["2"]) == ["2"]
            with pytest.raises(ServerError) as caught:
                await session.run(Script("plain", ECHO.source), KEY, ["3"])
            assert "OOM" in str(caught.value) or caught.value.code == "OOM"
        finally:
            operator.config_set("maxmemory", 0)
    await session.aclose()


async def test_a_ready_client_shows_the_way(engine: Server) -> None:
    client = Redis.from_url(engine.url, decode_responses=True)
    state = RemoteEngine(client=client)
    session = state.connect()
    assert await session.run(ECHO, KEY, ["é"]) == ["é"]
    assert "test-router" not in state.address
    await session.aclose()
    await client.aclose()


async def test_scripts_errors_and_rights_are_server_errors(engine: Server) -> None:
    session = RemoteEngine(engine.url).connect()
    reading = "return redis.call('HMGET', KEYS[1], 'a')"
    for source, keys in (("return nothing", KEY), (reading, ["foreign"]), ("x", KEY)):
        with pytest.raises(ServerError, match="script bad on"):
            await session.run(Script("bad", source), keys, [])
    await session.aclose()
    wrong = RemoteEngine(engine.url.replace("test-router", "wrong-password")).connect()
    with pytest.raises(ServerError) as caught:
        await wrong.run(ECHO, KEY, ["1"])
    assert caught.value.code == "WRONGPASS"
    assert "wrong-password" not in str(caught.value)
    await wrong.aclose()


async def test_a_silent_server_fails_in_time_and_without_the_password() -> None:
    with silent() as port:
        url = f"redis://me:secret@127.0.0.1:{port}/0"
        session = RemoteEngine(url, reply_timeout=0.1, connect_timeout=0.1).connect()
        began = time.monotonic()
        with pytest.raises(TimedOut) as caught:
            await session.run(ECHO, KEY, ["1"])
        assert time.monotonic() - began < 1.0
        with pytest.raises(TimedOut):
            await session.run(ECHO, KEY, ["1"], timeout=0.05)
    assert "secret" not in str(caught.value)
    assert f"redis://127.0.0.1:{port}/0" in str(caught.value)


@pytest.mark.parametrize(
    "scheme", ["redis://me:secret@{}", "redis+sentinel://me:secret@{}/main", "redis+cluster://me:secret@{}"]
)
async def test_nobody_there_is_unreachable_at_once(scheme: str) -> None:
    with silent() as port:
        pass
    session = engine(scheme.format(f"127.0.0.1:{port}")).connect()
    began = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        await session.run(ECHO, KEY, ["1"])
    assert time.monotonic() - began < 1.0
    assert "secret" not in str(caught.value)
    await session.aclose()


async def test_a_cancelled_run_does_not_shift_the_replies_of_the_next(engine: Server) -> None:
    session = RemoteEngine(engine.url).connect()
    for turn in range(40):
        task = asyncio.create_task(session.run(ECHO, KEY, ["cancelled"]))
        await asyncio.sleep(turn * 0.00002)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await session.run(ECHO, KEY, [str(turn)]) == [str(turn)]
    await session.aclose()


def cluster() -> Server:
    """One node with all slots."""
    server = start("valkey", cluster_enabled="yes")
    with server.operator() as operator:
        operator.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while operator.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            time.sleep(0.05)
    return server


@pytest.mark.slow
async def test_a_cluster_of_one_node_serves_by_its_cluster_url() -> None:
    server = cluster()
    try:
        state = engine(server.operator_url.replace("redis://", "redis+cluster://").removesuffix("/0"))
        session = state.connect()
        assert await session.run(ECHO, KEY, ["1"]) == ["1"]
        with server.operator() as operator:
            operator.script_flush()
        assert await session.run(ECHO, KEY, ["2"]) == ["2"]
        assert (await state.probe()).cluster
        await session.aclose()
    finally:
        server.stop()


def watch(server: Server, folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A sentinel that knows the server as `main`."""
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor main 127.0.0.1 {server.port} 1\n"
        "sentinel auth-user main operator\nsentinel auth-pass main test-operator\n"
    )
    return subprocess.Popen([binary("valkey"), config, "--sentinel"], stdout=subprocess.DEVNULL)


async def test_a_sentinel_names_the_master(tmp_path: Path) -> None:
    server, port = start("valkey"), free_port()
    sentinel = watch(server, tmp_path, port)
    try:
        url = f"redis+sentinel://router:test-router@127.0.0.1:{port}/main/0"
        session = engine(url).connect()
        for _ in range(100):
            with contextlib.suppress(Unreachable):
                assert await session.run(ECHO, KEY, ["1"]) == ["1"]
                break
            await asyncio.sleep(0.05)
        assert await session.run(ECHO, KEY, ["2"]) == ["2"]
        await session.aclose()
        client = cast(Any, Sentinel)([("127.0.0.1", port)], username="router", password="test-router").master_for(
            "main"
        )
        like = RemoteEngine(client=client).connect()
        assert await like.run(ECHO, KEY, ["3"]) == ["3"]
        await like.aclose()
    finally:
        sentinel.kill()
        sentinel.wait()
        server.stop()


def test_an_unknown_scheme_lists_the_good_ones() -> None:
    with pytest.raises(ValueError, match=r"no engine for 'mysql'.*memory://, embedded://, redis://"):
        engine("mysql://host")
    with pytest.raises(ValueError, match="an address without a scheme"):
        engine("host:6379")

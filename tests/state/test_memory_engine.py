"""The memory engine beyond single commands: sandbox, threads, forks, time, and keys that end."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from router_core.state.engines import MemoryEngine, Script, ServerError

COUNT = Script("count", "redis.call('HSET', KEYS[1], 'n', (redis.call('HGET', KEYS[1], 'n') or 0) + 1) return {'done'}")
READ = Script("read", "return {redis.call('HGET', KEYS[1], 'n') or 'none'}")


@pytest.mark.parametrize(
    "source",
    [
        "return undeclared",
        "undeclared = 1",
        "return os.execute('true')",
        "return loadstring('return 1')()",
        "return math.random()",
        "return python",
        "local a <const> = 1",
        "return redis.call('HGET', 'another key', 'n')",
        "error('boom')",
    ],
)
def test_a_script_that_leaves_the_sandbox_is_a_server_error(source: str) -> None:
    with pytest.raises(ServerError, match="script bad on memory://"):
        MemoryEngine().evaluate(Script("bad", source), ["key"], [])


def test_an_error_keeps_its_code() -> None:
    with pytest.raises(ServerError) as caught:
        MemoryEngine().evaluate(Script("own", "return {err = 'MINE told'}"), [], [])
    assert caught.value.code == "MINE"


def test_threads_with_loops_of_their_own_lose_no_update() -> None:
    engine = MemoryEngine()

    async def work() -> None:
        for _ in range(200):
            await engine.connect().run(COUNT, ["key"], [])

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.evaluate(READ, ["key"], []) == ["1600"]


@pytest.mark.slow
def test_forks_during_runs_of_other_threads_have_a_whole_copy_of_their_own() -> None:
    engine, stop = MemoryEngine(), threading.Event()

    def busy() -> None:
        while not stop.is_set():
            engine.evaluate(COUNT, ["key"], [])

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                before = int(engine.evaluate(READ, ["key"], [])[0].replace("none", "0"))
                engine.evaluate(COUNT, ["key"], [])
                os._exit(0 if engine.evaluate(READ, ["key"], []) == [str(before + 1)] else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()


def test_keys_end_by_the_clock_also_when_nobody_asks_for_them() -> None:
    now = [1_000_000_000_000]
    engine = MemoryEngine(clock=lambda: now[0])
    short = Script("short", "redis.call('HSET', KEYS[1], 'n', 1) redis.call('PEXPIRE', KEYS[1], 500) return {}")
    for i in range(100):
        engine.evaluate(short, [f"use:{i}"], [])
    now[0] += 499_000_000
    assert engine.evaluate(READ, ["use:7"], []) == ["1"]
    now[0] += 1_000_000
    assert engine.evaluate(READ, ["use:7"], []) == ["none"]
    for _ in range(30):
        engine.evaluate(READ, ["another"], [])
    assert engine.key_count() == 0


def test_time_is_the_given_clock() -> None:
    engine = MemoryEngine(clock=lambda: 1_790_000_000_123_456_789)
    assert engine.evaluate(Script("time", "return redis.call('TIME')"), [], []) == ["1790000000", "123456"]


def test_long_replies_and_bytes_pass_whole() -> None:
    engine = MemoryEngine()
    many = Script("many", "local r = {} for i = 1, 20000 do r[i] = tostring(i) end return r")
    assert engine.evaluate(many, [], []) == [str(i) for i in range(1, 20001)]
    echo = Script("echo", "return {ARGV[1], ARGV[2]}")
    assert engine.evaluate(echo, [], ["é\0", b"\xff"]) == ["é\0", "\ufffd"]

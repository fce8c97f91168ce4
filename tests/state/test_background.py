"""The background thread: starts lazily, survives fork, ends with its owner and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from router_core.state.background import Background


@pytest.fixture
def background() -> Iterator[Background]:
    thread = Background("test-background")
    yield thread
    thread.close()


def threads_named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


async def name_of_thread() -> str:
    await asyncio.sleep(0)
    return threading.current_thread().name


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def test_nothing_starts_before_the_first_use() -> None:
    Background("never-used")
    assert not threads_named("never-used")


def test_runs_there_and_returns_the_result(background: Background) -> None:
    assert background.run(name_of_thread()) == "test-background"
    assert background.submit(name_of_thread()).result(5) == "test-background"


def test_errors_come_back_and_context_variables_travel_along(background: Background) -> None:
    who = contextvars.ContextVar("who", default="nobody")

    async def fail() -> None:
        raise KeyError(who.get())

    who.set("caller")
    with pytest.raises(KeyError, match="caller"):
        background.run(fail())


def test_many_threads_share_one_loop(background: Background) -> None:
    loops = []
    threads = [threading.Thread(target=lambda: loops.append(background.loop)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loops) == 16
    assert len(set(map(id, loops))) == 1
    assert len(threads_named("test-background")) == 1


def test_waiting_for_itself_is_an_error_not_a_deadlock(background: Background) -> None:
    async def nested() -> None:
        background.run(name_of_thread())

    with pytest.raises(RuntimeError, match="wait for itself"):
        background.run(nested())


def test_close_cancels_what_runs_and_ends_the_thread(background: Background) -> None:
    started, ended = threading.Event(), []

    async def endless() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    future = background.submit(endless())
    assert started.wait(5)
    background.close()
    background.close()
    assert ended == [True]
    assert future.cancelled()
    assert not threads_named("test-background")
    with pytest.raises(RuntimeError, match="closed"):
        background.run(name_of_thread())


def test_the_thread_ends_when_its_owner_is_collected() -> None:
    background = Background("collected")
    background.run(name_of_thread())
    gone = weakref.ref(background)
    del background
    gc.collect()
    assert gone() is None
    assert wait_until(lambda: not threads_named("collected"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_its_own_and_leaves_the_parents_alone(background: Background) -> None:
    finished = threading.Event()

    async def parents_call() -> int:
        try:
            await asyncio.sleep(0.3)
        finally:
            finished.set()
        return os.getpid()

    future = background.submit(parents_call())
    parents_loop = background.loop
    child = os.fork()
    if child == 0:
        fresh = background.run(name_of_thread()) == "test-background" and background.loop is not parents_loop
        gc.collect()
        os._exit(0 if fresh and not finished.is_set() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert future.result(5) == os.getpid()
    assert background.run(name_of_thread()) == "test-background"


@pytest.mark.slow
def test_a_process_ends_by_itself_and_lets_cancelled_tasks_finish() -> None:
    program = """
import asyncio
from router_core.state.background import Background
background = Background()
async def flushes():
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.05)
        print("flushed", flush=True)
background.submit(flushes())
background.run(asyncio.sleep(0))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "flushed", "")

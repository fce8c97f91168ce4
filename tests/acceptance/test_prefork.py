"""A Router that has served a call, and then processes: forked, forked again after a death, and spawned."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Self

import psutil
import pytest

from router_core import Router
from router_core.simulator import Behaviour
from tests.acceptance.processes import PATIENCE, RemoteUpstream, children, upstreams
from tests.acceptance.rig import PROMPT, entry
from tests.servers import Server

CHILDREN, CALLS = 4, 10
Connections = frozenset[tuple[int, int]]  # (our port, the server's port)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@dataclass(frozen=True)
class Told:
    """A process after its calls: its name in the pool, who served it, its TCP connections."""

    worker: str
    served_by: frozenset[str]
    connections: Connections


@pytest.fixture
def upstream() -> Iterator[RemoteUpstream]:
    with upstreams(Behaviour(latency=0.02)) as (one,):
        yield one


def connections() -> Connections:
    """Every TCP connection this process has a descriptor of."""
    found = psutil.Process().net_connections("tcp")
    return frozenset((one.laddr.port, one.raddr.port) for one in found if one.status == psutil.CONN_ESTABLISHED)


async def _many(router: Router) -> set[str]:
    answers = await asyncio.gather(*(router.acompletion("m", PROMPT) for _ in range(CALLS)))
    return {str(answer.deployment) for answer in answers}


def serve(pipe: Connection, router: Router) -> None:
    """Calls without an event loop and with one, then leaves the pool as an application does."""
    served = {str(router.completion("m", PROMPT).deployment) for _ in range(CALLS)}
    with asyncio.Runner() as runner:
        served |= runner.run(_many(router))
        pipe.send(Told(router.store.worker, frozenset(served), connections()))
        pipe.recv()  # all stand at once, with their connections open
        runner.run(router.aclose())


class Forked:
    """Children made by `os.fork` that run `serve`; those that are left at the end are killed."""

    def __init__(self, router: Router) -> None:
        self._router, self._pipes = router, dict[int, Connection]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self._pipes):
            self.kill(pid)

    @property
    def pids(self) -> list[int]:
        return list(self._pipes)

    def fork(self, times: int) -> list[Told]:
        """So many more children, and what they tell after their calls."""
        pids = [self._fork() for _ in range(times)]
        return [self._hear(self._pipes[pid]) for pid in pids]

    def leave(self) -> list[int]:
        """All go; their exit codes: 0 where nothing was raised."""
        for pipe in self._pipes.values():
            pipe.send("leave")
        return [os.waitstatus_to_exitcode(os.waitpid(self._gone(pid), 0)[1]) for pid in self.pids]

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(self._gone(pid), 0)

    def _gone(self, pid: int) -> int:
        self._pipes.pop(pid).close()
        return pid

    def _fork(self) -> int:
        ours, theirs = multiprocessing.Pipe()
        pid = os.fork()
        if pid:
            theirs.close()
            self._pipes[pid] = ours
            return pid
        code = 1
        try:
            serve(theirs, self._router)
            code = 0
        except BaseException:
            theirs.send(traceback.format_exc())
        finally:
            os._exit(code)

    @staticmethod
    def _hear(pipe: Connection) -> Told:
        assert pipe.poll(PATIENCE), "the child said nothing"
        told = pipe.recv()
        assert isinstance(told, Told), told
        return told


def no_socket_is_shared(*told: Connections) -> None:
    """No two processes hold a descriptor of the same connection."""
    seen: set[tuple[int, int]] = set()
    for mine in told:
        assert mine, "a process that served a call has connections"
        assert not seen & mine, f"shared, by the server's port: {Counter(server for _, server in seen & mine)}"
        seen |= mine


def test_children_forked_after_a_call_serve_and_share_no_socket(
    valkey: Server, pool: str, upstream: RemoteUpstream
) -> None:
    router = Router(model_list=[entry(upstream.url, "one", rpm=10_000)], redis_url=valkey.url, pool=pool)
    with asyncio.Runner() as runner, Forked(router) as forked:
        router.completion("m", PROMPT)
        runner.run(_many(router))
        told = forked.fork(CHILDREN)
        runner.run(_many(router))
        router.completion("m", PROMPT)
        assert {name for one in told for name in one.served_by} == {"one"}
        assert len({router.store.worker, *(one.worker for one in told)}) == CHILDREN + 1
        assert len(runner.run(router.snapshot()).workers) == CHILDREN + 1
        mine = connections()
        assert forked.leave() == [0] * CHILDREN
        assert runner.run(_many(router)) == {"one"}, "the parent goes on when its children have left"
        runner.run(router.store.flush())
        state = runner.run(router.snapshot())
        assert (len(state.workers), state.deployments["one"].inflight) == (1, 0)
        runner.run(router.aclose())
    visits = upstream.visits()
    assert {visit.status for visit in visits} == {200}
    assert state.deployments["one"].used["requests/60"] == len(visits)
    no_socket_is_shared(mine, *(one.connections for one in told))


def master(pipe: Connection, url: str, pool: str, model_list: list[dict[str, Any]]) -> None:
    """What a preforking server does with an application that was loaded before: it serves nothing itself, and where a
    worker dies it forks another."""
    router = Router(model_list=model_list, redis_url=url, pool=pool)
    router.completion("m", PROMPT)
    with Forked(router) as workers:
        first = workers.fork(CHILDREN)
        workers.kill(workers.pids[0])
        again = workers.fork(1)
        pipe.send((first, again, workers.leave()))
    pipe.recv()
    router.close()


@pytest.mark.slow
def test_a_preforking_server_with_the_application_loaded_before(
    valkey: Server, pool: str, upstream: RemoteUpstream
) -> None:
    with children((master, valkey.url, pool, [entry(upstream.url, "one")])) as (server,):
        first, again, codes = server.hear()
        server.tell("end")
        server.process.join(PATIENCE)
        assert server.process.exitcode == 0
    assert codes == [0] * CHILDREN
    assert {name for one in (*first, *again) for name in one.served_by} == {"one"}
    no_socket_is_shared(*(one.connections for one in first))
    no_socket_is_shared(*(one.connections for one in (*first[1:], *again)))


def served(model_list: list[dict[str, Any]], url: str, pool: str) -> str:
    """In a spawned process: nothing of the parent's is there."""
    router = Router(model_list=model_list, redis_url=url, pool=pool)
    answer = router.completion("m", PROMPT)
    router.close()
    return str(answer.deployment)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Module .* was previously imported")  # coverage, in a forked child
def test_processes_that_multiprocessing_forks_or_spawns_serve(
    valkey: Server, pool: str, upstream: RemoteUpstream
) -> None:
    """Pools of both kinds: fork with the parent's Router, spawn with one of their own."""
    models = [entry(upstream.url, "one")]
    router = Router(model_list=models, redis_url=valkey.url, pool=pool)
    assert router.completion("m", PROMPT).deployment == "one"
    forked = [multiprocessing.get_context("fork").Process(target=_once, args=(router,)) for _ in range(CHILDREN)]
    for process in forked:
        process.start()
    for process in forked:
        process.join(PATIENCE)
    assert [process.exitcode for process in forked] == [0] * CHILDREN
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        assert processes.starmap(served, [(models, valkey.url, pool)] * CHILDREN) == ["one"] * CHILDREN
    assert router.completion("m", PROMPT).deployment == "one"
    router.close()


def _once(router: Router) -> None:
    """Ends like any child of multiprocessing: by returning, without closing anything."""
    answers = [router.completion("m", PROMPT) for _ in range(CALLS)]
    sys.exit({answer.deployment for answer in answers} != {"one"})

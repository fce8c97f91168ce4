"""Processes of a test: workers that share nothing with it but a pipe, and simulated upstreams.

with children((serve, url, pool), (serve, url, pool)) as workers:
    workers[0].hear()            # what the worker sent first; its exception is raised here
    workers[0].tell("go")
with upstreams(Behaviour(rpm=60), Behaviour()) as (one, other):
    one.visits()                 # its own log, the witness
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from router_core.simulator import Behaviour, Visit
from tests.fresh import FRESH

PATIENCE = 60.0
LEAVING = 10.0  # seconds a child gets to end by itself


class Child:
    """A fresh process that runs `target(pipe, *arguments)`."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self.pipe, theirs = FRESH.Pipe()
        self.process = FRESH.Process(target=_run, args=(target, theirs, arguments), daemon=True)
        self.process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def tell(self, message: Any) -> None:
        self.pipe.send(message)

    def hear(self, timeout: float = PATIENCE) -> Any:
        """The next message. Raises TimeoutError, EOFError where the process is gone, AssertionError where it failed."""
        if not self.pipe.poll(timeout):
            raise TimeoutError(f"process {self.pid} said nothing for {timeout:.0f} s")
        message = self.pipe.recv()
        assert not isinstance(message, _Failed), message.text
        return message

    def kill(self) -> None:
        """SIGKILL, as in a crash."""
        self.process.kill()
        self.process.join()

    def end(self) -> None:
        """A child that still waits for a message reads the end of its pipe; one that does not go is killed."""
        self.pipe.close()
        self.process.join(LEAVING)
        self.process.kill()
        self.process.join()
        self.process.close()


@dataclasses.dataclass(frozen=True)
class _Failed:
    text: str


def _run(target: Callable[..., None], pipe: Connection, arguments: tuple[Any, ...]) -> None:
    try:
        target(pipe, *arguments)
    except BaseException:
        with suppress(OSError):  # nobody listens any more
            pipe.send(_Failed(traceback.format_exc()))
        sys.exit(1)


@contextmanager
def children(*calls: tuple[Any, ...]) -> Iterator[list[Child]]:
    """A process for each (target, *arguments); those that still run at the end are killed."""
    with ExitStack() as stack:
        started = []
        for call in calls:
            started.append(Child(*call))
            stack.callback(started[-1].end)
        yield started


@dataclasses.dataclass(frozen=True)
class RemoteUpstream:
    """A simulated upstream in a process of its own."""

    url: str

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")

    def visits(self) -> list[Visit]:
        """Everything that has ended there."""
        found: list[Visit] = []
        while True:
            page = _json(f"{self.origin}/_log?after={len(found)}")
            found += [Visit(**visit) for visit in page["visits"]]
            if page["next"] == page["ended"]:
                return found

    def in_flight(self) -> int:
        return int(_json(f"{self.origin}/_stats")["in_flight"])

    def control(self, **order: Any) -> None:
        _json(f"{self.origin}/_control", order)


@contextmanager
def upstreams(*behaviours: Behaviour) -> Iterator[list[RemoteUpstream]]:
    """One process each; they end with the block, and with this process however it dies."""
    with ExitStack() as stack:
        yield [RemoteUpstream(stack.enter_context(_upstream(one, seed))) for seed, one in enumerate(behaviours)]


@contextmanager
def _upstream(behaviour: Behaviour, seed: int) -> Iterator[str]:
    given = json.dumps({name: value for name, value in dataclasses.asdict(behaviour).items() if value is not None})
    command = [sys.executable, "-m", "router_core.simulator", "--until-stdin-closes", "--behaviour", given]
    command += ["--seed", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child.stdout.readline().strip()
        finally:
            child.kill()


def _json(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=PATIENCE) as answer:
        return json.load(answer)

"""Servers that nobody here wrote, as children of a test."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

PATIENCE = 30.0  # seconds


@contextmanager
def running(
    name: str, command: Sequence[str], asked: Callable[[], object], env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """The server, from when `asked` no longer raises OSError; it ends with the block. Raises RuntimeError."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    try:
        _await(name, child, asked)
        yield
    finally:
        child.terminate()
        child.wait(10)


def _await(name: str, child: subprocess.Popen[bytes], asked: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            asked()
            return
        except OSError:
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start") from None
            time.sleep(0.1)

"""A test that leaves sockets for the garbage collector to find fails itself, and not whichever runs at that moment."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

FILES = Path("/proc/self/fd")  # elsewhere nothing is looked at
_open: set[tuple[str, str]] = set()


def sockets() -> set[tuple[str, str]]:
    """The sockets of this process: descriptor and identity."""
    found = set()
    for name in os.listdir(FILES) if FILES.is_dir() else ():
        try:
            target = os.readlink(FILES / name)
        except OSError:  # closed meanwhile, by some thread or by this listing itself
            continue
        if target.startswith("socket:"):
            found.add((name, target))
    return found


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    _open.clear()
    _open.update(sockets())
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    done = yield
    if sockets() - _open:  # else there is nothing to collect, which takes its time
        told = dropped()
        if told:
            pytest.fail(f"{len(told)} left open, among them {told[0]}", pytrace=False)
    return done


def dropped() -> list[str]:
    """Collects what nobody holds; what Python says of sockets, connections and loops among it."""
    told: list[str] = []
    hook = sys.unraisablehook
    sys.unraisablehook = lambda each: told.append(str(each.exc_value)) if _of_resource(each) else hook(each)
    try:
        gc.collect()
    finally:
        sys.unraisablehook = hook
    return told


def _of_resource(unraisable: Any) -> bool:
    return isinstance(unraisable.exc_value, ResourceWarning)

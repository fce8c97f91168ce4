"""Scripts as functions: servers from 7.0 on keep a library and its definitions, which are half the cost of a small run.

A library is named by the hash of its text, so releases do not meet in it. One that is missing (a server without it, a
FUNCTION FLUSH) is loaded and called again, hence any may be removed at any time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from router_core.state.engines.base import Probe, Script, ServerError
from router_core.state.engines.redis import Wire

MOST = 32  # libraries of ours on one server: two a release, and two more for each choice of own strategies


class NoFunctionsError(Exception):
    """This server or this user has no functions, or no room for one more: scripts run by EVALSHA."""


def supported(server: Probe) -> bool:
    """Does it know functions (and flags of scripts)?"""
    return bool(server.version) and int(server.version.split(".")[0]) >= 7


async def call(wire: Wire, script: Script, key: str, words: Sequence[str | bytes], passing: frozenset[str]) -> Any:
    """Run the script's function. Raises NoFunctionsError, ServerError; with a code of `passing` a later try may do."""
    try:
        return await wire.call(key, "FCALL", script.function, *words)
    except ServerError as error:
        if error.code == "NOPERM" or "unknown command" in str(error).lower():
            raise NoFunctionsError from error
        if "Function not found" not in str(error):
            raise
    try:
        await wire.call(key, "FUNCTION LOAD", script.library)
        await _remove_some(wire, key, script.function)
    except ServerError as error:
        if error.code in passing:
            raise
        if "already exists" not in str(error):  # another worker was quicker
            raise NoFunctionsError from error
    return await wire.call(key, "FCALL", script.function, *words)


async def _remove_some(wire: Wire, key: str, kept: str) -> None:
    """Former releases leave theirs behind. Nobody knows which are in use, so any may go: those that are come back."""
    try:
        found = await wire.call(key, "FUNCTION LIST", "LIBRARYNAME", "rc_*")
        words = [library.values() if isinstance(library, dict) else library for library in found]
        names = {name for library in words for name in map(_text, library) if name.startswith("rc_")} - {kept}
        for name in random.sample(sorted(names), max(0, len(names) - MOST + 1)):
            await wire.call(key, "FUNCTION DELETE", name)
    except ServerError:
        return  # not permitted, or another worker was quicker: nothing depends on it


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

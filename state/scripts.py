"""The scripts, put together from the Lua files beside: definitions, then the function that is a run.

The definitions keep nothing of a run (`run.begin` makes all of that anew), so a server that has functions keeps them
from run to run, and one that has none makes them each time. The hash of its text is a script's version: two releases
share a pool during a rolling deploy, each with its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files

from router_core.state.engines.base import Script
from router_core.state.keys import COLUMNS


def _files(*lines: str) -> tuple[str, ...]:
    return tuple(" ".join(lines).split())


# Each file after those that it uses; a line an idea.
_BASE = _files(
    "numbers memo later shared column_names keyring",  # what goes in and out
    "recall pending image flush clock",  # what a run knows and writes, and its clock
    "calendar slots ring sums opening window totals rows texts sketch",  # windows, and what texts mean
    "cards roster deployment scopes subjects holders",  # deployments, and whom limits belong to
    "needs contexts room crowd outlook",  # is there room, and when
    "quotas adaptive settings",  # limits and settings in force
    "events evidence breaker tally doubt in_flight leases reaper",  # health, and who holds what
    "run fit",  # one operation after the other
)
_CALLS = _files(
    "fair queued queue forecast tickets",  # turns of those that wait
    "ranks panic comeback panels choose levels",  # who is tried, in which order
    "claims shadow own",  # sessions, shadows, limits of one's own
    "refusal reserve concerned",  # the answer: why not, or what is reserved
    "halves budget throttle",  # counts by which retries and throttling go
    "question acquire",  # a question, and all of the above
    "outcome corrections charges lessons sketches aimd ends learn settle",  # an end: what it charges and teaches
    "cancel renew pause others observe probe",  # the other verbs
    "calls",  # the run
)
_FLEET = _files(
    "silence retired stale outliers heartbeat register limits",  # workers, and what they declare
    "calendars raises control",  # what operators change
    "snapshot percentiles worst meters fits probing",  # what is read
    "fleet",  # the run
)

_MEASURES = frozenset({"latency_ms", "ttft_ms", "ms_per_token", "sampled_ms"})
_IN_FLIGHT = frozenset({"input_in_flight", "output_in_flight"})
_FACTS = re.compile(r"^-- Facts:[ \t]*(.*)$", re.MULTILINE)


@cache
def source(name: str) -> str:
    """The text of `lua/<name>.lua`."""
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def facts_of(name: str, rank: str) -> frozenset[str]:
    """The facts a strategy's Lua file says it reads. ValueError without a `-- Facts:` line."""
    line = _FACTS.search(rank)
    if line is None:
        raise ValueError(f"strategy {name!r}: its Lua file has no line '-- Facts: ...'")
    return frozenset(re.findall(r"\w+", line[1]))


def calls(ranks: Mapping[str, str]) -> Script:
    """The script of calls, with the rank functions (strategy name -> Lua source) it can choose by."""
    return _calls(_ranks(ranks))


@lru_cache(maxsize=8)  # a process has one set of strategies, and a Router of its own for each pool and test
def _calls(ranks: str) -> Script:
    return _script("calls", (*_BASE, *_CALLS), {"ranks": ranks})


@cache
def fleet() -> Script:
    """The script of workers and operators."""
    return _script("fleet", (*_BASE, *_FLEET), {})


def _ranks(ranks: Mapping[str, str]) -> str:
    """`ranks`: strategy name -> {rank, prepare, what it reads}."""
    parts = ["-- Defines: ranks", "local ranks = {}"]
    for name in sorted(ranks):
        facts = facts_of(name, ranks[name])
        parts += [
            "do",
            "local rank, prepare = (function()",
            ranks[name],
            "end)()",
            f'ranks["{name}"] = {{ rank = rank, prepare = prepare, reads_windows = {_lua("used" in facts)}, '
            f"reads_learned = {_lua(not facts.isdisjoint(_MEASURES))}, "
            f"reads_tokens = {_lua(not facts.isdisjoint(_IN_FLIGHT))} }}",
            "end",
        ]
    return "\n".join(parts)


def _column_names() -> str:
    """The columns in the order in which a run gets their keys."""
    return "-- Defines: column_names\nlocal column_names = { " + ", ".join(f'"{name}"' for name in COLUMNS) + " }"


def _lua(value: bool) -> str:
    return "true" if value else "false"


def _script(name: str, modules: Sequence[str], generated: Mapping[str, str]) -> Script:
    given = {"column_names": _column_names(), **generated}
    texts = [given.get(module) or source(module) for module in modules]
    defined = [_defines(text) for text in texts]
    # Lua 5.4 has no global unpack; servers from 7.0 on may write at maxmemory only with the allow-oom flag.
    head = f"local unpack = unpack or table.unpack\nlocal {', '.join(defined)}"
    return Script(name, "\n".join((head, *map(_module, texts, defined))), allow_oom=True, entry=name)


def _module(text: str, defines: str) -> str:
    """A file as a function, called at once: its own locals are its own (a chunk has room for 200)."""
    return f"{defines} = (function()\n{text}\nreturn {defines}\nend)()"


def _defines(text: str) -> str:
    found = re.search(r"^-- Defines:[ \t]*(.+)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"a Lua file has no line '-- Defines: ...': {text[:40]!r}")
    return found[1].strip()

"""The scripts, put together from the Lua files beside: first what the later ones use, the operations last.

A script's SHA is its version: two releases share a pool during a rolling deploy, each with its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from router_core.state.engines.base import Script

# Definitions are a good part of a small run, so a run defines what its operations need and no more: the files of `RARE`
# when something of them is used, those of one verb only where such an operation is in the run.
RARE = frozenset({"events", "breaker", "reaper", "outlook", "tickets", "refusal"})
_STATE = ("numbers", "rarely", "image", "clock", "shared")
_BASE = (*_STATE, "window", "deployment", "events", "breaker", "reaper", "leases")
_OF_VERB = {
    "acquire": ("room", "outlook", "tickets", "queue", "ranks", "choose", "refusal", "acquire"),
    "settle": ("learn", "settle"),
    "cancel": ("cancel",),
    "renew": ("renew",),
}
_FLEET = (*_BASE, "room", "heartbeat", "register", "control", "snapshot", "run", "fleet")

# What a request waits for; a fact with a note "(stream)" is read for that kind only. Without a note: for all.
KINDS = ("stream", "answer", "whole")
_COLUMNS = frozenset({"latency_ms", "ttft_ms", "ms_per_token", "sampled_ms"})
_FACTS = re.compile(r"^-- Facts:[ \t]*(.*)$", re.MULTILINE)
_FACT = re.compile(r"(\w+)(?:[ \t]*\((\w+)\))?")


def source(name: str) -> str:
    """The text of `lua/<name>.lua`."""
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def facts_of(name: str, rank: str) -> dict[str, str]:
    """The facts a strategy's Lua file says it reads -> the kind of request it reads them for, "" for all.

    ValueError without a `-- Facts:` line, or for a kind that does not exist.
    """
    line = _FACTS.search(rank)
    if line is None:
        raise ValueError(f"strategy {name!r}: its Lua file has no line '-- Facts: ...'")
    facts: dict[str, str] = dict(_FACT.findall(line[1]))
    wrong = {kind for kind in facts.values() if kind} - set(KINDS)
    if wrong:
        raise ValueError(f"strategy {name!r}: facts are noted with {', '.join(KINDS)}, not {', '.join(sorted(wrong))}")
    return facts


def _ranks(ranks: Mapping[str, str]) -> str:
    """`ranks`: strategy name -> function that defines it; a run needs one of them."""
    parts = ["ranks = {}"]
    for name in sorted(ranks):
        facts = facts_of(name, ranks[name])
        columns = ", ".join(f"{kind} = {{ {_columns(facts, kind)} }}" for kind in KINDS)
        parts += [
            f'ranks["{name}"] = function()',
            "local rank, prepare = (function()",
            ranks[name],
            "end)()",
            f"return {{ rank = rank, prepare = prepare, columns = {{ {columns} }}, "
            f"reads_windows = {_lua('used' in facts)}, reads_prices = {_lua('input_price' in facts)} }}",
            "end",
        ]
    return "\n".join(parts)


def _columns(facts: Mapping[str, str], kind: str) -> str:
    return ", ".join(f'"{fact}"' for fact, of in facts.items() if fact in _COLUMNS and of in ("", kind))


def _lua(value: bool) -> str:
    return "true" if value else "false"


def calls(ranks: Mapping[str, str]) -> Script:
    """The script of calls, with the rank functions (strategy name -> Lua source) it can choose by."""
    parts = [_module(name) for name in _BASE]
    for verb, names in _OF_VERB.items():
        modules = [_ranks(ranks) if name == "ranks" else _module(name) for name in names]
        parts += [f"if shared.has.{verb} then", *modules, "end"]
    defined = [*_BASE, *(name for names in _OF_VERB.values() for name in names), "run"]
    return _script("calls", defined, [*parts, _module("run"), _module("calls")])


def fleet() -> Script:
    """The script of workers and operators."""
    return _script("fleet", _FLEET, [_module(name) for name in _FLEET])


def _header(text: str, line: str) -> str:
    found = re.search(rf"^-- {line}:[ \t]*(.*)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"a Lua file has no line '-- {line}: ...'")
    return found[1].strip()


def _defines(name: str) -> str:
    return name if name == "ranks" else _header(source(name), "Defines")


def _module(name: str) -> str:
    """A file as a function of what it uses, called at once, or for a rare one when something of it is used.

    Not for tidiness alone: capturing a local walks the list of all captured ones of the same frame (Lua 5.1), so in one
    flat chunk the definitions alone took 60 us a run.
    """
    text = source(name)
    uses, defines = _header(text, "Uses"), _header(text, "Defines")
    if name in RARE:
        return f"{defines} = rarely(function()\n{text}\nreturn {defines}\nend)"
    if not defines:
        return f"return (function({uses})\n{text}\nend)({uses})"
    return f"{defines} = (function({uses})\n{text}\nreturn {defines}\nend)({uses})"


def _script(name: str, modules: Sequence[str], parts: list[str]) -> Script:
    # Lua 5.4 has no global unpack; servers from 7.0 on may write at maxmemory only with the allow-oom flag.
    names = ", ".join(filter(None, map(_defines, modules)))
    head = f"local unpack = unpack or table.unpack\nlocal {names}"
    return Script(name, head + "\n" + "\n".join(parts), allow_oom=True)

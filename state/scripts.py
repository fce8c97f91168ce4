"""The scripts, put together from the Lua files beside: first what the later ones use, the operations last.

A script's SHA is its version: two releases share a pool during a rolling deploy, each with its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from router_core.state.engines.base import Script

_BASE = ("numbers", "image", "clock", "shared", "window", "deployment", "events", "breaker", "leases")
# What only some operations need is not even defined in a run without them.
_ACQUIRES = ("room", "queue", "ranks", "choose", "acquire")
_ENDS = ("learn", "settle")
_FLEET = (*_BASE, "room", "heartbeat", "register", "control", "snapshot", "run", "fleet")

_FACTS = re.compile(r"^-- Facts:[ \t]*(.*)$", re.MULTILINE)


def source(name: str) -> str:
    """The text of `lua/<name>.lua`."""
    return files(__package__).joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")


def facts_of(name: str, rank: str) -> tuple[str, ...]:
    """The facts a strategy's Lua file says it reads. ValueError without a `-- Facts:` line."""
    line = _FACTS.search(rank)
    if line is None:
        raise ValueError(f"strategy {name!r}: its Lua file has no line '-- Facts: ...'")
    return tuple(word for word in re.split(r"[,\s]+", line[1]) if word)


def _ranks(ranks: Mapping[str, str]) -> str:
    parts = ["ranks = {}"]
    for name in sorted(ranks):
        facts = facts_of(name, ranks[name])
        listed = ", ".join(f'"{fact}"' for fact in facts)
        parts += [
            "do",
            "local rank, prepare = (function()",
            ranks[name],
            "end)()",
            f'ranks["{name}"] = {{ rank = rank, prepare = prepare, facts = {{ {listed} }}, '
            f"reads_windows = {'true' if 'used' in facts else 'false'} }}",
            "end",
        ]
    return "\n".join(parts)


def calls(ranks: Mapping[str, str]) -> Script:
    """The script of calls, with the rank functions (strategy name -> Lua source) it can choose by."""
    return _script(
        "calls",
        [
            *map(_module, _BASE),
            *_only_for("acquire", [_ranks(ranks) if name == "ranks" else _module(name) for name in _ACQUIRES]),
            *_only_for("settle", [_module(name) for name in _ENDS]),
            *map(_module, ("cancel", "renew", "run", "calls")),
        ],
    )


def _only_for(verb: str, parts: list[str]) -> list[str]:
    names = [re.sub(r"^(?:local )?(\w+) = [\s\S]*$", r"\1", part) for part in parts]
    bodies = [part.removeprefix("local ") for part in parts]
    return [f"local {', '.join(names)}", f"if shared.has.{verb} then", *bodies, "end"]


def fleet() -> Script:
    """The script of workers and operators."""
    return _script("fleet", [_module(name) for name in _FLEET])


def _header(text: str, line: str) -> str:
    found = re.search(rf"^-- {line}:[ \t]*(.*)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"a Lua file has no line '-- {line}: ...'")
    return found[1].strip()


def _module(name: str) -> str:
    """A file as a function of what it uses, called at once.

    Not for tidiness alone: capturing a local walks the list of all captured ones of the same frame (Lua 5.1), so in one
    flat chunk the definitions alone took 60 us a run.
    """
    text = source(name)
    uses, defines = _header(text, "Uses"), _header(text, "Defines")
    if not defines:
        return f"return (function({uses})\n{text}\nend)({uses})"
    return f"local {defines} = (function({uses})\n{text}\nreturn {defines}\nend)({uses})"


def _script(name: str, parts: list[str]) -> Script:
    # Lua 5.4 has no global unpack; servers from 7.0 on may write at maxmemory only with the allow-oom flag.
    return Script(name, "local unpack = unpack or table.unpack\n" + "\n".join(parts), allow_oom=True)

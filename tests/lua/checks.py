"""The rules for one Lua file: it compiles, its names are declared and used, its header tells the truth."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import lupa.lua51
import lupa.lua54
from luaparser import astnodes as lua

from tests.lua import header as headers
from tests.lua import scope

LANGUAGE = {"assert", "error", "ipairs", "math", "next", "pairs", "pcall", "select", "string", "table"}
LANGUAGE |= {"tonumber", "tostring", "type", "unpack"}
# What every server from Redis 6.2 on gives a script.
REDIS = frozenset(LANGUAGE | {"redis", "cjson", "KEYS", "ARGV", "setmetatable"})
# What the host of the memory engine has besides: a full Lua 5.1.
HOST = REDIS | {"coroutine", "getfenv", "getmetatable", "load", "loadstring", "rawequal", "rawget", "rawset"}
HOST |= {"setfenv", "xpcall"}

FACTS = frozenset({"inflight", "state", "latency_ms", "ttft_ms", "ms_per_token", "sampled_ms", "used"})
FACTS |= {"input_price", "output_price", "trips", "since_ms", "reason", "input_in_flight", "output_in_flight"}
CANDIDATE = frozenset(
    {"id", "weight", "order", "inflight", "state", "trips", "since_ms", "reason"}
)  # always there, so not named in `Facts`
REQUEST = frozenset({"stream", "input_tokens", "output_tokens", "args", "group", "prepared", "extra"})

GENERATED = ("ranks", "column_names")  # put between the files by state/scripts.py: the rank functions of the strategies

Fault = tuple[int, str]


def check(path: Path, source: str, builtins: frozenset[str] = REDIS) -> list[str]:
    """One line per fault, `path:line: what`, in the order of lines; empty where all is well."""
    faults = list(compiles(path.name, source))
    if not faults:
        header, names = headers.read(source), scope.names(source)
        faults = [(1, x) for x in header.faults()]
        faults += [*free(header, names, builtins), *declared(header, names), *positional(header, names)]
        if path.parent.name == "strategies":
            faults += strategy(header, names)
    return [f"{path}:{line}: {what}" for line, what in sorted(faults)]


def together(sources: dict[str, str]) -> list[str]:
    """Files that are put one after another into one script: what one uses, exactly one defines."""
    read = {name: headers.read(source) for name, source in sources.items()}
    defined = Counter(GENERATED)
    defined.update(name for header in read.values() for name in header.names("Defines"))
    found = [f"{name}: defined by {count} files" for name, count in sorted(defined.items()) if count > 1]
    for path, header in sorted(read.items()):
        absent = (name for name in header.names("Uses") if not defined[name])
        found += [f"{path}:1: Uses {name!r}, which no file Defines" for name in absent]
    return found


def compiles(name: str, source: str) -> Iterator[Fault]:
    """Both ends of what servers and hosts run: 5.1 (Redis, Valkey, memory) and 5.4 (clones)."""
    body = re.sub(r"\A#![^\n]*", "", source)  # the server strips `#!lua flags=…` itself
    for version, module in (("5.1", lupa.lua51), ("5.4", lupa.lua54)):
        try:
            module.LuaRuntime(register_eval=False).compile(body, name=name)
        except module.LuaSyntaxError as exc:
            yield _line_of(str(exc)), f"Lua {version}: {exc}"


def _line_of(message: str) -> int:
    found = re.search(r":(\d+):", message)
    return int(found[1]) if found else 1


def free(header: headers.Header, names: scope.Names, builtins: frozenset[str]) -> Iterator[Fault]:
    """Names from outside are built in or in `Uses`; nothing outside is assigned."""
    uses = set(header.names("Uses"))
    for name, line in names.reads.items():
        if name not in uses and name not in builtins:
            yield line, f"undeclared name {name!r}: declare it local, or name it in the header's Uses"
    for name, line in names.writes.items():
        yield line, f"assigns to the global {name!r}"
    for name in sorted(uses - set(names.reads)):
        yield 1, f"header Uses {name!r}, which the file never reads"


def declared(header: headers.Header, names: scope.Names) -> Iterator[Fault]:
    """Every local is read or offered; every name in `Defines` is a local of the outermost block."""
    defines = set(header.names("Defines"))
    for local in names.unused:
        if not (local.kind == "top" and local.name in defines):
            yield local.line, f"unused local {local.name!r}"
    for name in sorted(defines - set(names.top)):
        yield 1, f"header Defines {name!r}, which is no local of the file's outermost block"


def positional(header: headers.Header, names: scope.Names) -> Iterator[Fault]:
    """KEYS, ARGV and the reply are in the header exactly where the file has them; positions get a name at the top."""
    present = {
        "KEYS": "KEYS" in names.reads,
        "ARGV": "ARGV" in names.reads,
        "Returns": names.returns is not None and "Facts" not in header.parts,
    }
    for label, used in present.items():
        if used and label not in header.parts:
            yield 1, f"the header does not say what {label} is"
        elif not used and label in header.parts and not ("Facts" in header.parts or "Defines" in header.parts):
            yield 1, f"header describes {label}, which the file does not have"
    for what, line in names.by_number:
        yield line, f"{what} inside a function: give it a name once, outside"


def strategy(header: headers.Header, names: scope.Names) -> Iterator[Fault]:
    """`Facts` are the fields read of a candidate (or named in quotes, for `candidate[name]`), known ones only; the file
    returns `rank` or `rank, prepare`. One that only defines what others use has neither."""
    if "Facts" not in header.parts and "Defines" not in header.parts:
        yield 1, "a strategy's header names its Facts (an empty list where it reads none)"
    quoted = {word: line for word, line in names.words.items() if word in FACTS}
    facts, read = set(header.names("Facts")), quoted | names.fields.get("candidate", {})
    for name in sorted(facts - FACTS):
        yield 1, f"unknown fact {name!r}; there are {', '.join(sorted(FACTS))}"
    for name in sorted(facts - set(read)):
        yield 1, f"header Facts {name!r}, which no candidate.{name} reads"
    for name, line in read.items():
        if name not in facts | CANDIDATE:
            yield line, f"candidate.{name} is not in the header's Facts"
    for name, line in names.fields.get("request", {}).items():
        if name not in REQUEST:
            yield line, f"request.{name} does not exist; there are {', '.join(sorted(REQUEST))}"
    if "Defines" in header.parts:
        return
    returned = [x.id if isinstance(x, lua.Name) else None for x in names.returns or ()]
    if returned not in (["rank"], ["rank", "prepare"]) or not set(returned) <= set(names.top):
        yield 1, "a strategy ends with `return rank` or `return rank, prepare`, both local functions"

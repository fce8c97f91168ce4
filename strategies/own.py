"""Checks of a user's own rank: better an error when the router is made than one in every decision.

The scripts run on Lua 5.1 (Redis, Valkey, memory) and on later ones (clones), without globals of one's own; so the
file is compiled by both ends, and tried on two candidates where its arguments have defaults.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from lupa import lua51, lua54

LOADED = frozenset({"latency_ms", "ttft_ms", "ms_per_token", "sampled_ms", "input_price", "output_price", "used"})
LOADED |= {"input_in_flight", "output_in_flight"}
ALWAYS = frozenset({"id", "weight", "order", "inflight", "state", "trips", "since_ms", "reason"})
_HEADER = re.compile(r"^-- Facts:[ \t]*(.*)$", re.MULTILINE)

# Only what every server gives a script; anything else is an error at the line that uses it.
_COMPILE = """
function(source, name)
  local names, allowed = "assert error ipairs math next pairs pcall select string table tonumber tostring type", {}
  for word in string.gmatch(names, "%a+") do
    allowed[word] = _G[word]
  end
  allowed.math.random = function() error("calls math.random, which is seeded alike in every run: take `random`", 2) end
  local env = setmetatable({}, {
    __index = function(_, key)
      if allowed[key] == nil then error("uses the global '" .. tostring(key) .. "', which a rank does not have", 2) end
      return allowed[key]
    end,
    __newindex = function(_, key) error("sets the global '" .. tostring(key) .. "': declare it local", 2) end,
  })
  local chunk, problem
  if setfenv then
    chunk, problem = loadstring(source, name)
    if chunk then setfenv(chunk, env) end
  else
    chunk, problem = load(source, name, "t", env)
  end
  if not chunk then error(problem, 0) end
  return chunk
end
"""

_TRY = """
function(rank, prepare, args)
  local function random() return 0.5 end
  local known = { id = "a", weight = 1, order = 0, inflight = 1, state = "closed", trips = 1, since_ms = 900000,
    reason = "server", latency_ms = 900, ttft_ms = 90,
    ms_per_token = 9, sampled_ms = 999000, input_price = 1e9, output_price = 2e9, used = 0.5,
    input_in_flight = 400, output_in_flight = 100 }
  local unseen = { id = "b", weight = 1, order = 0, inflight = 0, state = "closed", trips = 0, since_ms = 0,
    reason = "-", used = 0, input_in_flight = 0, output_in_flight = 0 }
  local request = { stream = false, input_tokens = 100, output_tokens = 100, args = args, group = "group" }
  local ranks = {}
  if prepare and prepare({ known, unseen }, request, 1000000, random, ranks, true) then return ranks[1], ranks[2] end
  return rank(known, request, 1000000, random), rank(unseen, request, 1000000, random)
end
"""


def check(name: str, source: str, args: Mapping[str, Any] | None) -> None:
    """ValueError if `source` is no rank the scripts can use. `args`: to try it with; None: do not try."""
    _check_header(name, source)
    for version, module in (("5.1", lua51), ("5.4", lua54)):
        lua = module.LuaRuntime(register_eval=False, register_builtins=False)
        try:
            chunk = lua.eval(_COMPILE)(source, f"={name}")
            _check_functions(name, lua, chunk, args)
        except (module.LuaError, module.LuaSyntaxError) as error:
            raise ValueError(f"strategy {name!r} (Lua {version}): {str(error).splitlines()[0]}") from None


def _check_header(name: str, source: str) -> None:
    header = _HEADER.search(source)
    if header is None:
        raise ValueError(
            f"strategy {name!r}: its Lua needs a line '-- Facts: ...' that names what it reads of "
            f"{', '.join(sorted(LOADED))}; empty for none"
        )
    facts = [word for word in re.split(r"[,\s]+", header[1]) if word]
    unknown = [fact for fact in facts if fact not in LOADED | ALWAYS]
    if unknown:
        raise ValueError(
            f"strategy {name!r}: unknown facts {', '.join(unknown)}; there are {', '.join(sorted(LOADED))}"
        )
    if "output_price" in facts and "input_price" not in facts:
        raise ValueError(f"strategy {name!r}: list input_price too, it brings output_price")


def _check_functions(name: str, lua: Any, chunk: Callable[[], Any], args: Mapping[str, Any] | None) -> None:
    kind = lua.eval("type")
    returned = chunk()
    rank, prepare = (*returned, None)[:2] if isinstance(returned, tuple) else (returned, None)
    if kind(rank) != "function" or (prepare is not None and kind(prepare) != "function"):
        raise ValueError(
            f"strategy {name!r}: its Lua must end with `return rank` or `return rank, prepare`, both functions"
        )
    if args is None:
        return
    answers = lua.eval(_TRY)(rank, prepare, lua.table_from(dict(args)))
    for answer in answers if isinstance(answers, tuple) else (answers,):
        if isinstance(answer, bool) or not isinstance(answer, int | float) or math.isnan(answer):
            raise ValueError(f"strategy {name!r}: rank must return a number (lower is better), not {answer!r}")

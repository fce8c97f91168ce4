"""A strategy's Lua in a plain Lua VM, chosen from by the scripts' own `choose.first` and `choose.others`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lupa import lua51, lua54

from router_core import strategies
from router_core.state import scripts

VERSIONS = {"5.1": lua51, "5.4": lua54}
NOW = 1_000_000
TOKENS = 100  # in, and out

# What choose.lua names in its header's Uses; its `random`, `first` and `others` need none of it.
_CHOOSE = "local holders, outlook, roster, ranks, clock = {}, {}, {}, {}, {}\n"

_RUN = """
function(rank, prepare, choose, candidates, request, now, times, refused)
  local levels, steady = {}, true
  for i = 1, #candidates do
    levels[i] = candidates[i].order * 4096 + 1001
    steady = steady and candidates[i].state ~= "ramp"
  end
  local picks = {}
  for seed = 1, times do
    local random = choose.random(seed * 7919 % 2147483646 + 1)
    local found = {}
    local ranked = prepare and prepare(candidates, request, now, random, found, steady)
    for i = 1, #candidates do
      found[i] = ranked and found[i] or rank(candidates[i], request, now, random)
      if found[i] ~= found[i] then error("not a number: rank of " .. candidates[i].id) end
    end
    local i = choose.first(levels, found, random)
    if i and refused[candidates[i].id] then
      local others = choose.others(levels, found, random, { [i] = true })
      i = nil
      for _, other in ipairs(others) do
        i = i or not refused[candidates[other].id] and other
      end
    end
    if i then picks[candidates[i].id] = (picks[candidates[i].id] or 0) + 1 end
  end
  return picks
end
"""


def candidate(id: str, **facts: Any) -> dict[str, Any]:
    """As choose.lua hands it over."""
    return {"id": id, "weight": 1.0, "order": 0, "inflight": 0, "state": "closed", "trips": 0, "since_ms": 0, **facts}


def _alike(one: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """With the tokens of its calls in flight."""
    tokens = {kind: one["inflight"] * request.get(f"{kind}_tokens", TOKENS) for kind in ("input", "output")}
    return {**{f"{kind}_in_flight": count for kind, count in tokens.items()}, **one}


class Machine:
    """One strategy in one Lua version."""

    def __init__(self, version: str, name: str) -> None:
        self._lua = VERSIONS[version].LuaRuntime(register_eval=False, register_builtins=False)
        returned = self._lua.execute(strategies.find(name).lua)
        self.rank, self.prepare = returned if isinstance(returned, tuple) else (returned, None)
        self._choose = self._lua.execute(_CHOOSE + scripts.source("choose") + "\nreturn choose")
        self._run = self._lua.eval(_RUN)

    def request(self, args: Mapping[str, Any] | None = None, **fields: Any) -> Any:
        """A request table: 100 tokens in, 100 out, no stream."""
        whole = {
            "stream": False,
            "preferred": 0,
            "input_tokens": TOKENS,
            "output_tokens": TOKENS,
            "group": "m",
            **fields,
        }
        return self._lua.table_from({**whole, "args": self._lua.table_from(dict(args or {}))})

    def picks(
        self,
        candidates: Sequence[Mapping[str, Any]],
        times: int = 1000,
        *,
        args: Mapping[str, Any] | None = None,
        refused: Sequence[str] = (),
        **fields: Any,
    ) -> Counter[str]:
        """How often each is chosen in `times` decisions on the same facts; `refused` have no room. Calls in flight are
        like this one, where their tokens are not given."""
        listed = self._lua.table_from([self._lua.table_from(_alike(one, fields)) for one in candidates])
        without_room = self._lua.table_from(dict.fromkeys(refused, True))
        picks = self._run(
            self.rank, self.prepare, self._choose, listed, self.request(args, **fields), NOW, times, without_room
        )
        return Counter(dict(picks))

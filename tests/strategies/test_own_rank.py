"""A user's own Lua: what the scripts could not use is an error at construction, with the line at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from router_core import strategies
from router_core.strategies import Arguments, Strategy

HEADER = "-- A rank.\n-- Facts: inflight, used\n"
GOOD = HEADER + "return function(candidate) return candidate.inflight + candidate.used end\n"


@pytest.mark.parametrize("name", list(strategies.sources()))
def test_the_built_in_ranks_pass_the_same_checks(name: str) -> None:
    Strategy.from_lua(f"my-{name}", strategies.find(name).lua)


def test_a_path_will_do(tmp_path: Path) -> None:
    (tmp_path / "mine.lua").write_text(GOOD, encoding="utf-8")
    assert Strategy.from_lua("mine", tmp_path / "mine.lua").lua == GOOD


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("return function() return 1 end", "needs a line '-- Facts: ...'"),
        (
            "-- Facts: latency\nreturn function() return 1 end",
            "unknown facts latency; there are input_in_flight, input_price, latency_ms",
        ),
        ("-- Facts: output_price\nreturn function() return 1 end", "list input_price too"),
        (HEADER + "return function( return 1 end", r"\(Lua 5.1\): mine:3: .* expected near 'return'"),
        (HEADER + "return function(c) return c.inflight // 2 end", "Lua 5.1"),
        (HEADER + "return function(c) return unpack({ 1 }) end", "uses the global 'unpack'"),
        (HEADER + "return 7", "must return functions|must end with"),
        (HEADER + "local x = 1", "must return functions|must end with"),
        (HEADER + "return function() return 1 end, 7", "must return functions|must end with"),
        (HEADER + "count = 0\nreturn function() return 1 end", "mine:3: sets the global 'count'"),
        (HEADER + "return function(c)\nbest = c\nreturn 1 end", "mine:4: sets the global 'best'"),
        (HEADER + "return function(c)\nreturn redis.call('TIME') end", "mine:4: uses the global 'redis'"),
        (HEADER + "return function() return math.random() end", "calls math.random"),
        (HEADER + "return function(c) return c.latency_ms + 1 end", "mine:3: attempt to perform arithmetic"),
        (HEADER + "return function(c) return c.id end", "rank must return a number .*, not 'a'"),
        (HEADER + "return function() return 0 / 0 end", "rank must return a number"),
        (HEADER + "return function() end", "rank must return a number"),
    ],
)
def test_a_faulty_rank_is_refused_with_the_reason(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^strategy 'mine'.*({message})"):
        Strategy.from_lua("mine", source)


@pytest.mark.parametrize("name", ["", "two words", 'x"] = 1 --', "a=b", "x" * 65])
def test_a_name_that_would_break_the_script_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name is up to 64"):
        Strategy.from_lua(name, GOOD)


def test_a_rank_whose_arguments_have_no_defaults_is_compiled_but_not_tried() -> None:
    class Needed(Arguments):
        factor: float

    source = HEADER + "return function(candidate, request) return candidate.used * request.args.factor end"
    mine = Strategy.from_lua("mine", source, Needed)
    assert mine.spec({"factor": 2}) == "mine factor=2"
    with pytest.raises(ValueError, match="attempt to perform arithmetic"):
        Strategy.from_lua("mine", source)

"""The Lua lint finds what it is there to find, and is quiet about sound files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import lint_lua
from tests.lua.checks import check, together

SCRIPT = Path("state/lua/sample.lua")
RANK = Path("strategies/sample.lua")

SOUND = """\
-- Takes one slot.
-- KEYS: inflight
-- ARGV: deployment, now (ms)
-- Returns: slots taken, as a string
-- Uses: clock,
--       window
-- Defines: acquire
local inflight = KEYS[1]
local deployment, limit = ARGV[1], tonumber(ARGV[2])
local acquire = {}

function acquire.take(most)
  for _, row in ipairs(window.rows(deployment)) do
    if row.amount >= most then return nil end
  end
  return clock.now(), redis.call("HGET", inflight, deployment)
end

repeat
  local done = acquire.take(limit)
until done
return string.format("%.0f", 1)
"""

STRATEGY = """\
-- Fewest calls in flight for its weight; ties at random.
-- Facts: inflight
local function rank(candidate, request, now, random)
  return candidate.inflight / candidate.weight + random() * 1e-9
end

return rank
"""


def found(source: str, path: Path = SCRIPT) -> str:
    return "\n".join(check(path, source))


def test_sound_files_have_no_fault() -> None:
    assert found(SOUND) == ""
    assert found(STRATEGY, RANK) == ""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("local acquire = {}", "local acquire = {", "Lua 5.1"),
        ("clock.now()", "1 // 1", "Lua 5.1"),
        ("clock.now()", "unpack({1}) + (5 & 1)", "Lua 5.1"),
        ("for _, row", "local spare = 3\n  for _, row", "sample.lua:13: unused local 'spare'"),
        ("clock.now()", "clok.now()", "undeclared name 'clok'"),
        ("clock.now()", "1", "header Uses 'clock'"),
        ("-- Defines: acquire", "-- Defines: acquire, settle", "header Defines 'settle'"),
        ("local inflight =", "local inflight, spare =", "unused local 'spare'"),
        ("local done = ", "done = ", "assigns to the global 'done'"),
        ("function acquire.take", "function take", "assigns to the global 'take'"),
        ("-- KEYS: inflight\n", "", "the header does not say what KEYS is"),
        ("-- Returns: slots taken, as a string\n", "", "the header does not say what Returns is"),
        ("rows(deployment)", "rows(ARGV[1] .. deployment)", "ARGV[1] inside a function"),
        ("-- Takes one slot.\n", "local x = 1\n", "does not begin with a comment line"),
        ("-- Defines: acquire", "-- Defines: the take function", "is no name"),
    ],
)
def test_a_fault_in_a_script_is_found(old: str, new: str, fault: str) -> None:
    assert old in SOUND
    assert fault in found(SOUND.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("candidate.inflight", "candidate.latency_ms", "candidate.latency_ms is not in the header's Facts"),
        ("candidate.inflight", 'candidate["ttft_ms"]', "candidate.ttft_ms is not in the header's Facts"),
        ("candidate.inflight", "1", "header Facts 'inflight', which no candidate.inflight reads"),
        ("Facts: inflight", "Facts: inflight, mood", "unknown fact 'mood'"),
        ("-- Facts: inflight\n", "", "names its Facts"),
        ("return rank", "return { rank }", "`return rank` or `return rank, prepare`"),
        ("return rank", "return rank, prepare", "undeclared name 'prepare'"),
        ("random() * 1e-9", "request.prompt", "request.prompt does not exist"),
        ("random() * 1e-9", "os.time()", "undeclared name 'os'"),
    ],
)
def test_a_fault_in_a_strategy_is_found(old: str, new: str, fault: str) -> None:
    assert old in STRATEGY
    assert fault in found(STRATEGY.replace(old, new), RANK)


def test_a_fact_that_is_named_in_quotes_is_read() -> None:
    assert not found(STRATEGY.replace("candidate.inflight", 'candidate["inflight"]'), RANK)


def test_lines_are_those_of_the_file() -> None:
    source = SOUND.replace("  return clock.now()", "  local late = 1\n  return clock.now()")
    assert found(source) == "state/lua/sample.lua:16: unused local 'late'"


def test_scoping_is_that_of_lua() -> None:
    """A local ends with its block, a parameter hides a global, an upvalue counts as a use."""
    source = "-- Scopes.\n-- Uses: x\nif x then\n  local y = 1\n  redis.call(y)\nend\nredis.call(y)\n"
    assert found(source).startswith("state/lua/sample.lua:7: undeclared name 'y'")
    assert found("-- Upvalue.\nlocal n = 0\nredis.call(function(redis) return redis + n end)\n") == ""


def test_what_a_file_uses_another_one_defines() -> None:
    clock = "-- Time.\n-- Defines: now\n"
    assert together({"clock.lua": clock, "room.lua": "-- Room.\n-- Uses: now\n"}) == []
    assert together({"room.lua": "-- Room.\n-- Uses: now\n"}) == ["room.lua:1: Uses 'now', which no file Defines"]
    assert together({"clock.lua": clock, "time.lua": clock}) == ["now: defined by 2 files"]


def test_a_shebang_line_for_the_server_is_no_lua() -> None:
    assert found("#!lua flags=allow-oom\n-- Writes.\nredis.call('DEL', tostring(1))\n") == ""


@pytest.mark.slow
def test_the_repository_passes_and_no_folder_is_forgotten() -> None:
    """Every Lua file of the project lies in a folder that is checked."""
    assert lint_lua.own() == []
    skipped = {".venv", ".git", "build", "router_core", "node_modules"}
    everywhere = {
        path.relative_to(lint_lua.ROOT)
        for top in lint_lua.ROOT.iterdir()
        if top.is_dir() and top.name not in skipped
        for path in top.rglob("*.lua")
    }
    assert everywhere == set(lint_lua.files())

"""Every engine writes the same bytes: no number leaves a script but through int or num."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lupa import lua51, lua54

from router_core.state import scripts
from router_core.state.engines import Script
from router_core.state.keys import COLUMNS
from router_core.state.operations import AcquireOp, CancelOp, Operation, SettleOp
from router_core.state.records import Lease, OutcomeKind
from tests.servers import Server
from tests.state.kit import NOW, Place, Raw, ask, edited, ended

LUA = Path(__file__).resolve().parents[2] / "state" / "lua"
# Names that hold numbers in the scripts; `last` and the like are texts in some places.
NUMERIC = (
    r"now|offset|count|sum|amount|place|rank|weight|[wd]\.(sum|oldest|newest|width|span|n)|#\w+|\d+"
    r"|\w+\.(inflight|trips|generation|until_ms|since_ms|at_ms|last_ms|deadline_ms|ready_ms|amount|seconds)"
)
NUMBERS = {
    "concatenates a number": rf"\.\.\s*({NUMERIC})(?![\w.])|(?<![\w.])({NUMERIC})\s*\.\.",
    "writes with tostring": r"\btostring\(",
    "lets Redis do decimals": r"HINCRBYFLOAT|INCRBYFLOAT",
    "adds in place": r'"HINCRBY"|"INCRBY"',
    "formats in a way of its own": r"string\.format\((?!\"%\.0f\"|\"%\.9g\")",
}


SEQUENCE_DEPLOYMENTS = {"a": 1.0, "b": 0.3, "c": 2.5}


@pytest.mark.parametrize("what", NUMBERS)
def test_no_script_writes_a_number_by_itself(what: str) -> None:
    """Every number leaves through int or num: `..` and tostring differ between Lua versions and servers."""
    found = []
    for path in sorted(LUA.glob("*.lua")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(NUMBERS[what], line.split("--")[0]):
                found.append(f"{path.name}:{number}: {line.strip()}")
    assert found == []


INT = [
    module.LuaRuntime(register_eval=False).execute(scripts.source("numbers") + "\nreturn numbers.int")
    for module in (lua51, lua54)
]


@given(st.integers(-(2**53) + 1, 2**53 - 1).map(float) | st.floats(-1e15, 1e15))
@example(1_790_000_000_123.0)
@example(0.5)
def test_whole_numbers_are_the_digits_of_c_on_every_lua(value: float) -> None:
    """However it is written: int(x) is `%.0f`, and zero has no sign."""
    for number in INT:
        assert number(value) in {f"{value:.0f}", f"{value:.0f}".removeprefix("-") if value == 0 else ""}


async def recorded(place: Place) -> list[str]:
    """The answers to one sequence of operations, with fixed seeds, ids and times."""
    store = place.store(pool=place.pool)
    place.do("HSET", "clock", "last_ms", 4_000_000_000_000, "offset_ms", 0, "epoch", "fixed")
    pinned, fleet = _pinned(store.calls_script), _pinned(store.fleet_script)
    raw, answers = Raw(place, store, "worker-1"), []
    for id, weight in SEQUENCE_DEPLOYMENTS.items():
        head = f"register {id} 0 weight={weight:.9g} order=0 in=- out=- group=g provider=p account=x"
        answers += await raw.run(f"{head} | tokens/60=900 requests/60=40", script=fleet)
    for step in range(60):
        strategy = ["simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing"][step % 4]
        asked = ask("a", "b", "c", input_tokens=step * 7 % 50, output_tokens=step % 9, remember=2, stream=step % 2 == 1)
        operation = AcquireOp(
            asked, f"0.x.{step}", "g", f"g {strategy}", "a b c", step * 7919 + 1, 5_000_000_000_000, 0
        )
        reply = await raw.run(operation, script=pinned)
        answers += reply
        if reply[0].startswith("ok "):
            lease = Lease(f"0.x.{step}", reply[0].split()[1], "g", "fixed", 0)
            kind: OutcomeKind = "server" if step % 11 == 0 else "ok"
            outcome = ended(
                kind, step, step * 3, total_ms=step * 37.123456, ttft_ms=step / 3, cost_nano=step, breaker=NOW
            )
            ops: list[Operation] = [SettleOp(lease, outcome, lease.deployment, "g"), CancelOp("0.none", "g")]
            answers += await raw.run(*ops, script=pinned)
        place.put("clock", "last_ms", str(4_000_000_000_000 + step * 1_237))
    for name in COLUMNS:
        if name not in ("events", "clock"):
            content = place.dump(without=())[name]
            answers.append(f"{name} {sorted(content.items()) if isinstance(content, dict) else content}")
    return answers


def _pinned(script: Script) -> Script:
    """The script with the time of the pool's clock alone: TIME differs from server to server."""
    return edited(script, r'redis\.call\("TIME"\)', '{ "0", "0" }')


@pytest.mark.slow
async def test_all_engines_answer_a_recorded_sequence_with_the_same_bytes(
    servers: Callable[[str], Server], pool: str
) -> None:
    places = [Place("memory://", pool), *(Place(servers(name).url, pool) for name in ("valkey", "redis62", "redis82"))]
    told = []
    for place in places:
        told.append(await recorded(place))
        await place.aclose()
    assert any(answer.startswith("ok ") for answer in told[0])
    assert not [answer for answer in told[0] if answer.startswith("error ")]
    for place, answers in zip(places[1:], told[1:], strict=True):
        assert answers == told[0], place.url


async def test_all_engines_load_the_same_scripts(servers: Callable[[str], Server], pool: str) -> None:
    """The sha a server gives the text is the one we call it by; every Store has the same two."""
    stores = [
        Place(url, pool).store() for url in ("memory://", *(servers(n).url for n in ("valkey", "redis62", "redis82")))
    ]
    assert len({(store.calls_script.sha, store.fleet_script.sha) for store in stores}) == 1
    for name in ("valkey", "redis62", "redis82"):
        with servers(name).operator() as client:
            for script in (stores[0].calls_script, stores[0].fleet_script):
                assert client.script_load(script.text) == script.sha
                if name != "redis62":
                    assert client.script_load(script.oom_text) == script.oom_sha

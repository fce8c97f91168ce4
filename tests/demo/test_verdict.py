"""The verdict of made-up runs: what a person must be able to rely on."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from router_core.demo.fleet import Callers, add
from router_core.demo.summary import as_json, text
from router_core.demo.verdict import Facts, Served, judge
from router_core.demo.worker import too_early
from router_core.errors import NoDeploymentAvailable
from router_core.state.records import Refusal

FAST = Served(
    name="fast", rpm=10, tpm=1000, parallel=3, served=9, share=0.9, p50=0.2, p99=0.4, reserved_requests=10,
    reserved_tokens=1000, arrived_requests=10, arrived_tokens=990, at_once=3, refused=0, cut=1, running=0, cooldowns=1,
)  # fmt: skip
SLOW = replace(FAST, name="slow", parallel=None, served=1, share=0.1, p50=None, p99=None)
GOOD = Facts(
    requests=11,
    callers=Callers(sent=11, answered=10, no_room=1, ms=[1.0, 2.0], waited_ms=[0.0, 5.0], operations=22, scripts=20),
    deployments=(FAST, SLOW),
    leases=0,
    inflight=0,
    scripts=(30, 1500),
    complete=True,
)


def test_full_to_the_limit_is_well() -> None:
    verdict = judge(GOOD)
    assert verdict.ok
    assert verdict.line == (
        "VERDICT: ok — 10 of 11 requests answered, 1 found no room within their wait, no limit exceeded, nothing leaked"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reserved_requests": 11}, "fast: 11 requests reserved in a minute, limit 10"),
        ({"reserved_tokens": 1001}, "fast: 1,001 tokens reserved in a minute, limit 1,000"),
        ({"arrived_requests": 11}, "fast: 11 requests arrived in 59 s, limit 10"),
        ({"arrived_tokens": 1001}, "fast: 1,001 tokens arrived in 59 s, limit 1,000"),
        ({"at_once": 4}, "fast: 4 requests at once, limit 3"),
        ({"refused": 2}, "fast: refused 2 requests over its limits"),
        ({"running": 1}, "fast: 1 requests never ended"),
    ],
)
def test_a_limit_exceeded_by_one_fails(change: dict[str, Any], said: str) -> None:
    verdict = judge(replace(GOOD, deployments=(replace(FAST, **change), SLOW)))
    assert not verdict.ok
    assert verdict.line == f"VERDICT: FAILED — {said}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"leases": 1}, "1 leases left in Redis"),
        ({"inflight": 2}, "2 calls still in flight in Redis"),
        ({"complete": False}, "the run or its witnesses are incomplete"),
    ],
)
def test_what_leaks_or_was_not_seen_fails(change: dict[str, Any], said: str) -> None:
    assert judge(replace(GOOD, **change)).problems == (said,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answered": 9, "errors": Counter(APIConnectionError=1)}, "1 APIConnectionError reached callers"),
        ({"answered": 9}, "1 requests have no ending"),
        ({"answered": 11, "no_room": 0}, "callers say 11 answers, the upstreams gave 10"),
    ],
)
def test_avoidable_errors_and_lost_requests_fail(change: dict[str, Any], said: str) -> None:
    assert judge(replace(GOOD, callers=replace(GOOD.callers, **change))).problems == (said,)


@pytest.mark.parametrize(
    ("waited", "ready_in", "early"),
    [
        (0.0, (50.0, 40.0), False),  # every room is later than the wait
        (0.0, (50.0, 4.0), True),  # one comes back in time
        (0.0, (50.0, None), True),  # a call that runs there may end at any moment
        (9.8, (50.0, None), False),  # waited for it in vain
    ],
)
def test_a_refusal_before_the_wait_is_over_is_avoidable(
    waited: float, ready_in: tuple[float | None, ...], early: bool
) -> None:
    at = [None if seconds is None else (time.time() + seconds) * 1000 for seconds in ready_in]
    refused = NoDeploymentAvailable("full", refusals=[Refusal("one", "cooling", ready_ms) for ready_ms in at])
    assert too_early(refused, waited) is early


def test_what_workers_say_adds_up() -> None:
    running = {"sent": 3, "answered": 1, "no_room": 0, "retried": 1, "errors": {"Timeout": 1}}
    over = {**running, "ms": [1.0], "waited_ms": [0.0], "operations": 6, "scripts": 5, "over": True}
    total = add([running, over])
    assert (total.sent, total.answered, total.retried, total.errors["Timeout"]) == (6, 2, 2, 2)
    assert (total.ms, total.operations, total.scripts) == ([1.0], 6, 5)


def test_the_summary_says_it_for_people_and_for_programs() -> None:
    shown = text(GOOD)
    assert "  fast             9    90%  200 ms  400 ms   3 of 3" in shown
    assert "2.00 operations a request in 1.82 script calls" in shown
    told = as_json(GOOD, judge(GOOD))
    assert told["ok"] is True
    assert told["redis"] == {"leases_left": 0, "inflight_left": 0, "scripts": {"calls": 30, "usec": 1500}}
    assert told["callers"]["ms"] == {"p50": 2.0, "p99": 2.0}

"""A real traffic trace, 20 times as fast, through four workers and six limited deployments on one Valkey.

More arrives than the limits allow. No deployment may exceed a limit, as its reservations and as its own upstream see
it; callers fail only where there was no room; and nearly all is served that an exact log could have served.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from router_core.simulator import Arrival, Behaviour, Lognormal, Visit, bursty, read_azure, worst_window
from tests.acceptance.exact_log import Limit, admissible
from tests.acceptance.judge import by_deployment, held, overtaken, room_missed
from tests.acceptance.processes import RemoteUpstream, children, upstreams
from tests.acceptance.replay import Call, replay
from tests.servers import Server

TRACE = Path(__file__).parents[3] / "shared/data/traces/azure2023/AzureLLMInferenceTrace_code.csv"
SPEED, WORKERS, WAIT = 20.0, 4, 10.0
WITNESS = 59.0  # seconds: on their way calls come up to a second closer to each other
LATE_MS = 500.0  # room that a waiting call may need to hear of
# A call is sent away at once if the pool foresees no room for it within its wait. Room only ever comes earlier than
# foreseen (calls give back what they did not use), so the last fifth of a wait is no measure of a forecast.
FORESEEN_MS = 0.8 * WAIT * 1000
FORECASTS_WRONG = 0.01  # by more than that fifth
APART_MS = 50.0  # two workers' calls may meet in either order
BUSIEST = (36.0, 106.0)  # seconds of the trace at 20x: its worst minute, and what is left over from it

# 3,600 requests and 8 M tokens a minute in all. At the trace's 2,076 tokens a call the first runs out of tokens, the
# others of requests.
LIMITS = {
    "d0": Limit(1000, 1_600_000),
    "d1": Limit(800, 2_000_000),
    "d2": Limit(700, 1_700_000),
    "d3": Limit(500, 1_200_000),
    "d4": Limit(400, 1_000_000),
    "d5": Limit(200, 500_000),
}


def trace() -> list[Arrival]:
    return read_azure(TRACE, speed=SPEED)


def made_up() -> list[Arrival]:
    """As bursty as the trace, and a third more, so that the limits bind."""
    return bursty(172.0, 68.0)


def part(arrivals: Sequence[Arrival], begin: float, end: float) -> list[Arrival]:
    return [arrival._replace(at=arrival.at - begin) for arrival in arrivals if begin <= arrival.at < end]


@pytest.mark.slow
@pytest.mark.serial
def test_the_busiest_part_of_the_trace_through_four_workers(valkey: Server, pool: str) -> None:
    """Without the trace at hand, the generator's arrivals."""
    arrivals = part(trace(), *BUSIEST) if TRACE.exists() else part(made_up(), 0.0, 70.0)
    through_four_workers(arrivals, valkey, pool)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.serial
def test_the_whole_trace_through_four_workers(valkey: Server, pool: str) -> None:
    if not TRACE.exists():
        pytest.skip(f"the Azure 2023 trace is not at {TRACE}")
    arrivals = trace()
    marks = [(arrival.at, 1) for arrival in arrivals]
    assert (worst_window(marks, 1.0)[0], worst_window(marks, 60.0)[0]) == (500, 4538)
    through_four_workers(arrivals, valkey, pool)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.serial
def test_arrivals_that_were_made_up_through_four_workers(valkey: Server, pool: str) -> None:
    through_four_workers(made_up(), valkey, pool)


def through_four_workers(arrivals: Sequence[Arrival], valkey: Server, pool: str) -> None:
    with upstreams(*map(_behaviour, LIMITS.values())) as six:
        models = [_entry(id, upstream) for id, upstream in zip(LIMITS, six, strict=True)]
        calls = _replayed(arrivals, models, valkey.url, pool)
        visits = {id: upstream.visits() for id, upstream in zip(LIMITS, six, strict=True)}
    assert len(calls) == len(arrivals)
    _no_limit_was_exceeded(calls, visits)
    _nearly_all_that_was_possible(calls)
    _nothing_is_held(valkey, pool)
    _errors_only_without_room(calls)


def _behaviour(limit: Limit) -> Behaviour:
    """An upstream that refuses what exceeds its limit in any rolling 59 s."""
    return Behaviour(
        latency=Lognormal(0.25, 0.4), tokens_per_second=200, rpm=limit.requests, tpm=limit.tokens, window=WITNESS
    )


def _entry(id: str, upstream: RemoteUpstream) -> dict[str, Any]:
    limit = LIMITS[id]
    params = {"model": "openai/sim", "api_base": upstream.url, "api_key": f"key-{id}"}
    limits = {"rpm": limit.requests, "tpm": limit.tokens}
    return {"model_name": "m", "litellm_params": {**params, **limits}, "model_info": {"id": id}}


def _replayed(arrivals: Sequence[Arrival], models: list[dict[str, Any]], url: str, pool: str) -> list[Call]:
    shares = [arrivals[worker::WORKERS] for worker in range(WORKERS)]
    with children(*((replay, url, pool, models, share, WAIT) for share in shares)) as workers:
        assert len({worker.pid for worker in workers}) == WORKERS
        for worker in workers:
            assert worker.hear() == "ready"
        start = time.monotonic() + 0.5
        for worker in workers:
            worker.tell(start)
        told = [worker.hear(arrivals[-1].at + 60.0) for worker in workers]
    operations, scripts = (sum(numbers) for numbers in zip(*(counts for _, counts in told), strict=True))
    print(f"\n{len(arrivals)} arrivals in {arrivals[-1].at:.0f} s, {operations} operations in {scripts} script calls")
    return sorted((call for calls, _ in told for call in calls), key=lambda call: call.sent_ms)


def _no_limit_was_exceeded(calls: Sequence[Call], visits: dict[str, list[Visit]]) -> None:
    reservations = by_deployment(calls)
    for id, limit in LIMITS.items():
        windows = held(reservations.get(id, []))
        requests, tokens = max(used.requests for used in windows), max(used.tokens for used in windows)
        came, took = worst_window(((visit.at, visit.tokens) for visit in visits[id]), WITNESS)
        print(
            f"{id}: {len(visits[id]):5} served; worst minute reserved {requests:4} of {limit.requests:4} requests"
            f", {tokens:7} of {limit.tokens:7} tokens; worst 59 s of arrivals {came:4}, {took:7}"
        )
        assert Counter(visit.status for visit in visits[id]) == {200: len(reservations[id])}
        assert requests <= limit.requests
        assert tokens <= limit.tokens
        assert came <= limit.requests
        assert took <= limit.tokens


def _errors_only_without_room(calls: Sequence[Call]) -> None:
    """While a call that failed was ready to wait there was no room for it: none unclaimed, none for a later one."""
    failed = [call for call in calls if call.error]
    missed, passed = room_missed(calls, FORESEEN_MS, LIMITS), overtaken(calls, FORESEEN_MS, APART_MS)
    print(
        f"{len(failed)} errors; the longest room one missed: {max(missed, default=0):.0f} ms; {passed} were overtaken"
    )
    assert Counter(call.error for call in failed) == {"NoDeploymentAvailable": len(failed)}
    assert all(call.ended_ms - call.sent_ms < WAIT * 1000 + 2000 for call in failed)
    assert max(missed, default=0.0) <= LATE_MS
    assert passed <= FORECASTS_WRONG * len(failed)


def _nearly_all_that_was_possible(calls: Sequence[Call]) -> None:
    served = sum(not call.error for call in calls)
    possible = admissible(
        [(call.sent_ms, call.arrival.input_tokens + call.arrival.output_tokens) for call in calls], LIMITS, WAIT * 1000
    )
    print(f"{served} served, {served / possible:.1%} of the {possible} that an exact log admits")
    assert possible < len(calls), "the limits have to bind, or this shows nothing"
    assert served >= 0.95 * possible


def _nothing_is_held(valkey: Server, pool: str) -> None:
    with valkey.operator() as client:
        inflight: Any = client.hgetall(f"rc:{{{pool}}}:inflight")
        assert {amount for id, amount in inflight.items() if id != "~"} == {"0"}
        assert set(client.hkeys(f"rc:{{{pool}}}:lease")) <= {"~", "~writes"}
        for column in ("held", "leases"):
            assert set(client.zrange(f"rc:{{{pool}}}:{column}", 0, -1)) <= {"~"}, column

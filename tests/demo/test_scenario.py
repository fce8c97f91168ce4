"""What is played follows from the arrivals."""

from __future__ import annotations

from pathlib import Path

import pytest

from router_core.demo.__main__ import main
from router_core.demo.scenario import ARRIVALS, VICTIM, make


def test_limits_follow_the_busiest_minute_and_leave_a_fifth_of_room() -> None:
    scenario = make(70.0)
    rates = sum(one.rpm for one in scenario.deployments if one.name != "narrow")
    assert 1.0 <= rates / 2930 < 1.1  # and a quarter of the tokens is the share of `narrow`
    begin, length = scenario.outage
    assert 0 < begin < begin + length < 70.0 - 10.0
    assert VICTIM in {one.name for one in scenario.deployments}


def test_workers_and_upstreams_are_told_the_same_limits_unless_overstated() -> None:
    for one in make(5.0).deployments:
        params = one.entry("http://127.0.0.1:1/v1")["litellm_params"]
        enforced = one.behaviour()
        assert (params["rpm"], params["tpm"]) == (enforced["rpm"], enforced["tpm"])
        assert params.get("max_parallel_requests") == enforced["max_concurrent"]
        assert enforced["window"] == ARRIVALS
        assert one.entry("http://127.0.0.1:1/v1", 2.0)["litellm_params"]["rpm"] == 2 * one.rpm


def test_a_trace_is_cut_and_its_tokens_are_what_the_router_can_count(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    rows = ("00.0,4808,10", "10.0,2,8", "30.0,100,50")
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(f"2023-11-16 18:17:{row}\n" for row in rows))
    scenario = make(10.0, str(trace), speed=2.0)
    assert [(one.at, one.input_tokens) for one in scenario.arrivals] == [(0.0, 4808), (5.0, 5)]
    assert all(one.tpm >= 4808 + 24 for one in scenario.deployments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--trace", "/nowhere.csv"), "/nowhere.csv"),
        (("--redis-url", "memory://"), "shared Redis"),
        (("--seconds", "600"), "at most 90"),
        (("--workers", "0"), "--workers"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err

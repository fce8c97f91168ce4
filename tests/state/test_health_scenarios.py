"""Health by table: every row of health_scenarios.py, on every engine, without sleeping."""

from __future__ import annotations

import pytest

from tests.state.health_player import Player
from tests.state.health_scenarios import SCENARIOS, Scenario
from tests.state.kit import Place


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.source}: {scenario.title}")
async def test_as_the_table_says(place: Place, scenario: Scenario) -> None:
    await Player(place, scenario).play(*scenario.steps)


def test_the_table_is_no_shorter_and_tells_each_thing_once() -> None:
    assert len(SCENARIOS) >= 40
    assert len({scenario.title for scenario in SCENARIOS}) == len(SCENARIOS)
    assert {scenario.source.split(" ")[0] for scenario in SCENARIOS} >= {"LiteLLM", "Envoy", "gobreaker", "Linkerd"}

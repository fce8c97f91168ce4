"""drain, resume, weight, cool, reset: what is typed counts in the pool, and mistakes are answered usefully."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.state.records import DeploymentState, Snapshot
from router_core.state.store import Store
from tests.cli.conftest import Ask, Cli


def state(ask: Ask[Any], deployment: str) -> DeploymentState:
    async def read(store: Store) -> Snapshot:
        return await store.snapshot()

    snapshot: Snapshot = ask(read)
    return snapshot.deployments[deployment]


def test_what_is_drained_can_be_resumed(ask: Ask[Any], cli: Cli) -> None:
    assert cli("drain", "chat-eu-1").exit_code == 0
    assert state(ask, "chat-eu-1").drained
    assert cli("resume", "chat-eu-1").exit_code == 0
    assert not state(ask, "chat-eu-1").drained


def test_weight_and_back_to_what_the_workers_say(ask: Ask[Any], cli: Cli) -> None:
    assert cli("weight", "chat-us-1", "0.5").stdout == "chat-us-1: weight 0.5\n"
    assert state(ask, "chat-us-1").weight == 0.5
    assert cli("weight", "chat-us-1", "default").stdout == "chat-us-1: weight 2\n"
    assert state(ask, "chat-us-1").overrides == {}


@pytest.mark.parametrize("amount", ["nan", "inf", "much", "1e300"])
def test_a_weight_that_is_no_number_changes_nothing(ask: Ask[Any], cli: Cli, amount: str) -> None:
    said = cli("weight", "chat-eu-1", amount)
    assert said.exit_code == 2
    assert amount in said.stderr
    assert state(ask, "chat-eu-1").weight == 1


def test_what_was_cooled_is_well_after_a_reset_and_its_call_still_runs(ask: Ask[Any], cli: Cli) -> None:
    assert cli("cool", "chat-eu-1", "30").exit_code == 0
    cooled = state(ask, "chat-eu-1")
    assert (cooled.health, cooled.reason) == ("open", "operator")
    assert 25 < cooled.cooling <= 30
    assert cli("reset", "chat-eu-1", "--yes").exit_code == 0
    after = state(ask, "chat-eu-1")
    assert (after.health, after.used["requests/60"], after.inflight) == ("closed", 0, 1)


def test_reset_asks_first(ask: Ask[Any], cli: Cli) -> None:
    for answer in ("n\n", ""):  # no, and nobody there
        said = cli("reset", "chat-eu-1", input=answer)
        assert said.exit_code == 1
        assert "--yes" in said.output
    assert state(ask, "chat-eu-1").used["requests/60"] == 2
    assert cli("reset", "chat-eu-1", input="y\n").exit_code == 0
    assert state(ask, "chat-eu-1").used["requests/60"] == 0


def test_an_unknown_deployment_names_the_near_ones(ask: Ask[Any], cli: Cli) -> None:
    for words in (("drain", "chat-eu1"), ("weight", "chat-eu1", "2"), ("cool", "chat-eu1", "2")):
        said = cli(*words)
        assert said.exit_code == 3
        assert "no deployment 'chat-eu1' in this pool; did you mean chat-eu-1" in said.stderr
    assert "there are chat-eu-1, chat-us-1, embed-1" in cli("drain", "zzz").stderr


def test_an_unknown_group_names_the_near_ones(ask: Ask[Any], cli: Cli) -> None:
    said = cli("status", "--group", "chta")
    assert said.exit_code == 3
    assert "did you mean chat?" in said.stderr


def test_in_an_empty_pool_the_pool_is_doubted(cli: Cli) -> None:
    said = cli("drain", "chat-eu-1")
    assert said.exit_code == 3
    assert "Is --pool right?" in said.stderr

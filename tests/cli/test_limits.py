"""`router-core limits`: what is used of each limit, and what is typed counts for the fleet."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from router_core.state.records import Acquire, Rows
from router_core.state.store import Store
from tests.cli.conftest import DECLARED, Ask, Cli
from tests.state.kit import settled, tries

# A thousandth of a dollar a token.
PRICED = [replace(one, input_price=10**12, output_price=10**12, version=1) for one in DECLARED]
ROWS = (
    Rows("account:acc", {"tokens/3600": 900, "concurrent": 9}),
    Rows("team:*", {"cost/day@UTC": "2500000000,max", "requests/60": "1,shadow"}),
)
RED = Acquire("embed", ("embed-1",), input_tokens=60, output_tokens=40, subjects=("team:red",))


@pytest.fixture
def teams(ask: Ask[Any]) -> Ask[Any]:
    """The pool with limits of an account and of teams, and two running calls of team red."""

    async def begin(store: Store) -> None:
        await store.register(PRICED, ROWS)
        for _ in range(2):
            await store.acquire(RED)

    ask(begin)
    return ask


def row(text: str, whose: str, name: str) -> str:
    """The cells of a limit, blanks made one."""
    rows = [" ".join(line.split()) for line in text.splitlines()]
    (line,) = [line for line in rows if line.startswith(f"{whose} {name} ")]
    return line.removeprefix(f"{whose} {name} ")


def of(cli: Cli, whose: str) -> dict[str, dict[str, Any]]:
    said = cli("limits", "--of", whose, "--json")
    assert said.exit_code == 0, said.output
    return {state["name"]: state for state in json.loads(said.stdout)}


def test_each_limit_with_used_reserved_left_worst_and_the_time_of_room(teams: Ask[Any], cli: Cli) -> None:
    said = cli("limits")
    assert said.exit_code == 0, said.output
    assert row(said.stdout, "chat-eu-1", "requests/60") == "10 2 1 8 2 1 now"
    assert row(said.stdout, "chat-eu-1", "tokens/60") == "1000 160 100 840 160 1 now"
    assert row(said.stdout, "chat-eu-1", "concurrent") == "4 1 1 3 - 1 now"
    assert row(said.stdout, "account:acc", "tokens/3600") == "900 200 200 700 200 2 now"
    assert row(said.stdout, "account:acc", "concurrent") == "9 2 2 7 - 2 now"
    assert row(said.stdout, "team:*", "cost/day@UTC") == "$2.5 max each - - - 0 -"
    one = cli("limits", "--of", "team:red").stdout
    assert row(one, "team:red", "cost/day@UTC") == "$2.5 max $0.2 $0.2 $2.3 $0.2 2 now"
    assert row(one, "team:red", "requests/60").startswith("1 trial (1) 2 2 -1 2 2 in ")
    assert "max: what a call may use at most" in one
    assert "trial: counted only" in one


def test_json_has_every_field(teams: Ask[Any], cli: Cli) -> None:
    found = json.loads(cli("limits", "--json").stdout)
    assert {(state["subject"], state["name"]) for state in found} == {
        ("chat-eu-1", "requests/60"), ("chat-eu-1", "tokens/60"), ("chat-eu-1", "concurrent"),
        ("account:acc", "tokens/3600"), ("account:acc", "concurrent"),
        ("team:*", "cost/day@UTC"), ("team:*", "requests/60"),
    }  # fmt: skip
    state = of(cli, "team:red")["cost/day@UTC"]
    assert state == {
        "subject": "team:red", "name": "cost/day@UTC", "amount": 2_500_000_000, "used": 200_000_000, "ready": 0.0,
        "reserve_max": True, "enforced": True, "exceeded": 0, "reserved": 200_000_000, "inflight": 2,
        "worst": 200_000_000, "learned": False, "left": 2_300_000_000,
    }  # fmt: skip


def test_a_limit_is_set_raised_and_taken_back(teams: Ask[Any], cli: Cli) -> None:
    async def served(store: Store) -> int:
        leases, _ = await tries(store, replace(RED, subjects=("user:alice",)), 9)
        await settled(store, *leases)
        return len(leases)

    assert cli("limits", "set", "user:alice", "requests/minute", "2").stdout == "user:alice: requests/60 2\n"
    assert teams(served) == 2
    assert cli("limits", "raise", "user:alice", "requests/60", "1").stdout == "user:alice: requests/60 3\n"
    assert teams(served) == 1
    assert cli("limits", "raise", "user:alice", "requests/1m", "50%").stdout == "user:alice: requests/60 5\n"
    assert teams(served) == 2
    assert cli("limits", "clear", "user:alice", "requests/60").stdout == "user:alice: no limits\n"
    assert teams(served) == 2, "what the account has left"
    assert cli("limits", "set", "account:acc", "tokens/1h", "100").stdout == "account:acc: tokens/3600 100\n"
    assert teams(served) == 0
    said = cli("limits", "clear", "account:acc", "--used")
    assert said.stdout == "account:acc: its windows are empty\n"
    assert teams(served) == 1
    assert cli("limits", "clear", "account:acc").stdout == "account:acc: tokens/3600 900, concurrent 9\n"


def test_money_is_written_in_dollars_and_flags_change_only_where_they_are_named(teams: Ask[Any], cli: Cli) -> None:
    assert cli("limits", "set", "team:*", "cost/day@UTC", "3").stdout == "team:*: cost/day@UTC $3 max\n"
    assert cli("limits", "raise", "team:*", "cost/day@UTC", "0.5").stdout == "team:*: cost/day@UTC $3.5 max\n"
    said = cli("limits", "set", "team:*", "cost/day@UTC", "4", "--reserve", "estimate", "--trial")
    assert said.stdout == "team:*: cost/day@UTC $4 trial\n"
    assert cli("limits", "set", "team:*", "cost/day@UTC", "4", "--enforce").exit_code == 0
    state = of(cli, "team:red")["cost/day@UTC"]
    assert (state["amount"], state["reserve_max"], state["enforced"]) == (4_000_000_000, False, True)
    assert cli("limits", "clear", "team:*").exit_code == 0
    state = of(cli, "team:red")["cost/day@UTC"]
    assert (state["amount"], state["reserve_max"], state["enforced"]) == (2_500_000_000, True, True)


def test_who_gets_a_limit_of_his_own_is_told_which_of_everyones_he_loses(teams: Ask[Any], cli: Cli) -> None:
    said = cli("limits", "raise", "team:red", "requests/60", "1")
    assert (said.exit_code, "team:red has no limit requests/60 of its own" in said.stderr) == (3, True)
    said = cli("limits", "set", "team:red", "requests/minute", "7")
    assert said.stdout.splitlines() == [
        "team:red: requests/60 7",
        "team:red: no longer has cost/day@UTC, which everyone has; set what is to stay",
    ]
    assert cli("limits", "set", "team:red", "requests/minute", "8").stdout == "team:red: requests/60 8\n"


def test_upper_bounds_are_reserved_only_where_workers_send_them(ask: Ask[Any], cli: Cli) -> None:
    said = cli("limits", "set", "user:alice", "tokens/1h", "500", "--reserve", "max")
    assert (said.exit_code, "write this one there" in said.stderr) == (2, True)
    assert of(cli, "user:alice") == {}
    ask(lambda store: store.register(DECLARED, ROWS))
    said = cli("limits", "set", "user:alice", "tokens/1h", "500", "--reserve", "max")
    assert said.stdout == "user:alice: tokens/3600 500 max\n"


def test_a_deployments_limit_too(ask: Ask[Any], cli: Cli) -> None:
    assert cli("limits", "set", "chat-us-1", "tokens/month@Europe/Berlin+06:00", "5000").exit_code == 0
    assert cli("limits", "raise", "chat-eu-1", "concurrent", "25%").stdout == "chat-eu-1: concurrent 5\n"
    assert of(cli, "chat-us-1")["tokens/month@Europe/Berlin+06:00"]["amount"] == 5000
    assert cli("weight", "chat-eu-1", "3").exit_code == 0
    assert cli("limits", "clear", "chat-eu-1").exit_code == 0
    assert of(cli, "chat-eu-1")["concurrent"]["amount"] == 4
    assert ask(lambda store: store.snapshot()).deployments["chat-eu-1"].weight == 3, "no limit, so it stays"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("set", "user:a", "request/60", "5"), 2, "did you mean 'requests'"),
        (("set", "user:a", "requests/fortnight", "5"), 2, "a window is a number and a unit"),
        (("set", "user:a", "requests", "5"), 2, "a window is"),
        (("set", "user:a", "requests/0", "5"), 2, "a window is"),
        (("set", "user:a", "concurrent/60", "5"), 2, "have no window"),
        (("set", "user:a", "cost/day@Nowhere", "5"), 2, "no such time zone"),
        (("set", "user:a", "requests/60", "many"), 2, "not 'many'"),
        (("set", "user:a", "requests/60", "1.5"), 2, "a whole number"),
        (("set", "user:a", "cost/60", "nan"), 2, "in dollars"),
        (("set", "user:a", "cost/60", "1e9"), 2, "at most"),
        (("set", "nobody", "requests/60", "5"), 3, "no deployment 'nobody'"),
        (("set", "chat-eu1", "requests/60", "5"), 3, "did you mean chat-eu-1"),
        (("raise", "chat-eu-1", "requests/1h", "5"), 3, "chat-eu-1 has no limit requests/3600 of its own"),
        (("raise", "chat-eu-1", "requests/60", "5%%"), 2, "raised by"),
        (("raise", "chat-eu-1", "requests/60", "x%"), 2, "raised by"),
        (("clear", "chat-eu-1", "--used"), 2, "router-core reset chat-eu-1"),
        (("clear", "user:a", "requests/60", "--used"), 2, "leave the one out"),
        (("--of", "nobody"), 3, "no deployment 'nobody'"),
    ],
)
def test_a_mistake_says_what_it_is_and_changes_nothing(
    ask: Ask[Any], cli: Cli, words: tuple[str, ...], status: int, said: str
) -> None:
    before = cli("limits", "--json").stdout
    done = cli("limits", *words)
    assert (done.exit_code, "Traceback" in done.output) == (status, False), done.output
    assert said in done.stderr
    assert [(one["subject"], one["name"], one["amount"]) for one in json.loads(cli("limits", "--json").stdout)] == [
        (one["subject"], one["name"], one["amount"]) for one in json.loads(before)
    ]


def test_a_pool_or_a_user_without_limits(cli: Cli, ask: Ask[Any]) -> None:
    assert cli("limits", "--of", "user:nobody").stdout == "No limits.\n"
    assert cli("limits", "--of", "embed-1").stdout == "No limits.\n"

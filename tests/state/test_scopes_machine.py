"""Rows of every scope, resource and window against a plain model: any sequence of calls, ends and time.

Each scope has one row; over the parameters every resource meets every scope, in rolling windows and in a calendar's.
Exact: a call is admitted if and only if all rows that it meets have room, and a refusal knows the millisecond.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from router_core.state.names import scope_of
from router_core.state.records import Acquire, Lease, Refused, Rows
from tests.state.kit import Place, ask, declared, ended, settled, tried
from tests.state.ledger import Entry, Ledger

T = TypeVar("T")
AMOUNTS = {"requests": 7, "tokens": 100, "input": 80, "output": 60, "cost": 200, "concurrent": 3}
RESOURCES = tuple(AMOUNTS)
SCOPES = ("account", "provider", "group", "tag", "user", "team")
PRICES = {"input_price": 1_000_000, "output_price": 2_000_000}  # nano-dollars a million tokens: 1 and 2 a token
DAY_MS = 86_400_000
LONG = 1e7  # seconds that a lease may live: no call of these is given up for its age


@dataclass
class Days:
    """A limit in days of UTC: what the plain model knows of it."""

    limit: int
    entries: list[Entry] = field(default_factory=list)

    def add(self, at_ms: int, amount: int) -> Entry:
        self.entries.append(Entry(at_ms, amount))
        return self.entries[-1]

    def visible(self, now: int) -> int:
        return sum(entry.amount for entry in self.entries if entry.at_ms // DAY_MS == now // DAY_MS)

    def fits(self, now: int, amount: int) -> bool:
        return self.visible(now) + amount <= self.limit

    def due(self, now: int, amount: int) -> int | None:
        return now if self.fits(now, amount) else (now // DAY_MS + 1) * DAY_MS


@dataclass
class Flight:
    """A limit of calls in flight."""

    limit: int
    entries: list[Entry] = field(default_factory=list)

    def add(self, at_ms: int, amount: int) -> Entry:
        self.entries.append(Entry(at_ms, amount))
        return self.entries[-1]

    def visible(self, now: int) -> int:
        return sum(entry.amount for entry in self.entries)

    def fits(self, now: int, amount: int) -> bool:
        return self.visible(now) + amount <= self.limit

    def due(self, now: int, amount: int) -> int | None:
        return now if self.fits(now, amount) else None


Model = Ledger | Days | Flight


@dataclass
class Running:
    """A call, and what it reserved: resource -> entries."""

    lease: Lease
    entries: list[tuple[str, Entry]]


def taken(resource: str, input: int, output: int) -> int:
    return {
        "requests": 1,
        "concurrent": 1,
        "tokens": input + output,
        "input": input,
        "output": output,
        "cost": input + 2 * output,
    }[resource]


class Machine(RuleBasedStateMachine):
    """`shift` and `window` say which rows there are; answers are known to the millisecond on memory://."""

    shift = 0
    window = "60"

    @initialize(start=st.integers(0, 2 * DAY_MS))
    def begin(self, start: int) -> None:
        self.runner = asyncio.Runner()
        self.place = Place("memory://", "scopes")
        self.place.freeze()
        assert self.place.clock_ms is not None
        self.place.clock_ms += start
        self.store = self.place.store()
        self.resource = {scope: RESOURCES[(i + self.shift) % 6] for i, scope in enumerate(SCOPES)}
        self.models: dict[str, Model] = {}
        self.running: list[Running] = []
        names = {"account": ("acme", "other"), "provider": ("openai",), "group": ("g",)}
        rows = [self.rows(f"{scope}:{name}") for scope in SCOPES for name in names.get(scope, ("*",))]
        deployments = [declared(id, account=account, **PRICES) for id, account in (("a", "acme"), ("b", "other"))]
        self.do(self.store.register(deployments, rows))

    def row(self, subject: str) -> str:
        resource = self.resource[str(scope_of(subject))]
        return resource if resource == "concurrent" else f"{resource}/{self.window}"

    def rows(self, subject: str) -> Rows:
        return Rows(subject, {self.row(subject): AMOUNTS[self.resource[str(scope_of(subject))]]})

    def model(self, subject: str) -> Model:
        if subject not in self.models:
            resource = self.resource[str(scope_of(subject))]
            limit = AMOUNTS[resource]
            if resource == "concurrent":
                self.models[subject] = Flight(limit)
            else:
                self.models[subject] = Days(limit) if "@" in self.window else Ledger(limit, int(self.window))
        return self.models[subject]

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @property
    def now(self) -> int:
        assert self.place.clock_ms is not None
        return self.place.clock_ms

    def met(self, request: Acquire) -> list[str]:
        account = "acme" if request.candidates == ("a",) else "other"
        return [f"account:{account}", "provider:openai", "group:g", *request.subjects]

    @rule(
        candidate=st.sampled_from("ab"),
        user=st.sampled_from(["alice", "bob"]),
        tags=st.sampled_from([(), ("t",), ("t", "s")]),
        input=st.integers(0, 40),
        output=st.integers(0, 30),
    )
    def acquire(self, candidate: str, user: str, tags: tuple[str, ...], input: int, output: int) -> None:
        subjects = (*(f"tag:{tag}" for tag in tags), f"user:{user}", "team:red")
        request = ask(candidate, input_tokens=input, output_tokens=output, subjects=subjects, timeout=LONG)
        amounts = {who: taken(self.resource[str(scope_of(who))], input, output) for who in self.met(request)}
        fits = all(self.model(who).fits(self.now, amount) for who, amount in amounts.items())
        answer = self.do(tried(self.store, request))
        if isinstance(answer, Refused):
            assert not fits, "the model has room"
            dues = [self.model(who).due(self.now, amount) for who, amount in amounts.items()]
            due = None if None in dues else max(at_ms for at_ms in dues if at_ms is not None)
            assert answer.refusals[0].ready_ms == due
            return
        assert isinstance(answer, Lease)
        assert fits, "above a limit"
        entries = [
            (self.resource[str(scope_of(who))], self.model(who).add(self.now, amount))
            for who, amount in amounts.items()
        ]
        self.running.append(Running(answer, entries))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000), input=st.integers(0, 60), output=st.integers(0, 60), twice=st.booleans())
    def settle(self, which: int, input: int, output: int, twice: bool) -> None:
        """More than reserved is debt, less a refund: both in the window of the reservation; and only once."""
        call = self.running.pop(which % len(self.running))
        for _ in range(2 if twice else 1):
            self.do(settled(self.store, call.lease, outcome=ended("ok", input, output, cost_nano=input + 2 * output)))
        for resource, entry in call.entries:
            entry.amount = 0 if resource == "concurrent" else taken(resource, input, output)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000))
    def give_up(self, which: int) -> None:
        """Nobody knows what it used, so what was reserved stays."""
        call = self.running.pop(which % len(self.running))
        self.do(settled(self.store, call.lease, outcome=ended("cancelled")))
        for resource, entry in call.entries:
            entry.amount = 0 if resource == "concurrent" else entry.amount

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000))
    def cancel(self, which: int) -> None:
        call = self.running.pop(which % len(self.running))
        self.store.cancel(call.lease)
        self.do(self.store.flush())
        for _, entry in call.entries:
            entry.amount = 0

    @rule(
        ms=st.one_of(st.integers(0, 3_000), st.sampled_from([999, 1000, 1001, 59_999, 60_000, 60_001, 3_600_000])),
        times=st.sampled_from([1, 1, 7]),
    )
    def wait(self, ms: int, times: int) -> None:
        self.place.move(ms * times)

    @rule(to=st.sampled_from([0, 1, -1]))
    def wait_for_midnight(self, to: int) -> None:
        self.place.move(math.ceil(self.now / DAY_MS) * DAY_MS - self.now + max(to, 0))

    @rule()
    def look(self) -> None:
        """What an operator reads is never less than the truth, and never more for calendars and calls in flight."""
        for subject, model in self.models.items():
            [state] = self.do(self.store.usage(subject))
            seen = model.visible(self.now)
            assert state.used is not None
            assert state.used == seen if not isinstance(model, Ledger) else state.used >= seen
            mine = {id(entry) for entry in model.entries}  # calls of one moment have equal entries
            assert state.inflight == sum(any(id(e) in mine for _, e in call.entries) for call in self.running)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.do(self.place.aclose())
            self.runner.close()


@pytest.mark.parametrize("window", ["1", "60", "3600", "day@UTC"])
@pytest.mark.parametrize("shift", range(6))
def test_any_sequence_of_calls_ends_and_time_agrees_with_the_model(shift: int, window: str) -> None:
    run_state_machine_as_test(
        type("Shifted", (Machine,), {"shift": shift, "window": window}),
        settings=settings(
            max_examples=8,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )

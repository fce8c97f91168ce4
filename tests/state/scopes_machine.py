"""Any sequence of calls, ends and time against plain models of all rows that the calls meet.

Exact: a call is admitted if and only if all rows that it meets have room, and a refusal knows the millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from router_core.state.engines import Script
from router_core.state.names import scope_of
from router_core.state.records import Acquire, Lease, Refused, Rows
from tests.state.kit import ask, beat, declared, ended, settled, tried
from tests.state.ledger import Entry, Ledger
from tests.state.models import PRICES, Model, model, taken
from tests.state.pool_machine import PoolMachine, play

T = TypeVar("T")
NAMED = {"account": ("acme", "other"), "provider": ("openai",), "group": ("g",)}  # the others: a row for everybody
ACCOUNTS = {"a": "acme", "b": "other"}
BEGIN_MS, DAY_MS = 1_800_000_000_000, 86_400_000
FOREVER = 1e9  # seconds: no call is given up while time jumps
CALLS = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(["alice", "bob"]),
    st.sampled_from([(), ("t",), ("t", "s")]),
    st.sampled_from([0, 0, 40]) | st.integers(0, 40),
    st.sampled_from([0, 0, 30]) | st.integers(0, 30),
)


@dataclass
class Running:
    """A call, and what it reserved: (subject, row) -> entry."""

    lease: Lease
    entries: dict[tuple[str, str], Entry]


class Machine(PoolMachine):
    """`limits` says which rows each scope has; on memory://, where answers are known to the millisecond."""

    limits: ClassVar[Mapping[str, Mapping[str, int]]]
    mutations: ClassVar[tuple[Callable[[Script], Script], ...]] = ()

    @initialize(start=st.integers(0, 2 * DAY_MS))
    def begin(self, start: int) -> None:
        self.enter("scopes", BEGIN_MS + start)
        self.store = self.place.store()
        for mutate in self.mutations:
            self.store.calls_script = mutate(self.store.calls_script)
        self.models: dict[tuple[str, str], Model] = {}
        self.running: list[Running] = []
        own = self.limits.get("deployment", {})
        deployments = [declared(id, account=account, limits=own, **PRICES) for id, account in ACCOUNTS.items()]
        shared = {scope: rows for scope, rows in self.limits.items() if scope != "deployment"}
        rows = [Rows(f"{scope}:{name}", rows) for scope, rows in shared.items() for name in NAMED.get(scope, "*")]
        self.do(self.store.register(deployments, rows))

    def move(self, ms: int) -> None:
        """A heartbeat after it: it writes periods ahead."""
        self.place.move(ms)
        self.do(beat(self.store))

    def met(self, request: Acquire) -> dict[tuple[str, str], Model]:
        """The rows that a call meets."""
        [id] = request.candidates
        found = {}
        for subject in (id, f"account:{ACCOUNTS[id]}", "provider:openai", "group:g", *request.subjects):
            for row, limit in self.limits.get(scope_of(subject) or "deployment", {}).items():
                found[subject, row] = self.models.setdefault((subject, row), model(row, limit))
        return found

    @rule(calls=st.lists(CALLS, min_size=1, max_size=8))
    def acquire(self, calls: list[tuple[str, str, tuple[str, ...], int, int]]) -> None:
        for candidate, user, tags, input, output in calls:
            subjects = (*(f"tag:{tag}" for tag in tags), f"user:{user}", "team:red")
            self.call(ask(candidate, input_tokens=input, output_tokens=output, subjects=subjects, timeout=FOREVER))

    def call(self, request: Acquire) -> None:
        met = self.met(request)
        needs = {key: taken(key[1], request.input_tokens, request.output_tokens) for key in met}
        fits = all(one.fits(self.now, needs[key]) for key, one in met.items())
        answer = self.do(tried(self.store, request))
        if isinstance(answer, Refused):
            assert not fits, "the model has room"
            dues = [one.due(self.now, needs[key]) for key, one in met.items()]
            due = None if None in dues else max(at_ms for at_ms in dues if at_ms is not None)
            assert answer.refusals[0].ready_ms == due
            return
        assert isinstance(answer, Lease), answer
        assert fits, "above a limit"
        self.running.append(Running(answer, {key: one.add(self.now, needs[key]) for key, one in met.items()}))
        assert all(one.inside(self.now) <= one.limit for one in met.values() if isinstance(one, Ledger))

    def end(self, which: int) -> Running:
        """One of the running calls; it is in flight no longer."""
        call = self.running.pop(which % len(self.running))
        for (_, row), entry in call.entries.items():
            entry.amount = 0 if row == "concurrent" else entry.amount
        return call

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000), input=st.integers(0, 60), output=st.integers(0, 60), twice=st.booleans())
    def settle(self, which: int, input: int, output: int, twice: bool) -> None:
        """More than reserved is debt, less a refund: both in the window of the reservation; and only once."""
        call = self.end(which)
        for _ in range(2 if twice else 1):
            self.do(settled(self.store, call.lease, outcome=ended("ok", input, output, cost_nano=input + 2 * output)))
        for (_, row), entry in call.entries.items():
            entry.amount = 0 if row == "concurrent" else taken(row, input, output)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000))
    def give_up(self, which: int) -> None:
        """Nobody knows what it used, so what was reserved stays."""
        self.do(settled(self.store, self.end(which).lease, outcome=ended("cancelled")))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000))
    def cancel(self, which: int) -> None:
        call = self.end(which)
        self.store.cancel(call.lease)
        self.do(self.store.flush())
        for entry in call.entries.values():
            entry.amount = 0

    @rule(ms=st.one_of(st.integers(0, 3_000), st.sampled_from([59_999, 60_001, 3_600_000, DAY_MS])))
    def wait(self, ms: int) -> None:
        self.move(ms)

    @precondition(lambda self: self.models)
    @rule(which=st.integers(0, 1000), ms=st.sampled_from([-1, 0, 1]))
    def wait_for_room(self, which: int, ms: int) -> None:
        """Until one of the rows has all its room again, or a millisecond less."""
        dues = [one.due(self.now, one.limit) for one in self.models.values()]
        later = [due for due in dues if due is not None and due > self.now]
        if later:
            self.move(later[which % len(later)] + ms - self.now)

    @rule()
    def look(self) -> None:
        """What an operator reads is never less than the truth, and never more for calendars and calls in flight."""
        for subject in {subject for subject, _ in self.models}:
            for state in self.do(self.store.usage(subject)):
                one = self.models[subject, state.name]
                seen = one.visible(self.now)
                assert state.used is not None
                assert state.used >= seen if isinstance(one, Ledger) else state.used == seen
                assert state.inflight == sum((subject, state.name) in call.entries for call in self.running)


def run(limits: Mapping[str, Mapping[str, int]], *mutations: Callable[[Script], Script], examples: int = 8) -> None:
    """Run the machine with these rows; `mutations` break the script."""
    play(type("Limited", (Machine,), {"limits": limits, "mutations": mutations}), examples, shrink=False)

"""Any sequence of calls, ends, deaths and time: the tokens in flight are the sum over the calls that are held."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from router_core.state.engines import Script
from router_core.state.records import Lease
from router_core.state.store import Store
from tests.state.kit import ask, beat, declared, edited, ended, settled, tried
from tests.state.pool_machine import PoolMachine, play
from tests.state.tokens_kit import COUNTING, column, sums, tokens_of

IDS, WORKERS = ("a", "b"), 3
STRATEGIES = (COUNTING, COUNTING, "least-busy")
CALLS = st.tuples(
    st.integers(0, WORKERS - 1), st.sampled_from(STRATEGIES), st.integers(0, 5000), st.integers(0, 900), st.booleans()
)


class TokensInFlight(PoolMachine):
    """Three workers; `gone` is who the pool takes for dead. Records of the pool say who is held, the calls' own tokens
    what they add."""

    mutation: tuple[str, str] | None = None

    @initialize()
    def begin(self) -> None:
        self.enter("tokens")
        self.workers = [self.worker() for _ in range(WORKERS)]
        self.tokens: dict[str, tuple[int, int] | None] = {}  # of every call there was; None: nobody counts them
        self.running: list[Lease] = []

    def broken(self, script: Script) -> Script:
        return edited(script, *self.mutation) if self.mutation else script

    def worker(self) -> Store:
        store = self.place.store()
        store.calls_script = self.broken(store.calls_script)
        self.do(store.register([declared(id) for id in IDS]))
        return store

    @rule(calls=st.lists(CALLS, min_size=1, max_size=5))
    def acquire(self, calls: list[tuple[int, str, int, int, bool]]) -> None:
        for who, strategy, input, output, first in calls:
            request = ask(*IDS[first:], strategy=strategy, input_tokens=input, output_tokens=output, timeout=100)
            lease = self.do(tried(self.workers[who], request))
            if isinstance(lease, Lease):  # nobody lists the deployments while all are given up
                self.tokens[lease.id] = (input, output) if strategy == COUNTING else None
                self.running.append(lease)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000), by=st.integers(0, WORKERS - 1), twice=st.booleans(), cancels=st.booleans())
    def end(self, which: int, by: int, twice: bool, cancels: bool) -> None:
        """By whoever knows of it, once or more often."""
        lease = self.running[which % len(self.running)] if twice else self.running.pop(which % len(self.running))
        if cancels:
            self.workers[by].cancel(lease)
            self.do(self.workers[by].flush())
        else:
            self.do(settled(self.workers[by], lease, lease, outcome=ended("ok", 9, 9)))

    @rule(who=st.integers(0, WORKERS - 1), finder=st.integers(0, WORKERS - 1))
    def die(self, who: int, finder: int) -> None:
        """It is silent; somebody (perhaps itself, alive after all) looks after the pool."""
        self.place.silence(self.workers[who])
        self.do(beat(self.workers[finder]))

    @rule(who=st.integers(0, WORKERS - 1))
    def leave(self, who: int) -> None:
        self.do(self.workers[who].aclose())
        self.workers[who] = self.worker()

    @rule(who=st.integers(0, WORKERS - 1), ms=st.sampled_from([0, 500, 6_000, 9_000, 101_000]))
    def wait(self, who: int, ms: int) -> None:
        self.place.move(ms)
        self.do(beat(self.workers[who]))

    @invariant()
    def exact(self) -> None:
        if not hasattr(self, "place"):
            return
        for lease, record in self.place.held().items():
            assert tokens_of(record) == self.tokens[lease], "a lease says what its call counts"
        nothing = dict.fromkeys(IDS, "0 0 0")
        assert nothing | column(self.place) == nothing | sums(self.place)


@pytest.mark.slow
def test_the_tokens_in_flight_are_those_of_the_calls_that_are_held() -> None:
    play(TokensInFlight, examples=40)


class ForgetsToRelease(TokensInFlight):
    mutation = (r"if lease\.tokens then\s+in_flight\.count", "if lease.tokens and amount > 0 then in_flight.count")


class ReleasesTheExpired(TokensInFlight):
    mutation = (r'(?m)^ *pending\.remove_member\("expired", lease\.id\)$', "count(lease, d, -1)")


@pytest.mark.parametrize("broken", [ForgetsToRelease, ReleasesTheExpired])
def test_a_script_that_counts_wrongly_is_seen(broken: type[TokensInFlight]) -> None:
    with pytest.raises(AssertionError):
        play(broken, examples=60, shrink=False)

"""State machines over a pool in memory, whose time stands still but where a rule moves it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.state.kit import Place

T = TypeVar("T")


class PoolMachine(RuleBasedStateMachine):
    """A machine's `begin` calls `enter` first."""

    def enter(self, pool: str, at_ms: int | None = None) -> None:
        """`at_ms`: the pool's time at the beginning, where it has to be the same in every run."""
        self.runner = asyncio.Runner()
        self.place = Place("memory://", pool)
        self.place.freeze()
        self.place.clock_ms = self.now if at_ms is None else at_ms

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @property
    def now(self) -> int:
        assert self.place.clock_ms is not None
        return self.place.clock_ms

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.do(self.place.aclose())
            self.runner.close()


def play(machine: type[PoolMachine], examples: int, steps: int = 40, *, same: bool = True, shrink: bool = True) -> None:
    """`same`: the same examples in every run. Without `shrink` a failure takes no longer than success: for machines
    that broken scripts are shown to; put it back to see a short one."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=same,
            database=None if same else settings().database,
            report_multiple_bugs=shrink,
            phases=tuple(Phase) if shrink else (Phase.generate,),
        ),
    )

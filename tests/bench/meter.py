"""Server time of scripts (`INFO commandstats`), as microseconds and as multiples of a reference script.

The reference is twenty HMGETs in a script, run right after each thing that is measured, in the same turn: what the
machine's other work adds to both is divided out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import redis

from tests.bench.report import Cell
from tests.bench.rounds import Measure, Taken, in_turns

COLUMNS = ("what", "deployments", "batch", "µs", "least µs", "x reference", "x base", "target")
NOTE = "µs: median of turns; least µs: the quietest turn; x reference: against 20 HMGETs of 10 fields, turn by turn."
REFERENCE = """
for _ = 1, 20 do
  redis.call('HMGET', KEYS[1], '0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
end
return 0
"""


class Meter:
    """Server time of the scripts that run in between. `number`: how many things one turn measures."""

    def __init__(self, operator: redis.Redis, quick: bool) -> None:
        self._operator, self.number, self._turns = operator, 200 if quick else 1000, 3 if quick else 9
        operator.hset("bench:reference", mapping={str(field): f"{field}.125" for field in range(32)})
        self._sha = operator.script_load(REFERENCE)

    def start(self) -> None:
        self._operator.config_resetstat()

    def read(self, number: int) -> float:
        """Microseconds for each of `number` since the start."""
        stats = self._operator.info("commandstats")
        return (
            sum(float(stats[name]["usec"]) for name in ("cmdstat_evalsha", "cmdstat_fcall") if name in stats) / number
        )

    def of(self, run: Callable[[int], Awaitable[object]], number: int | None = None) -> Measure:
        """A turn of `run(number)`."""
        wanted = number or self.number

        async def turn() -> float:
            self.start()
            await run(wanted)
            return self.read(wanted)

        return turn

    async def taken(self, runs: Mapping[str, Measure], *, busy: bool = False) -> dict[str, tuple[Taken, Taken]]:
        """Each run's figures, and those of the reference right after it; `busy`: neither lets the server idle."""
        both: dict[str, Measure] = {}
        for name, run in runs.items():
            both |= {name: run, f"{name}, reference": self._busy_reference if busy else self._reference}
        taken = await in_turns(both, self._turns)
        return {name: (taken[name], taken[f"{name}, reference"]) for name in runs}

    async def _reference(self) -> float:
        number = self.number // 2
        self.start()
        for _ in range(number):
            self._operator.evalsha(self._sha, 1, "bench:reference")
        return self.read(number)

    async def _busy_reference(self) -> float:
        number = self.number // 2
        pipeline = self._operator.pipeline(transaction=False)
        for _ in range(number):
            pipeline.evalsha(self._sha, 1, "bench:reference")
        self.start()
        pipeline.execute()
        return self.read(number)


def figures(of: tuple[Taken, Taken], base: tuple[Taken, Taken]) -> tuple[Cell, ...]:
    """The four figures of a row."""
    taken, reference = of
    return taken.usual, taken.least, taken.times(reference), taken.times(base[0])

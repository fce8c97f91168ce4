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
REFERENCE_OF = ", reference"
REFERENCE = """
for _ = 1, 20 do
  redis.call('HMGET', KEYS[1], '0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
end
return 0
"""


class Meter:
    """Server time of the scripts that run in between. `number`: how many things one turn measures."""

    def __init__(self, operator: redis.Redis, quick: bool) -> None:
        self._operator, self.number, self.turns = operator, 200 if quick else 1000, 3 if quick else 9
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

    def beside(self, name: str, run: Measure, *, busy: bool = False) -> dict[str, Measure]:
        """What is measured, and the reference right after it; `busy`: neither lets the server idle."""
        return {name: run, f"{name}{REFERENCE_OF}": self._busy_reference if busy else self._reference}

    async def taken(self, runs: Mapping[str, Measure]) -> dict[str, tuple[Taken, Taken]]:
        """Each run's figures, and those of the reference beside it."""
        both: dict[str, Measure] = {}
        for name, run in runs.items():
            both |= self.beside(name, run)
        return paired(await in_turns(both, self.turns))

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


def paired(taken: Mapping[str, Taken]) -> dict[str, tuple[Taken, Taken]]:
    """The figures of what stood `beside` references: its own, the reference's."""
    return {
        name: (found, taken[f"{name}{REFERENCE_OF}"])
        for name, found in taken.items()
        if not name.endswith(REFERENCE_OF)
    }


def figures(of: tuple[Taken, Taken], base: tuple[Taken, Taken]) -> tuple[Cell, ...]:
    """The four figures of a row."""
    taken, reference = of
    return taken.usual, taken.least, taken.times(reference), taken.times(base[0])

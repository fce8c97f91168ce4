"""CPU of this process per call: the Router against a bare aiohttp call and a bare httpx call, measured in turns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.questions import spread
from tests.bench.report import Report, Table
from tests.bench.rounds import Measure, Taken, in_turns
from tests.bench.stage import Stage
from tests.bench.ways import BARE, HTTPX, Way, Ways, ways

COLUMNS = ("way", "concurrent", "CPU µs", "x bare aiohttp", "x bare httpx", "operations", "script calls")
CHUNKS = 16


@dataclass(frozen=True)
class Load:
    """So many calls at once, and in one turn; httpx makes an eighth, as it takes ten times as long and more."""

    concurrent: int
    calls: int


FULL = (Load(1, 500), Load(50, 2000), Load(500, 3000))
QUICK = (Load(1, 100), Load(50, 400))


async def calls(where: Stage, report: Report, quick: bool) -> None:
    """Whole answers."""
    async with ways(where) as made:
        await _compare(made, made.whole(), "calls", "CPU of one call", report, quick)


async def streams(where: Stage, report: Report, quick: bool) -> None:
    """Streams."""
    async with ways(where) as made:
        title = f"CPU of one stream of {CHUNKS} chunks"
        await _compare(made, made.streamed(CHUNKS), "streams", title, report, quick)


async def _compare(made: Ways, compared: Mapping[str, Way], name: str, title: str, report: Report, quick: bool) -> None:
    table = Table(name, title, COLUMNS, notes=(
        "CPU of the client process, user and system; medians of turns, ratios within each turn.",
        "operations and script calls are per call; target: the Router on a shared Valkey ≤ 5 x bare aiohttp.",
    ))  # fmt: skip
    for load in QUICK if quick else FULL:
        report.say(f"{name}: {load.concurrent} concurrent")
        counted = Counted(made)
        measures = {name: counted.measure(name, way, load) for name, way in compared.items()}
        taken = await in_turns(measures, 3 if quick else 5)
        for way, figures in taken.items():
            table.rows.append((way, load.concurrent, *_compared(figures, taken), *counted.per_call(way)))
    report.add(table)


def _compared(figures: Taken, taken: Mapping[str, Taken]) -> tuple[float, float, float]:
    return figures.usual, figures.times(taken[BARE]), figures.times(taken[HTTPX])


class Counted:
    """Turns of calls, and what the Routers among them asked of the pool."""

    def __init__(self, made: Ways) -> None:
        self._made = made
        self._asked: dict[str, list[float]] = {}

    def measure(self, name: str, way: Way, load: Load) -> Measure:
        number = max(load.concurrent, load.calls // 8) if name == HTTPX else load.calls

        async def turn() -> float:
            before = self._operations(name)
            microseconds = await cpu(way, load.concurrent, number)
            await self._settled(name)
            asked = self._asked.setdefault(name, [0, 0, 0])
            for index, (then, now) in enumerate(zip(before, self._operations(name), strict=True)):
                asked[index] += now - then
            asked[2] += number
            return microseconds

        return turn

    def per_call(self, name: str) -> tuple[float | None, float | None]:
        operations, scripts, made = self._asked[name]
        return (operations / made, scripts / made) if name in self._made.routers else (None, None)

    def _operations(self, name: str) -> tuple[int, int]:
        return self._made.routers[name].store.operations if name in self._made.routers else (0, 0)

    async def _settled(self, name: str) -> None:
        if name in self._made.routers:
            await self._made.routers[name].store.flush()


async def cpu(way: Way, concurrent: int, calls: int) -> float:
    """Microseconds of this process's CPU per call."""
    started = time.process_time()
    await spread(way, calls, concurrent)
    return (time.process_time() - started) / calls * 1e6


def of_cpu(way: Way, concurrent: int, calls: int) -> Measure:
    """A turn of `cpu`."""
    return lambda: cpu(way, concurrent, calls)

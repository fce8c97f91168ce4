"""Server time of an acquire of 32 candidates that are all full, against one that is admitted."""

from __future__ import annotations

from router_core.choosing.candidates import MOST
from tests.bench.meter import COLUMNS, NOTE, Meter, figures
from tests.bench.questions import OUTCOME, Pool, opened
from tests.bench.report import Report, Table
from tests.bench.rounds import Measure
from tests.bench.stage import Stage

ADMITTED = "admitted"
AT_ONCE = 200  # acquires before they are settled


async def refusals(where: Stage, report: Report, quick: bool) -> None:
    """Full by the requests of the minute, and by the calls in flight."""
    note = "admitted: the acquire alone, without its settle. x base: against it."
    table = Table("refusals", "Server time of an acquire of 32 candidates", COLUMNS, notes=(NOTE, note))
    report.say("refusals")
    async with (
        opened(where, "bench-free", MOST) as free,
        opened(where, "bench-requests", MOST, requests=1) as requests,
        opened(where, "bench-flight", MOST, concurrent=1) as flight,
    ):
        with where.server.operator() as operator:
            meter, held = Meter(operator, quick), await flight.fill()
            taken = await meter.taken(
                {
                    ADMITTED: _admitted(free, meter),
                    "refused: requests of the minute": _refused(requests, meter),
                    "refused: calls in flight": meter.of(flight.refusals, AT_ONCE),
                }
            )
        for name, of in taken.items():
            target = "" if name == ADMITTED else "≤ 3 x base"
            table.rows.append((name, MOST, 1, *figures(of, taken[ADMITTED]), target))
        for lease in held:
            flight.store.settle(lease, OUTCOME)
    report.add(table)


def _admitted(free: Pool, meter: Meter) -> Measure:
    """Only the acquires are in the figure; they are settled afterwards."""

    async def turn() -> float:
        meter.start()
        leases = [await free.acquire() for _ in range(AT_ONCE)]
        figure = meter.read(AT_ONCE)
        for lease in leases:
            free.store.settle(lease, OUTCOME)
        await free.store.flush()
        return figure

    return turn


def _refused(full: Pool, meter: Meter) -> Measure:
    """The minute rolls on while this measures, so each turn fills what has become free."""
    measured = meter.of(full.refusals, AT_ONCE)

    async def turn() -> float:
        for lease in await full.fill():
            full.store.settle(lease, OUTCOME)
        await full.store.flush()
        return await measured()

    return turn

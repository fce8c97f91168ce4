"""CPU of the client for a decision without a call: the Store alone, and all of the Router but the upstream."""

from __future__ import annotations

from router_core.router import Router
from tests.bench.calls import of_cpu
from tests.bench.questions import opened
from tests.bench.report import Report, Table
from tests.bench.rounds import in_turns
from tests.bench.stage import GROUP, MESSAGES, Stage
from tests.bench.ways import BARE, Way, ways

STORE = "Store, shared Valkey"
COLUMNS = ("what", "concurrent", "CPU µs", "x bare aiohttp call", "target")


async def client(where: Stage, report: Report, quick: bool) -> None:
    """Beside a bare aiohttp call, in turns."""
    table = Table("client", "CPU of the client for one decision", COLUMNS, notes=(
        "Store: acquire and settle, with their part of the network's cost.",
        "Router, no upstream: the whole call, but the answer is made up where the HTTP call would be.",
    ))  # fmt: skip
    async with ways(where) as made, opened(where, "bench-client", 10) as asked:
        compared: dict[str, Way] = {BARE: made.whole()[BARE], STORE: asked.decide}
        compared |= {f"{name}, no upstream": _mocked(router) for name, router in made.routers.items()}
        for concurrent in (1, 50) if quick else (1, 50, 500):
            report.say(f"client: {concurrent} concurrent")
            number = max(concurrent, 300 if quick else 2000)
            measures = {name: of_cpu(way, concurrent, number) for name, way in compared.items()}
            taken = await in_turns(measures, 3 if quick else 7)
            for name, figures in taken.items():
                target = "≤ 60 µs" if (name, concurrent) == (STORE, 50) else ""
                table.rows.append((name, concurrent, figures.usual, figures.times(taken[BARE]), target))
    report.add(table)


def _mocked(router: Router) -> Way:
    return lambda: router.acompletion(GROUP, MESSAGES, mock_response="Fine.")

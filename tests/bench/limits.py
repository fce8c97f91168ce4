"""Server time of an acquire by how many limits it meets: its own deployment's, then those of five scopes."""

from __future__ import annotations

from contextlib import AsyncExitStack

from router_core.state.records import Declared, Rows
from router_core.state.store import Store
from router_core.strategies import sources
from tests.bench.meter import COLUMNS, NOTE, Meter, figures
from tests.bench.questions import OUTCOME, Pool, spread
from tests.bench.report import Report, Table
from tests.bench.rounds import Measure
from tests.bench.stage import GROUP, Stage

SIZE, AT_ONCE = 10, 200  # deployments; acquires before they are settled
ROOM = 10**9
BASE = "one limit"
SHARED = ("account:acme", "provider:openai", f"group:{GROUP}")
CALLER = ("tag:t", "user:alice", "team:red")
OWN = {"requests/60": ROOM, "tokens/60": ROOM, "input/60": ROOM, "output/3600": ROOM, "concurrent": ROOM}
# What is limited: of each deployment, and of subjects.
CASES: dict[str, tuple[int, tuple[str, ...]]] = {
    BASE: (1, ()),
    "one limit, and the caller has a name": (1, ()),
    "five limits of the deployment": (5, ()),
    "five limits: deployment, account, provider, group, user": (1, (*SHARED, "user:*")),
    "five limits: deployment, account, tag, user, team": (1, (SHARED[0], "tag:*", "user:*", "team:*")),
}


async def limits(where: Stage, report: Report, quick: bool) -> None:
    """The acquire alone, one by one and in batches of 64."""
    note = "The acquire alone, without its settle. x base: against one limit in the same batch size."
    table = Table("limits", "Server time of an acquire by its limits, 10 deployments", COLUMNS, notes=(NOTE, note))
    async with AsyncExitStack() as stack:
        meter = Meter(stack.enter_context(where.server.operator()), quick)
        pools = {}
        for number, (name, (own, subjects)) in enumerate(CASES.items()):
            pools[name] = made = await _pool(where, f"bench-limits-{number}", own, subjects)
            made.subjects = () if name == BASE else CALLER
            stack.push_async_callback(made.store.aclose)
        for batch in (1, 64):
            report.say(f"limits: {batch} at once")
            taken = await meter.taken({name: _acquires(pool, meter, batch) for name, pool in pools.items()})
            for name, of in taken.items():
                target = "" if name == BASE else "≤ 1.5 x base"
                table.rows.append((name, SIZE, batch, *figures(of, taken[BASE]), target))
    report.add(table)


async def _pool(where: Stage, name: str, own: int, subjects: tuple[str, ...]) -> Pool:
    store = Store(where.server.url, pool=name, ranks=sources())
    ids = tuple(f"dep-{number}" for number in range(SIZE))
    limited = dict(list(OWN.items())[:own])
    deployments = [Declared(id, GROUP, "openai", "acme", limits=limited) for id in ids]
    await store.register(deployments, [Rows(one, {"requests/60": ROOM}) for one in subjects])
    return Pool(store, ids)


def _acquires(pool: Pool, meter: Meter, batch: int) -> Measure:
    """Only the acquires are in the figure; they are settled afterwards."""

    async def turn() -> float:
        leases = []

        async def once() -> None:
            leases.append(await pool.acquire())

        meter.start()
        await spread(once, AT_ONCE, batch)
        figure = meter.read(len(leases))
        for lease in leases:
            pool.store.settle(lease, OUTCOME)
        await pool.store.flush()
        return figure

    return turn

"""A key of another type, as a person or another program may leave it: a clear error, nothing half-done."""

from __future__ import annotations

import pytest

from router_core.state.keys import COLUMNS
from router_core.state.operations import AcquireOp, SettleOp
from router_core.state.records import StateError
from tests.state.garbage_kit import LIMITS, two
from tests.state.kit import Place, Raw, ask, declared, ended

WRONG = {"HASH": ("HSET", "a", "b"), "ZSET": ("ZADD", "1", "a")}


@pytest.mark.parametrize("column", [*COLUMNS, "waiting:g"])
async def test_a_key_of_another_type_is_a_clear_error_and_nothing_is_half_done(place: Place, column: str) -> None:
    store = await two(place)
    running = await store.acquire(ask("b"))
    kind = place.do("TYPE", column)
    kind = kind if isinstance(kind, str) else kind["ok"]
    command, *words = WRONG["ZSET" if kind == "hash" else "HASH"]
    place.do("DEL", column)
    place.do(command, column, *words)
    before = place.dump(without=("clock", "workers", column))
    raw = Raw(place, store)
    acquire = AcquireOp(ask("a"), "0.x.1", "g", "g simple-shuffle", "a", 3, place_later(place, column), 0)
    settle = SettleOp(running, ended("ok", 3, 3), "b", "g")
    answers: list[str] = []
    for operation in (acquire, settle):
        try:
            answers += await raw.run(operation)
        except StateError as error:
            answers.append(f"error {error}")
    after = place.dump(without=("clock", "workers", column))
    failed = [answer.startswith(("error ", "full ")) for answer in answers]
    if all(failed):
        assert after == before, "half-done"
    elif failed[0]:
        assert "0.x.1" not in after["lease"]
    for answer in answers:
        assert "WRONGTYPE" in answer or not answer.startswith("error "), answer


def place_later(place: Place, column: str) -> int:
    return 10**15 if column == "clock" else place.now_ms() + 60_000


async def test_a_waiting_key_of_another_type_costs_its_own_group_only(place: Place) -> None:
    """In one batch: the acquire of group g fails; that of group h and the settle are done."""
    store = await two(place)
    await store.register([*(declared(id, limits=LIMITS) for id in "ab"), declared("z", "h")])
    running = await store.acquire(ask("b"))
    place.do("DEL", "waiting:g")
    place.do("HSET", "waiting:g", "a", "b")
    later = place.now_ms() + 60_000
    answers = await Raw(place, store).run(
        SettleOp(running, ended(), "b", "g"),
        AcquireOp(ask("a"), "0.x.1", "g", "g simple-shuffle", "a", 3, later, 0),
        AcquireOp(ask("z", group="h"), "0.x.2", "h", "h simple-shuffle", "z", 3, later, 0),
        groups=("g", "h"),
    )
    assert answers[0] == "ok"
    assert answers[1].startswith("error WRONGTYPE")
    assert answers[2].startswith("ok z ")

"""Operators edit by hand. What nobody can read costs one refusal or one error, and is never half-done.

And numbers: every engine writes the same bytes.
"""

from __future__ import annotations

import pytest

from router_core.state.operations import RenewOp, SettleOp
from router_core.state.records import Lease, Refused, StateError
from tests.state.garbage_kit import two
from tests.state.kit import Place, Raw, ask, beat, declared, ended, settled, tried, tries

WORDS = [
    "",
    " ",
    "x",
    "-",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "-1e999",
    "1 2 3",
    "\x00\xff",
    "a" * 5000,
    "{}",
    "None",
    "0x",
    "½",
]
TEXTS = {
    "settings": [*WORDS, "weight=x order=0 | requests/60=1", "weight=1 order=0 | requests/60=x", "weight=1", "drained"],
    "health": [*WORDS, "open", "open 1 1 x 0 - -", "half-open 1 1 1 1 -", "sleeping 0 0 0 0 - - -"],
    "inflight": [word for word in WORDS if word != " "],
    "used": [*WORDS, "5", "x 1", "1 x", "nan 1", "1 inf"],
    "window": [*WORDS, "5", "x 1", "1 x", "nan 1"],
}


def spoil(place: Place, column: str, text: str) -> None:
    """Put garbage into every field of a column that is of deployment a."""
    fields = [field for field in place.column(column) if field.split("/")[0] == "a"] or ["a"]
    for field in fields:
        place.put(column, field, text)


@pytest.mark.parametrize("column", TEXTS)
async def test_garbage_of_one_deployment_refuses_that_one_and_the_others_serve(place: Place, column: str) -> None:
    store = await two(place)
    clean = place.column(column)
    for text in TEXTS[column]:
        spoil(place, column, text)
        before = place.dump(without=("clock", "workers", "events", column))
        answer = await tried(store, ask("a", input_tokens=7))
        if isinstance(answer, Lease):  # some garbage can be read after all; then the reservation is whole
            assert place.inflight("a") == 1, text
            assert answer.id in place.held()
            store.cancel(answer)
            await store.flush()
        else:
            assert len(str(answer)) < 300
            assert place.dump(without=("clock", "workers", "events", column)) == before, f"half-done: {text[:20]!r}"
        lease = await store.acquire(ask("a", "b", preferred=2, input_tokens=7))
        store.cancel(lease)
        await store.flush()
        if lease.deployment == "b":
            assert place.inflight("b") == 0, text
        for field, good in clean.items():
            place.put(column, field, good)
        if column == "health":
            place.do("HDEL", "health", "a")


@pytest.mark.parametrize(
    "text", ["weight=1 order=0", "weight=1 order=0 in=- out=- group=g |x", "weight=1 order=0 | ten"]
)
async def test_settings_that_were_cut_short_are_garbled_and_not_without_limits(place: Place, text: str) -> None:
    store = await two(place)
    place.put("settings", "a", text)
    answer = await tried(store, ask("a"))
    assert isinstance(answer, Refused)
    assert [refusal.reason for refusal in answer.refusals] == ["garbled"]


@pytest.mark.parametrize("text", ["x", "nan", "inf", "1e999", ""])
@pytest.mark.parametrize("column", ["latency_ms", "ttft_ms", "ms_per_token", "sampled_ms"])
async def test_garbage_in_a_measure_stops_no_call(place: Place, column: str, text: str) -> None:
    """It is refused by the strategy that reads it, and never by another."""
    store = await two(place)
    place.put(column, "a", text)
    strategy = "latency-based-routing"
    granted, _ = await tries(store, ask("a", "b", strategy=strategy, stream=True, input_tokens=1), 3)
    assert len(granted) == 3
    assert (await store.acquire(ask("a", input_tokens=1))).deployment == "a"


@pytest.mark.parametrize("column", ["inflight", "health", "used", "window", "latency_ms", "lease"])
async def test_a_settle_among_garbage_is_whole_or_not_at_all_and_the_others_of_its_batch_go_on(
    place: Place, column: str
) -> None:
    store = await two(place)
    mine, other = await store.acquire(ask("a", input_tokens=7)), await store.acquire(ask("b", input_tokens=7))
    good = place.column(column)
    if column == "lease":
        place.put("lease", mine.id, "held")
    else:
        spoil(place, column, "garbage")
    before = place.dump()
    outcome = ended("ok", 9, 9, cost_nano=5)
    operations = [SettleOp(mine, outcome, "a", "g"), SettleOp(other, outcome, "b", "g")]
    answers = await Raw(place, store).run(*operations)
    after = place.dump()
    assert answers[1] == "ok"
    assert place.inflight("b") == 0
    if answers[0] == "ok":
        assert mine.id not in after["lease"]
        return
    assert answers[0].startswith("error ")
    changed = {name for name in after if _of(after[name], "a", mine.id) != _of(before[name], "a", mine.id)}
    assert changed <= {"events"}, "half-done"
    for field in set(place.column(column)) - set(good):
        place.do("HDEL", column, field)
    for field, text in good.items():
        place.put(column, field, text)
    assert await Raw(place, store).run(operations[0]) == ["ok"], "and when the garbage is gone it can be done"
    assert place.column("inflight")["a"] == "0"


def _of(content: object, id: str, lease: str) -> object:
    """What a column holds of a deployment and a lease."""
    if not isinstance(content, dict):
        return content
    return {field: text for field, text in content.items() if field.split("/")[0] == id or lease in field}


@pytest.mark.parametrize("column", ["lease", "inflight", "health", "settings"])
async def test_garbage_of_a_lease_that_is_due_stops_nobody(place: Place, column: str) -> None:
    """Reaping runs at the start of every call: it must not fail for ever at one record."""
    store = await two(place)
    lease = await store.acquire(ask("a", timeout=1))
    if column == "lease":
        place.put("lease", lease.id, "held a")
    else:
        spoil(place, column, "garbage")
    place.move(2_000)
    for _ in range(3):
        assert (await store.acquire(ask("b"))).deployment == "b"
    await beat(store)


async def test_many_garbled_leases_that_are_due_do_not_keep_others_from_being_reaped(place: Place) -> None:
    store = await two(place)
    for i in range(20):
        place.put("lease", f"garbage.{i}", "held")
        place.do("ZADD", "leases", i, f"garbage.{i}")
    lost = await store.acquire(ask("a", timeout=1))
    place.move(2_000)
    await beat(store)
    await settled(store)
    assert lost.id not in place.held()


async def test_operations_nobody_can_read_answer_errors_and_the_others_are_done(place: Place) -> None:
    store = await two(place)
    running = await store.acquire(ask("a"))
    good = RenewOp(running.id, place.now_ms() + 1_000_000)
    nonsense = [
        "",
        "acquire",
        "settle x",
        "fly away",
        "renew 1",
        "cancel",
        "acquire " + "1 " * 14,
        "\x00",
        "settle " * 100,
    ]
    answers = await Raw(place, store).run(*nonsense, good)
    assert answers[-1] == "ok"
    assert all(answer.startswith("error ") for answer in answers[:-1]), answers


async def test_a_snapshot_and_a_heartbeat_among_garbage_show_the_rest(place: Place) -> None:
    store = await two(place)
    for column in ("settings", "health", "inflight"):
        good = place.column(column)
        spoil(place, column, "garbage")
        assert "b" in (await store.snapshot()).deployments, column
        await beat(store)
        place.do("HDEL", column, "a")
        for field, text in good.items():
            place.put(column, field, text)


@pytest.mark.parametrize("limits", [{"requests/0": 5}, {"requests/60": -1}, {"tokens/1e3": 5}, {"a b": 1}])
async def test_limits_without_sense_never_mean_no_limit(memory: Place, limits: dict[str, int]) -> None:
    """Refused at registration or at every acquire; not silently unlimited, and no damage to others."""
    store = memory.store()
    try:
        await store.register([declared(limits=limits), declared("b")])
    except (StateError, ValueError):
        return
    granted, _ = await tries(store, ask("a", input_tokens=1), 50)
    assert len(granted) <= 5
    assert (await store.acquire(ask("b"))).deployment == "b"


@pytest.mark.parametrize("action", ["weight", "limits", "cool", "nonsense"])
@pytest.mark.parametrize("text", ["x", "nan", "-5", "1e999", ""])
async def test_what_an_operator_mistypes_is_an_error_and_changes_nothing(place: Place, action: str, text: str) -> None:
    store = await two(place)
    before = place.dump()
    name = {"weight": "weight", "cool": "ms"}.get(action, "requests/60")
    with pytest.raises((StateError, ValueError)):
        await store.control(action, "a", **{name: text})
    assert place.dump() == before

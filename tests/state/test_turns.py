"""Whose turn it is: by priority, fair between callers within one, and nothing is owed once nobody waits."""

from __future__ import annotations

import pytest

from tests.state.kit import Place, Raw, declared
from tests.state.turns_kit import Slot, callers


async def served(slot: Slot) -> str:
    """The order in which all that wait are served."""
    order = []
    while (id := await slot.hand_on()) is not None:
        order.append(id)
    return callers(order)


@pytest.fixture
async def memory_slot(memory: Place) -> Slot:
    return await Slot(memory).begin()


async def test_a_newcomer_stands_before_the_second_call_of_a_greedy_caller(memory_slot: Slot) -> None:
    await memory_slot.come(*(memory_slot.call("G") for _ in range(10)))
    for caller in "AB":
        await memory_slot.come(*(memory_slot.call(caller) for _ in range(2)))
    assert await served(memory_slot) == "GABGABGGGGGGGG"


async def test_the_place_that_is_told_is_the_place_in_the_new_order(memory_slot: Slot) -> None:
    answers = await memory_slot.come(*(memory_slot.call("G") for _ in range(70)))
    assert [int(answer.split(" ")[2]) for answer in answers] == list(range(70))
    (answer,) = await memory_slot.come(memory_slot.call("A"))
    assert answer.split(" ")[2] == "1", "behind the first of the 70"
    (answer,) = await memory_slot.come(memory_slot.call("G"))
    assert answer.split(" ")[2] == "71"


async def test_a_call_at_a_time_gets_as_much_as_a_caller_with_a_hundred_waiting(memory_slot: Slot) -> None:
    """Whoever was just served has had this turn: else the two who ask one call at a time would take all of them."""
    await memory_slot.come(*(memory_slot.call("G") for _ in range(100)))
    await memory_slot.come(memory_slot.call("A"), memory_slot.call("B"))
    order = []
    for _ in range(30):
        id = await memory_slot.hand_on()
        assert id is not None
        order.append(id)
        if callers([id]) in "AB":
            await memory_slot.come(memory_slot.call(callers([id])))
    assert {caller: callers(order).count(caller) for caller in "GAB"} == {"G": 10, "A": 10, "B": 10}


async def test_a_better_priority_goes_first_whoever_waits(memory_slot: Slot) -> None:
    await memory_slot.come(*(memory_slot.call("L", 5) for _ in range(3)), *(memory_slot.call("M", 2) for _ in range(2)))
    await memory_slot.come(memory_slot.call("H", 0), memory_slot.call("H", 0), memory_slot.call("X", 100_000))
    assert await served(memory_slot) == "HHMMLLLX"


async def test_tickets_that_were_given_up_cost_their_caller_nothing(memory_slot: Slot) -> None:
    """G gives up 50 places; its next call is not the 51st of its own."""
    calls = [memory_slot.call("G") for _ in range(50)]
    await memory_slot.come(*calls)
    await memory_slot.come(*(memory_slot.call("A") for _ in range(4)))
    for call in calls:
        await memory_slot.leave(call.id)
    await memory_slot.come(memory_slot.call("G"), memory_slot.call("G"))
    assert await served(memory_slot) == "AGAGAA"


async def test_a_call_that_does_not_wait_passes_only_who_stands_behind_its_turn(memory_slot: Slot) -> None:
    await memory_slot.come(*(memory_slot.call("G") for _ in range(3)))
    answers = await memory_slot.come(memory_slot.call("G", wait=0.0), memory_slot.call("A", wait=0.0))
    assert [answer.split(" ")[:4] for answer in answers] == [["full", "-", "3", "3"], ["full", "-", "1", "3"]]


async def test_once_nobody_waits_nothing_is_noted(memory_slot: Slot) -> None:
    await memory_slot.come(*(memory_slot.call(caller) for caller in "GGGAB"))
    assert memory_slot.notes == {"=0|G": 3, "=0|A": 1, "=0|B": 1}
    for _ in range(2):
        memory_slot.place.move(20)
        await memory_slot.hand_on()
    assert memory_slot.notes.keys() >= {"=0|G"}
    await served(memory_slot)
    await memory_slot.come(memory_slot.call("Z", wait=0.0))
    assert (memory_slot.waiting, memory_slot.notes) == ([], {})


async def test_callers_whose_turns_are_past_are_forgotten_while_others_wait(memory_slot: Slot) -> None:
    await memory_slot.come(*(memory_slot.call("G") for _ in range(60)))
    for number in range(40):
        await memory_slot.come(memory_slot.call(f"c{number}"))
        memory_slot.place.move(20)
        await memory_slot.hand_on()
        await memory_slot.hand_on()
    assert len(memory_slot.notes) < 6


async def test_the_order_is_the_same_on_every_engine(place: Place) -> None:
    slot = Slot(place)
    place.clock_ms = place.clock_ms or None
    await slot.begin()
    slot.place.clock_ms = slot.place.now_ms() if not place.is_memory else None
    for caller, priority in zip("GGGABGABZ", (0, 0, 0, 0, 0, 0, 0, 0, 1), strict=True):
        call = slot.call(caller, priority)
        call.valid_until = call.wait_until = place.now_ms() + 600_000
        await slot.come(call)
    slot.place.clock_ms = None
    assert await served(slot) == "GABGABGGZ"


async def test_a_full_queue_refuses_newcomers_at_once(memory_slot: Slot) -> None:
    calls = [memory_slot.call("G") for _ in range(5)]
    for call in calls:
        object.__setattr__(call.request, "max_queue", 3)
    answers = await memory_slot.come(*calls)
    assert [answer.split(" ")[0] for answer in answers] == ["wait", "wait", "wait", "full", "full"]
    assert answers[-1].split(" ")[2:] == ["3", "3", "a", "queue_full", "-"]
    assert (await memory_slot.come(calls[0]))[0].startswith("wait "), "who has a place keeps it"


async def test_tickets_of_a_dead_worker_are_no_places(memory: Place) -> None:
    """A thousand of them: the next who asks finds none before him, and his turn is not behind theirs."""
    slot = await Slot(memory).begin()
    dead = memory.store()
    await dead.register([declared(limits={"concurrent": 1})])
    hand = Raw(memory, slot.store, worker=dead.worker)
    for _ in range(20):
        await hand.run(*(slot.call("G") for _ in range(50)))
    assert len(slot.waiting) == 1000
    memory.silence(dead)
    (answer,) = await slot.come(slot.call("G"))
    assert answer.split(" ")[2] == "0"
    assert len(slot.waiting) == 1

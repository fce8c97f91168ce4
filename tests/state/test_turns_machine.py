"""Callers come, leave and are served in any order: the pool keeps the order of the textbook, and nobody starves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.state.kit import Place
from tests.state.turns_kit import Slot, callers

CALLERS = "ABCG"
# A caller comes with one or several calls, of a priority; the running call ends; the nth of those that wait gives up.
COME = st.tuples(st.just("come"), st.sampled_from(CALLERS), st.integers(1, 5), st.integers(0, 1))
END = st.tuples(st.just("end"), st.just(""), st.just(0), st.just(0))
LEAVE = st.tuples(st.just("leave"), st.just(""), st.integers(0, 30), st.just(0))
Step = tuple[str, str, int, int]


class Textbook:
    """Start-time fair queueing as Goyal, Vin and Cheng write it down, for each priority; a call costs 1."""

    def __init__(self) -> None:
        self.v: Counter[int] = Counter()
        self.f: Counter[tuple[int, str]] = Counter()
        self.tickets: list[tuple[int, int, str]] = []  # priority, tag, id: in order

    def come(self, id: str, caller: str, priority: int) -> None:
        tag = max(self.v[priority], self.f[priority, caller])
        self.f[priority, caller] = tag + 1
        self.tickets.append((priority, tag, id))
        self.tickets.sort()

    def serve(self) -> str:
        priority, tag, id = self.tickets.pop(0)
        self.v[priority] = max(self.v[priority], tag)
        self._rest()
        return id

    def leave(self, id: str, caller: str) -> None:
        (gone,) = (ticket for ticket in self.tickets if ticket[2] == id)
        self.tickets.remove(gone)
        self.f[gone[0], caller] -= 1
        self._rest()

    def _rest(self) -> None:
        if not self.tickets:
            self.v.clear()
            self.f.clear()


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.one_of(COME, END, END, LEAVE), min_size=5, max_size=60))
def test_the_order_is_that_of_the_textbook(steps: list[Step]) -> None:
    asyncio.run(_as_the_textbook(steps))


async def _as_the_textbook(steps: Sequence[Step]) -> None:
    place = Place("memory://", "machine")
    place.freeze()
    slot, book = await Slot(place).begin(), Textbook()
    for verb, caller, number, priority in steps:
        place.move(7)
        if verb == "come":
            for call in [slot.call(caller, priority) for _ in range(number)]:
                (answer,) = await slot.come(call)
                book.come(call.id, caller, priority)
                place_told = int(answer.split(" ")[2])
                assert [ticket[2] for ticket in book.tickets].index(call.id) == place_told
        elif verb == "end" and book.tickets:
            assert await slot.hand_on() == book.serve()
        elif verb == "leave" and book.tickets:
            id = book.tickets[number % len(book.tickets)][2]
            await slot.leave(id)
            book.leave(id, callers([id]))
        assert slot.waiting == [ticket[2] for ticket in book.tickets]
        assert len(slot.notes) <= 2 + 2 * len(CALLERS)
    await place.aclose()


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    before=st.lists(st.one_of(COME, END, LEAVE), max_size=25),
    after=st.lists(st.one_of(COME, COME, LEAVE), min_size=40, max_size=60),
)
def test_nobody_starves(before: list[Step], after: list[Step]) -> None:
    """However many calls others bring, after it or at once: each of them passes a caller's only call twice at most."""
    asyncio.run(_nobody_starves(before, after))


async def _nobody_starves(before: Sequence[Step], after: Sequence[Step]) -> None:
    place = Place("memory://", "machine")
    place.freeze()
    slot = await Slot(place).begin()
    for step in before:
        await _do(slot, step)
    victim = slot.call("V")
    (answer,) = await slot.come(victim)
    bound = int(answer.split(" ")[2]) + 2 * len(CALLERS)
    for passed, step in enumerate(after):
        await _do(slot, step)
        if await slot.hand_on() == victim.id:
            break
        assert passed < bound
    await place.aclose()


async def _do(slot: Slot, step: Step) -> None:
    verb, caller, number, _ = step
    if verb == "come":
        await slot.come(*(slot.call(caller) for _ in range(number)))
    elif verb == "end" and slot.waiting:
        await slot.hand_on()
    others = [id for id in slot.waiting if callers([id]) != "V"]
    if verb == "leave" and others:
        await slot.leave(others[number % len(others)])

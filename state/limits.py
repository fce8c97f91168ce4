"""Limits as an operator reads and sets them: every row, what is used of it, when there is room again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from router_core.state import views
from router_core.state.fleet import calendars_in
from router_core.state.names import Scope, escape, scope_of, subject
from router_core.state.operations import FleetOp
from router_core.state.records import LimitState

if TYPE_CHECKING:
    from router_core.state.member import Member

CHUNK, SLOW = 100, 10  # holders of limits read at once; the worst of their windows is in hundreds of slots
_OPEN = ("tag", "user", "team")
_NAMED = re.compile(r"(\w+):(.+)", re.DOTALL)


def named(text: str) -> str:
    """`user:alice` or a deployment's id, as the state names it (escaped). ValueError for text that is neither."""
    found = _NAMED.fullmatch(text)
    if found is None or scope_of(text) is None:
        return escape(text)
    return subject(cast("Scope", found[1]), found[2])


async def all_of(member: Member) -> list[LimitState]:
    """Every row in force, with what running calls have reserved of it."""
    _, answers = await member.ask([FleetOp("ids"), FleetOp("named")])
    states = await _read(member, [*answers[0].split(), *answers[1].split()], worst=True)
    reserved = await _reserved(member)
    return [_with(state, reserved) for state in states]


async def of_closed(member: Member) -> tuple[LimitState, ...]:
    """The rows of accounts, providers and groups."""
    if not member.worker.scopes:
        return ()
    _, answers = await member.ask([FleetOp("named")])
    return tuple(await _read(member, [id for id in answers[0].split() if scope_of(id) not in _OPEN]))


async def used(member: Member, ids: Sequence[str]) -> list[LimitState]:
    """The rows of some holders; nothing is asked where no subject has rows."""
    return await _read(member, ids) if member.worker.scopes else []


async def usage(member: Member, id: str) -> list[LimitState]:
    """The rows of one holder, with what running calls have reserved of them."""
    states = await _read(member, [id], worst=True)
    reserved = await _reserved(member)
    return [_with(state, reserved) for state in states]


async def control(member: Member, action: str, id: str, words: str) -> str:
    """An operator's action on a deployment or subject. Returns what is in force."""
    _, answers = await member.ask([FleetOp(f"control {action} {id}{words}", subjects=_open([id]))])
    return answers[0].removeprefix("ok ")


async def override(member: Member, id: str, row: str, amount: int | str | None) -> str:
    """Set a row, or take back what was set."""
    if not re.fullmatch(r"[^\s=]+", row) or not re.fullmatch(r"[^\s=]+", str(amount)):
        raise ValueError("a limit is named like requests/60 or cost/day@UTC, and has an amount like 1000 or 1000,max")
    if amount is not None:
        await member.write_calendars(calendars_in([row]))
    return await control(member, "limits", id, f" {row}={'-' if amount is None else amount}")


async def raise_by(member: Member, id: str, row: str, by: str) -> str:
    """Set a row to more than it is."""
    if not re.fullmatch(r"[^\s=]+", row) or not re.fullmatch(r"\d+%?", by):
        raise ValueError("a limit is named like requests/60, and raised by an amount like 100 or by a share like 20%")
    return await control(member, "raise", id, f" {row}={by}")


def _open(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(id for id in ids if scope_of(id) in _OPEN and not id.endswith(":*"))


async def _read(member: Member, ids: Sequence[str], worst: bool = False) -> list[LimitState]:
    states: list[LimitState] = []
    verb, many = ("meters worst", SLOW) if worst else ("meters", CHUNK)
    for i in range(0, len(ids), many):
        part = ids[i : i + many]
        reply, answers = await member.ask([FleetOp(verb, " ".join(part), _open(part))])
        states += views.limit_states(answers[0], reply.now_ms)
    return states


Reserved = defaultdict[str, tuple[int, int]]  # "subject/row" -> amount, calls


async def _reserved(member: Member) -> Reserved:
    found: Reserved = defaultdict(lambda: (0, 0))
    after = "-"
    while True:
        _, answers = await member.ask([FleetOp(f"reserved {after}")])
        after, *words = answers[0].split(" ")
        for word in words:
            id, _, sums = word.rpartition("=")
            amount, _, calls = sums.partition(":")
            before = found[id]
            found[id] = before[0] + int(amount), before[1] + int(calls)
        if after == "-":
            return found


def _with(state: LimitState, reserved: Reserved) -> LimitState:
    amount, calls = reserved.get(f"{named(state.subject)}/{state.name}", (0, 0))
    return replace(state, reserved=amount, inflight=calls)

"""The verdict over reservations: what the windows held at each moment, and where there was room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple

from tests.acceptance.exact_log import SPAN_MS, Limit
from tests.acceptance.replay import Call, Reservation

SLOTS = 60  # of a window; the entries of a slot leave it together, with the last of them


class Used(NamedTuple):
    """What a window holds, from a moment (pool ms) on."""

    at_ms: float
    requests: int
    tokens: int


def by_deployment(calls: Iterable[Call]) -> dict[str, list[Reservation]]:
    """Reservations in the order of time."""
    found: defaultdict[str, list[Reservation]] = defaultdict(list)
    for call in calls:
        for reservation in call.reservations:
            found[reservation.deployment].append(reservation)
    return {name: sorted(some, key=lambda r: r.at_ms) for name, some in sorted(found.items())}


def held(reservations: Iterable[Reservation], *, by_slots: bool = False) -> list[Used]:
    """What a rolling minute holds of `reservations`, at every change.

    An entry leaves exactly a minute after it came, or with `by_slots` together with the last one of its slot. What a
    call did not use comes back with its settlement, at its earliest: when the worker handed it over.
    """
    changes: list[tuple[float, int, int]] = []
    for slot in _slots(reservations) if by_slots else ([one] for one in reservations):
        leaves = max(one.at_ms for one in slot) + SPAN_MS
        for one in slot:
            used, ended = one.tokens if one.used is None else one.used, one.ended_ms
            changes += [(one.at_ms, 1, one.tokens), (leaves, -1, -used)]
            back = leaves if ended is None else min(ended, leaves)
            changes.append((back, 0, used - one.tokens))
    changes.sort()
    moments = [list(group) for _, group in groupby(changes, key=lambda change: change[0])]
    requests = accumulate(sum(change[1] for change in group) for group in moments)
    tokens = accumulate(sum(change[2] for change in group) for group in moments)
    return [Used(group[0][0], r, t) for group, r, t in zip(moments, requests, tokens, strict=True)]


def _slots(reservations: Iterable[Reservation]) -> Iterator[list[Reservation]]:
    for _, slot in groupby(reservations, key=lambda one: one.at_ms // (SPAN_MS / SLOTS)):
        yield list(slot)


def longest_room(
    begin: float, end: float, need: int, windows: Mapping[str, list[Used]], limits: Mapping[str, Limit]
) -> float:
    """The longest time (ms) between two moments for which one deployment had room for a call of `need` tokens."""
    longest = 0.0
    for name, limit in limits.items():
        since: float | None = begin
        for used in windows.get(name, []):
            fits = used.requests < limit.requests and used.tokens + need <= limit.tokens
            if used.at_ms <= begin:
                since = begin if fits else None
            elif used.at_ms >= end:
                break
            elif since is not None and not fits:
                longest, since = max(longest, used.at_ms - since), None
            elif since is None and fits:
                since = used.at_ms
        if since is not None:
            longest = max(longest, end - since)
    return longest


def room_missed(calls: Sequence[Call], wait_ms: float, limits: Mapping[str, Limit]) -> list[float]:
    """For each call that failed: how long (ms) there was room for it while nobody waited that had come before it.

    `calls` in the order in which they were sent.
    """
    windows = {name: held(some, by_slots=True) for name, some in by_deployment(calls).items()}
    missed, claimed_until = [], 0.0
    for call in calls:
        begin, end = max(call.sent_ms, claimed_until), call.sent_ms + wait_ms
        if call.error:
            missed.append(longest_room(begin, end, call.need, windows, limits) if begin < end else 0.0)
        served_ms = call.reservations[0].at_ms if call.reservations else call.ended_ms
        claimed_until = max(claimed_until, served_ms)
    return missed


def overtaken(calls: Sequence[Call], wait_ms: float, apart_ms: float) -> int:
    """How many calls failed though a later (by `apart_ms`) and no smaller one was served within `wait_ms` of theirs."""
    served = [one for one in calls if not one.error]
    return sum(
        any(
            call.sent_ms + apart_ms < one.sent_ms < call.sent_ms + wait_ms
            and one.need >= call.need
            and one.reservations[0].at_ms < call.sent_ms + wait_ms
            for one in served
        )
        for call in calls
        if call.error
    )

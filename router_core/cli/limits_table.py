"""Limits as a table a person reads."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from router_core.cli.screen import plain
from router_core.state.records import LimitState

COLUMNS = ("of", "limit", "amount", "used", "reserved", "left", "worst", "calls", "room")
_EACH = "each"  # nobody is counted by the row of everyone


def view(states: Sequence[LimitState]) -> RenderableType:
    """One row a limit; what it means below."""
    if not states:
        return Text("No limits.")
    table = Table(box=None, pad_edge=False, header_style="bold") if plain() else Table(header_style="bold")
    for name in COLUMNS:
        left = name in COLUMNS[:2]
        table.add_column(name, justify="left" if left else "right", overflow="fold" if left else "ellipsis")
    for state in states:
        table.add_row(*_cells(state))
    notes = []
    if any(state.reserve_max for state in states):
        notes.append(Text("max: what a call may use at most is reserved"))
    if any(not state.enforced for state in states):
        notes.append(Text("trial: counted only; in brackets, how many calls it would have refused"))
    return Group(table, *notes)


def of_row(state: LimitState) -> str:
    """`requests/60 1000 max`."""
    return " ".join((state.name, amount(state, state.amount), *_flags(state)))


def amount(state: LimitState, value: int | None) -> str:
    """As its resource is counted; cost in dollars."""
    if value is None:
        return "-"
    return f"${value / 1e9:.9g}" if state.name.startswith("cost/") else str(value)


def _cells(state: LimitState) -> tuple[RenderableType, ...]:
    used = _EACH if state.used is None else amount(state, state.used)
    full = state.left is not None and state.left <= 0 and state.enforced
    return (
        Text(state.subject),
        Text(state.name),
        " ".join((amount(state, state.amount), *_flags(state))),
        used,
        amount(state, state.reserved or (0 if state.inflight else None)),
        Text(amount(state, state.left), style="red" if full else ""),
        amount(state, state.worst),
        str(state.inflight),
        _room(state.ready),
    )


def _flags(state: LimitState) -> list[str]:
    trial = f"trial ({state.exceeded})" if state.exceeded else "trial"
    learned = ["learned"] if state.learned else []
    return [*(["max"] if state.reserve_max else ()), *(() if state.enforced else [trial]), *learned]


def _room(ready: float | None) -> str:
    if ready is None:
        return "-"
    if ready == 0:
        return "now"
    for unit, seconds in (("d", 86_400), ("h", 3600), ("min", 60)):
        if ready >= 2 * seconds:
            return f"in {ready / seconds:.0f} {unit}"
    return f"in {ready:.0f} s" if ready >= 1 else f"in {ready * 1000:.0f} ms"

"""Results as tables for people and as JSON for machines."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import rich.table
from rich.console import Console

Cell = str | float | None


@dataclass(frozen=True)
class Table:
    """`columns` names and units; a row per thing measured. `notes` say what was measured and what the target is."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def row(self, **of: Cell) -> dict[str, Cell]:
        """The first row with these values (columns by their names), as a dict."""
        named = (dict(zip(self.columns, row, strict=True)) for row in self.rows)
        return next(row for row in named if of.items() <= row.items())


class Report:
    """Collects tables and prints each as soon as it is there; progress goes to stderr."""

    def __init__(self) -> None:
        # Piped into a file a table must not fold at 80 columns.
        self._console = Console(width=None if sys.stdout.isatty() else 120)
        self.tables: list[Table] = []

    def say(self, text: str) -> None:
        """Progress."""
        print(f"  … {text}", file=sys.stderr, flush=True)

    def add(self, table: Table) -> None:
        self.tables.append(table)
        self._console.print(_shown(table))
        for note in table.notes:
            self._console.print(f"  {note}", style="dim", highlight=False)
        self._console.print()

    def write(self, path: Path) -> None:
        machine = {"python": platform.python_version(), "machine": platform.platform()}
        path.write_text(json.dumps({**machine, "tables": [asdict(table) for table in self.tables]}, indent=1))


def _shown(table: Table) -> rich.table.Table:
    shown = rich.table.Table(title=table.title, title_justify="left", title_style="bold")
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="left" if number == 0 else "right")
    for row in table.rows:
        shown.add_row(*map(text, row))
    return shown


def text(cell: Cell) -> str:
    """A cell as it is printed: three figures are enough."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if cell >= 1000:
        return f"{cell:,.0f}"
    return f"{cell:.0f}" if cell >= 100 or cell == int(cell) else f"{cell:.3g}"

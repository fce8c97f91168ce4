"""Arrivals to replay: the reader of the Azure 2023 CSV form.

TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
# Seven digits of fraction are more than datetime holds, so they are read apart.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?")


class Arrival(NamedTuple):
    """`at` is seconds since the first arrival of the trace."""

    at: float
    input_tokens: int
    output_tokens: int


class TraceError(ValueError):
    """A trace that cannot be read; the message names file and line."""


def read_azure(path: str | Path, *, speed: float = 1.0) -> list[Arrival]:
    """All arrivals in order of time, `speed` times as fast. Raises TraceError, and OSError if there is no such file."""
    if not speed > 0:
        raise ValueError(f"speed has to be above 0, not {speed}")
    with Path(path).open(encoding="utf-8-sig", newline="") as lines:
        rows = sorted(_rows(lines, str(path)))
    if not rows:
        raise TraceError(f"{path}: no arrivals")
    first = rows[0][0]
    return [Arrival((at - first) / 1e9 / speed, given, made) for at, given, made in rows]


def body_metadata(arrival: Arrival) -> dict[str, str]:
    """The `metadata` of a request by which an `Upstream` counts and makes exactly these tokens."""
    return {"sim_input_tokens": str(arrival.input_tokens), "sim_output_tokens": str(arrival.output_tokens)}


def _rows(lines: TextIO, name: str) -> Iterator[tuple[int, int, int]]:
    """(nanoseconds, input tokens, output tokens) of each line."""
    reader = csv.reader(lines)
    places = _places(next(reader, []), name)
    for row in reader:
        if not row:
            continue
        where = f"{name}, line {reader.line_num}"
        if len(row) <= max(places):
            raise TraceError(f"{where}: {len(row)} columns, expected {', '.join(COLUMNS)}")
        at, given, made = (row[place].strip() for place in places)
        yield _nanoseconds(at, where), _tokens(given, COLUMNS[1], where), _tokens(made, COLUMNS[2], where)


def _places(header: Iterable[str], name: str) -> list[int]:
    titles = [title.strip() for title in header]
    missing = [column for column in COLUMNS if column not in titles]
    if missing:
        raise TraceError(f"{name}, line 1: no column {', '.join(missing)}; expected {','.join(COLUMNS)}")
    return [titles.index(column) for column in COLUMNS]


def _nanoseconds(text: str, where: str) -> int:
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        whole = datetime.fromisoformat(match[1] + (match[3] or ""))
    except ValueError:
        raise TraceError(f"{where}: TIMESTAMP {text!r} is not like 2023-11-16 18:17:03.9799600") from None
    if whole.tzinfo is None:
        whole = whole.replace(tzinfo=UTC)
    return int(whole.timestamp()) * 1_000_000_000 + int((match[2] or ".0")[1:10].ljust(9, "0"))


def _tokens(text: str, column: str, where: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise TraceError(f"{where}: {column} {text!r} is not a whole number ≥ 0")
    return int(text)

"""The replay server, and the table at the end: provider × kind of call × what was compared.

`--conform-table=FILE` writes the table there too.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from tests.conform.cases import Case, cases
from tests.conform.replay import Replay, serving

COLUMNS = {
    "test_answers": "answers",
    "test_streams": "streams",
    "test_requests": "requests",
    "test_errors": "errors",
    "test_over_chat": "as responses",
}
_PROPERTY = "conform"
Place = tuple[str, str, str]  # provider, kind, column
Outcomes = dict[Place, dict[str, bool]]  # of each recording: have all its tests passed?


@pytest.fixture(scope="session")
def replay() -> Iterator[Replay]:
    with serving() as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conform-table", metavar="FILE", help="write the table of conformance to this file")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "ignore")  # the SDKs' own: of deprecations, of clients left open


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        column = COLUMNS.get(item.path.stem)
        case = given.get("case")
        if column and isinstance(case, Case):
            item.user_properties.append((_PROPERTY, [case.recording.provider, case.kind, column, case.recording.id]))
        row = given.get("row")
        if column and isinstance(row, dict):
            item.user_properties.append((_PROPERTY, [row["provider"], "issue threads", column, item.name]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a worker of xdist: its reports reach the controller, which counts them
        return
    text = _rendered(_table(_outcomes(terminalreporter)), _not_ours())
    terminalreporter.section("conformance with recorded traffic")
    terminalreporter.write(text)
    if path := config.getoption("--conform-table"):
        Path(path).write_text(text, encoding="utf-8")


def _outcomes(reporter: pytest.TerminalReporter) -> Outcomes:
    found: Outcomes = {}
    for outcome in ("passed", "failed", "error"):
        for report in reporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):
                if name == _PROPERTY:
                    provider, kind, column, recording = value
                    recordings = found.setdefault((provider, kind, column), {})
                    recordings[recording] = recordings.get(recording, True) and outcome == "passed"
    return found


def _table(outcomes: Outcomes) -> Table:
    columns = tuple(COLUMNS.values())
    table = Table("provider", "kind", *columns, title="recordings passed (failed)")
    for provider, kind in sorted({(provider, kind) for provider, kind, _ in outcomes}):
        cells = (_cell(outcomes.get((provider, kind, column), {}).values()) for column in columns)
        table.add_row(provider, kind, *cells)
    table.add_section()
    by_column = {
        name: [ok for (_, _, of), found in outcomes.items() if of == name for ok in found.values()] for name in columns
    }
    table.add_row("all", "", *(_cell(by_column[column]) for column in columns))
    return table


def _cell(passed: Collection[bool]) -> str:
    failed = len(passed) - sum(passed)
    return f"{sum(passed)} ({failed} failed)" if failed else f"{len(passed) or ''}"


def _not_ours() -> Table:
    """Recordings of what this library does not call, by provider and reason."""
    counts = Counter((case.recording.provider, case.reason) for case in cases() if case.reason)
    table = Table("provider", "why", "recordings", title="not calls of ours")
    for (provider, reason), count in sorted(counts.items()):
        table.add_row(provider, reason, str(count))
    return table


def _rendered(*tables: Table) -> str:
    console = Console(file=io.StringIO(), width=110, color_system=None)
    for table in tables:
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()

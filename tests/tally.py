"""Counts tests per engine and says so at the end. `--tally=FILE` adds the runs of one `make test` together."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

PROPERTY = "engine"


def note(item: pytest.Item, engine: str) -> None:
    """This test runs on that engine. Travels in the report, so it also counts across xdist's workers."""
    item.user_properties.append((PROPERTY, engine))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tally", metavar="FILE", help="add the tests per engine to those of earlier runs in this file")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a worker of xdist: its reports reach the controller, which counts them
        return
    counts = {outcome: _counted(terminalreporter, outcome) for outcome in ("passed", "failed", "skipped")}
    path = config.getoption("--tally")
    if path:
        counts = _added(Path(path), counts)
    names = sorted({name for counter in counts.values() for name in counter})
    if not names:
        return
    terminalreporter.section("tests per engine")
    for name in names:
        row = (f"{counter[name]} {outcome}" for outcome, counter in counts.items() if counter[name])
        terminalreporter.write_line(f"{name:<12} {', '.join(row)}")


def _counted(reporter: pytest.TerminalReporter, outcome: str) -> Counter[str]:
    counter: Counter[str] = Counter()
    for report in reporter.stats.get(outcome, ()):
        if isinstance(report, pytest.TestReport) and (report.when == "call" or outcome != "passed"):
            engines = {str(value) for name, value in report.user_properties if name == PROPERTY}
            counter.update(engines or {"(no engine)"})
    return counter


def _added(path: Path, counts: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    if path.exists():
        earlier = json.loads(path.read_text(encoding="utf-8"))
        counts = {outcome: counter + Counter(earlier.get(outcome, {})) for outcome, counter in counts.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(counts), encoding="utf-8")
    return counts

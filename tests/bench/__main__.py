"""`python -m tests.bench [names] [--quick] [--json FILE]`"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from tests.bench.calls import calls, streams
from tests.bench.client import client
from tests.bench.limits import limits
from tests.bench.peers import peers
from tests.bench.rates import rates
from tests.bench.refusals import refusals
from tests.bench.report import Report
from tests.bench.scripts import scripts
from tests.bench.stage import Stage, stage

Bench = Callable[[Stage, Report, bool], Coroutine[None, None, None]]

BENCHES: dict[str, Bench] = {
    "calls": calls,
    "streams": streams,
    "client": client,
    "scripts": scripts,
    "refusals": refusals,
    "limits": limits,
    "rates": rates,
    "peers": peers,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Cost of a call and of a decision.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which of {', '.join(BENCHES)}; none: all")
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten: to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - BENCHES.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    report = Report()
    with stage() as where:
        for name in given.names or BENCHES:
            asyncio.run(BENCHES[name](where, report, given.quick))
    if given.json is not None:
        report.write(given.json)


if __name__ == "__main__":
    main()

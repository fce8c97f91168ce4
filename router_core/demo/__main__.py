"""`make demo`, `python -m router_core.demo --seconds 30`: the last line is the verdict, the exit status too."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import traceback
from collections.abc import Sequence

from router_core.demo.children import ChildEnded
from router_core.demo.run import run
from router_core.demo.scenario import Scenario, make
from router_core.demo.screen import Screen, screen
from router_core.demo.summary import as_json, text
from router_core.demo.verdict import Verdict, failed, judge
from router_core.simulator import TraceError
from router_core.state.records import StateError

_LONGEST = 90.0  # seconds; with the calls that wait at the end it is over within 120
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all is well, 1 it is not, 2 wrong usage, 130 interrupted."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.redis_url or "").startswith("memory:"):
        parser.error("--redis-url: memory:// is the memory of one process; the workers need a shared Redis")
    try:
        scenario = make(given.seconds, given.trace, given.speed, given.overstate)
    except (TraceError, OSError, ValueError) as problem:
        parser.error(str(problem))
    shown = screen(sys.stderr if given.json else sys.stdout)
    try:
        verdict = asyncio.run(_demo(scenario, shown, given))
    except (KeyboardInterrupt, asyncio.CancelledError):
        shown.say(failed("interrupted").line)
        return _INTERRUPTED
    except (StateError, ChildEnded, OSError, ValueError) as problem:
        why, _, details = str(problem).partition("\n")
        if details:
            shown.say(details)
        verdict = failed(why)
    except Exception as bug:  # noqa: BLE001 - the last line is a verdict in every case
        traceback.print_exc()
        verdict = failed(f"the demo itself broke: {bug!r}")
    shown.say(verdict.line)
    return 0 if verdict.ok else 1


async def _demo(scenario: Scenario, shown: Screen, given: argparse.Namespace) -> Verdict:
    current = asyncio.current_task()
    assert current is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    facts = await run(scenario, shown, workers=given.workers, redis_url=given.redis_url)
    verdict = judge(facts)
    if given.json:
        print(json.dumps(as_json(facts, verdict)), flush=True)
    else:
        shown.say(f"\n{text(facts)}\n")
    return verdict


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m router_core.demo", description="Real traffic, ends with a verdict."
    )
    parser.add_argument("--trace", metavar="FILE", help="arrivals in the Azure 2023 CSV form, instead of made-up ones")
    parser.add_argument("--speed", type=_above(0.0), default=1.0, metavar="N", help="replay the trace N times as fast")
    parser.add_argument("--seconds", type=_above(0.0, _LONGEST), default=70.0, help="of arrivals (70, at most 90)")
    parser.add_argument("--workers", type=int, choices=range(1, 17), default=4, metavar="N", help="processes (4)")
    parser.add_argument("--redis-url", help="instead of a Valkey of its own")
    parser.add_argument("--json", action="store_true", help="the summary as JSON on stdout, all else on stderr")
    parser.add_argument("--overstate", type=_above(0.0), default=1.0, metavar="N",
                        help="tell the workers limits N times too high, to see the verdict fail")  # fmt: skip
    return parser


def _above(least: float, most: float = float("inf")) -> type[float]:
    def number(text: str) -> float:
        value = float(text)
        if not least < value <= most:
            raise argparse.ArgumentTypeError(f"has to be above {least:g} and at most {most:g}")
        return value

    return number  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main())

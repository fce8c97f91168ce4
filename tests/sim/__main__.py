"""`python -m tests.sim [--quick] [--seed 1] [--seconds 240] [--out tests/sim] [--players a,b] [--scenarios c,d]`"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.sim import plots, report, verdict
from tests.sim.lineup import PLAYERS
from tests.sim.tournament import tournament

QUICK_SECONDS = 75.0
QUICK = ("simple-shuffle", "balanced", "LiteLLM shuffle", "oracle")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="the fleet in virtual time")
    parser.add_argument("--quick", action="store_true", help="a few players, short scenarios, within a minute")
    parser.add_argument("--seconds", type=float, help="length of a scenario in virtual time; 240, with --quick 75")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder for RESULTS.md and plots/; with --quick only if it is given")
    parser.add_argument("--players", default="", help=", ".join(one.name for one in PLAYERS))
    parser.add_argument("--scenarios", default="")
    given = parser.parse_args(arguments)
    everybody = [one.name for one in PLAYERS]
    players = given.players.split(",") if given.players else list(QUICK) if given.quick else everybody
    unknown = [name for name in players if name not in everybody]
    if unknown:
        parser.error(f"no player {', '.join(unknown)}; there are {', '.join(everybody)}")
    seconds = given.seconds or (QUICK_SECONDS if given.quick else 240.0)
    chosen = given.scenarios.split(",") if given.scenarios else ["faults", "half"] if given.quick else []
    results = tournament(seconds, given.seed, chosen, players, given.processes, lambda line: print(line, flush=True))
    for name in sorted(verdict.own(results), key=lambda name: verdict.worse(results, name)):
        print(f"{verdict.worse(results, name):6.2f} x the best: {name}")
    out = given.out or (None if given.quick or given.players or given.scenarios else Path(__file__).parent)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        print(report.write(results, out, seconds, given.seed, plots.draw(results, out / "plots")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

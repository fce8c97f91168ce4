"""RESULTS.md: tables, plots, and what follows from them. Written by the program, never by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from tests.sim import verdict
from tests.sim.figures import LEAVES, RETURNS, WINDOW, Figures
from tests.sim.tournament import Results
from tests.sim.world import ROOM, WORKERS, Fault

_HEAD = """# Fleet simulation

Written by `make sim` (`python -m tests.sim`); do not edit. {seconds:.0f} virtual seconds a scenario, seed {seed}.

{workers} workers, each a Router of one pool, with the real scripts in a memory engine and all of a Router's retries,
waits and cooldowns (`ttft_timeout=15`, the rest by default); every call is a stream. 20 deployments of
five classes that differ in speed, price, slots and limits, with room for {room} times the mean load; beyond its slots a
deployment gets slower for all, beyond its limits it answers 429 with Retry-After. Time is virtual: the machine plays no
part, and the same seed gives the same figures.

The rows under the line are not ours. *round-robin* and *LiteLLM* are 50 processes by its documented algorithms, kinder
than the original where tests/sim/theirs.py says so. *oracle* knows the future and every queue, and puts each call where
it ends first, whatever that costs.

p50 / p95 / p99 in seconds. *errors*: calls that failed for their caller. *cost*: dollars per 1,000 served calls.
*load*: upstream calls per call; *in outage*: of the calls that came while somebody was down or hung. *429*: refusals by
upstreams. *used*: slots in use on average, and at the fullest deployment (above 1: it was overloaded). *detect*,
*recover*: seconds until an ailing deployment gets below {leaves:.0%} of its share, and after the end above
{returns:.0%} (over {window:.0f} s), as a mean of those faults whose deployment had visible traffic; *+n never* where it
did not happen.
"""
_COLUMNS = (*("", "TTFT", "duration", "errors", "cost", "load", "in outage", "429", "used", "detect", "recover"),)


def write(results: Results, folder: Path, seconds: float, seed: int, plots: Sequence[str]) -> Path:
    """RESULTS.md in `folder`; `plots`: names of the files in plots/."""
    head = _HEAD.format(
        seconds=seconds, seed=seed, workers=WORKERS, room=ROOM, leaves=LEAVES, returns=RETURNS, window=WINDOW
    )
    parts = [head, "## Which one when\n", _advice(results)]
    for scenario in results.scenarios:
        parts.append(f"## {scenario.name}: {scenario.title}\n")
        parts.append(f"{len(scenario.arrivals)} calls from {scenario.source}.{_faults(scenario.faults)}\n")
        parts.append(_table(results, scenario.name))
    parts += [f"![{name}](plots/{name})\n" for name in plots]
    path = folder / "RESULTS.md"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _faults(faults: Sequence[Fault]) -> str:
    words = {
        "down": "is down",
        "hang": "does not answer",
        "slow": "is {:g} times slower",
        "storm": "has {:.0%} less room",
    }
    if len({(one.kind, one.begin, one.end) for one in faults}) == 1:
        return f" {len(faults)} deployments {faults[0].kind} at {faults[0].begin:.0f}–{faults[0].end:.0f} s."
    told = [f"{x.deployment} {words[x.kind].format(x.amount)} at {x.begin:.0f}–{x.end:.0f} s" for x in faults]
    return f" {'; '.join(told)}." if told else ""


def _table(results: Results, scenario: str) -> str:
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|---" + "|---:" * (len(_COLUMNS) - 1) + "|"]
    ours = verdict.own(results)
    for name in (*ours, *(x for x in results.players if x not in ours)):
        if ours and name not in ours and name == next(x for x in results.players if x not in ours):
            lines.append("|" + " |" * len(_COLUMNS))
        lines.append(f"| {name} | " + " | ".join(_row(results.of(scenario, name))) + " |")
    return "\n".join(lines) + "\n"


def _row(f: Figures) -> list[str]:
    kinds = f" ({', '.join(f'{count} {kind}' for kind, count in sorted(f.kinds.items()))})" if f.errors else ""
    return [
        " / ".join(_seconds(x) for x in f.ttft),
        " / ".join(f"{x:.1f}" for x in f.duration),
        f"{f.errors}{kinds}",
        f"{f.cost:.2f}",
        f"{f.load:.3f}",
        f"{f.storm:.2f}",
        str(f.refused),
        f"{f.used:.0%}, {f.fullest:.1f}",
        _reaction(f.detect, f.missed),
        _reaction(f.recover, f.lost),
    ]


def _seconds(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _reaction(value: float | None, never: int) -> str:
    words = ([] if value is None else [f"{value:.1f}"]) + ([f"+{never} never"] if never else [])
    return " ".join(words) or "–"


def _advice(results: Results) -> str:
    ranked = sorted(verdict.own(results), key=lambda name: verdict.worse(results, name))
    ttft, errors = verdict.best_by(results, "p95 TTFT", "p99 TTFT"), verdict.best_by(results, "errors", "p99 TTFT")
    within = verdict.cheapest_within_bound(results)
    rows = [
        ("nothing in particular (the default of these figures)", ranked[0], "all measures together"),
        ("a person waits for the first token", ttft, "p95 and p99 of TTFT"),
        ("the whole answer has to be there soon", verdict.best_by(results, "p95 duration"), "p95 of the duration"),
        ("things fail and callers must not notice", errors, "errors and p99 of TTFT"),
        ("the bill", verdict.best_by(results, "cost"), "cost, however slow"),
        (
            "the bill, while people wait",
            within or "none",
            f"cost, p95 of TTFT nowhere above {verdict.BOUND:g} x the best",
        ),
    ]
    lines = ["| what matters | strategy | judged by |", "|---|---|---|"]
    lines += [f"| {what} | `{name}` | {how} |" for what, name, how in rows]
    lines += [
        "",
        "How many times worse than the best of ours, as a geometric mean over all scenarios and measures "
        f"({', '.join(verdict.MEASURES)}; one error in 1,000 calls counts like twice as long):",
        "",
        "| strategy | all | " + " | ".join(verdict.MEASURES) + " |",
        "|---|---:" + "|---:" * len(verdict.MEASURES) + "|",
    ]
    for name in ranked:
        single = [verdict.worse(results, name, [measure]) for measure in verdict.MEASURES.values()]
        lines.append(f"| {name} | **{verdict.worse(results, name):.2f}** | {' | '.join(f'{x:.2f}' for x in single)} |")
    return "\n".join(lines) + "\n"

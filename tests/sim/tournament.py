"""Every player in every scenario, over processes; deterministic by the seed."""

from __future__ import annotations

import gc
import logging
import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache

from tests.sim.figures import Figures, figures, quantiles
from tests.sim.lineup import PLAYERS
from tests.sim.play import Log, play
from tests.sim.world import Scenario, scenarios

STEP = 5.0  # seconds of one point of a curve


@dataclass(frozen=True)
class Curve:
    """A point for every STEP: p95 of the time to the first token (seconds; nan: nobody was served), errors in percent,
    visits per call."""

    ttft: list[float]
    errors: list[float]
    load: list[float]


@dataclass
class Results:
    """`found`: (scenario, player) -> figures and curve."""

    scenarios: list[Scenario]
    players: list[str]
    found: dict[tuple[str, str], tuple[Figures, Curve]] = field(default_factory=dict)

    def of(self, scenario: str, player: str) -> Figures:
        return self.found[scenario, player][0]


@lru_cache(maxsize=2)
def _scenarios(seconds: float, seed: int) -> list[Scenario]:
    return scenarios(seconds, seed)


def _run(scenario: str, player: str, seconds: float, seed: int) -> tuple[str, str, Figures, Curve, float]:
    logging.disable(logging.WARNING)  # what the fleet says of each cooldown
    began = time.process_time()
    found = next(one for one in _scenarios(seconds, seed) if one.name == scenario)
    log = play(found, next(one for one in PLAYERS if one.name == player).make)
    answer = figures(log), curve(log)
    del log
    gc.collect()  # fifty routers with their VM
    return scenario, player, *answer, time.process_time() - began


def curve(log: Log) -> Curve:
    """How a run went, step by step; a call counts where it came."""
    count = math.ceil(log.scenario.seconds / STEP) + 1
    calls: list[list[int]] = [[] for _ in range(count)]
    for call in log.calls:
        calls[int(log.scenario.arrivals[call.number].at / STEP)].append(call.number)
    visits = [0] * len(log.calls)
    for visit in log.visits:
        visits[visit.call] += 1
    by_number = {call.number: call for call in log.calls}
    ttft, errors, load = [], [], []
    for numbers in calls:
        done = [by_number[number] for number in numbers]
        ttft.append(quantiles([call.ttft for call in done if not call.error])[1])
        errors.append(100 * sum(bool(call.error) for call in done) / max(1, len(done)))
        load.append(sum(visits[number] for number in numbers) / max(1, len(done)))
    return Curve(ttft, errors, load)


def tournament(
    seconds: float,
    seed: int,
    names: Sequence[str],
    players: Sequence[str],
    processes: int,
    say: Callable[[str], None],
) -> Results:
    """`seconds`: about the length of a scenario in virtual time. `names`: of the scenarios; () for all."""
    results = Results([one for one in _scenarios(seconds, seed) if one.name in names or not names], list(players))
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        asked = [
            pool.submit(_run, scenario.name, player, seconds, seed)
            for player in players
            for scenario in results.scenarios
        ]
        for number, one in enumerate(as_completed(asked), 1):
            scenario, player, found, made, took = one.result()
            results.found[scenario, player] = found, made
            say(
                f"[{number}/{len(asked)}, {time.monotonic() - began:.0f} s] {scenario} by {player}: p95 TTFT "
                f"{found.ttft[1]:.2f} s, {found.errors} errors, {took:.1f} s of CPU"
            )
    return results

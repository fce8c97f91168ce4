"""Twenty deployments that are unlike, what befalls them, and the calls that come."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Literal

from router_core.simulator.bursts import bursty
from router_core.simulator.traces import Arrival, read_azure

ROOM = 2.4  # slots of all deployments, times what the calls need on average
TRACES = Path("/work/shared/data/traces")
WORKERS = 50

FaultKind = Literal["down", "hang", "slow", "storm"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """`ttft`: seconds to the first token of an empty prompt. `prefill`, `speed`: tokens in and out per second. Beyond
    `slots` calls at once all get slower. `rpm`, `tpm`: limits of its own. Prices: dollars per million tokens."""

    id: str
    ttft: float
    prefill: float
    speed: float
    input_price: float
    output_price: float
    slots: float
    rpm: int = 0
    tpm: int = 0

    def seconds(self, input_tokens: float, output_tokens: float) -> float:
        """A call that is alone there."""
        return self.ttft + input_tokens / self.prefill + output_tokens / self.speed


@dataclass(frozen=True, slots=True)
class Fault:
    """down: 503 at once. hang: no answer. slow: `amount` times slower. storm: others use `amount` of its limits."""

    kind: FaultKind
    deployment: str
    begin: float
    end: float
    amount: float = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """`source`: where the calls come from, for the report."""

    name: str
    title: str
    source: str
    arrivals: Sequence[Arrival]
    deployments: tuple[Deployment, ...]
    faults: tuple[Fault, ...]
    seed: int

    @property
    def seconds(self) -> float:
        """Until the last call comes."""
        return self.arrivals[-1].at

    def cost(self, deployment: Deployment, arrival: Arrival) -> float:
        """Dollars of a call."""
        tokens = arrival.input_tokens * deployment.input_price + arrival.output_tokens * deployment.output_price
        return tokens / 1e6


# Seconds to the first token, tokens per second in and out, dollars per million in and out, slots: the classes of what
# one model is sold as. The last is neither fast nor cheap.
_CLASSES = {
    "turbo": (0.15, 20000.0, 150.0, 3.0, 15.0, 8.0),
    "quick": (0.3, 10000.0, 80.0, 1.5, 6.0, 16.0),
    "plain": (0.5, 6000.0, 50.0, 0.6, 2.4, 20.0),
    "bulk": (0.9, 4000.0, 30.0, 0.2, 0.8, 30.0),
    "old": (1.5, 2000.0, 18.0, 1.0, 4.0, 16.0),
}


def deployments_for(arrivals: Sequence[Arrival], seed: int) -> tuple[Deployment, ...]:
    """Four of each class, each a little different, with room for `ROOM` times these calls. The limits of every second
    one are tighter than its slots."""
    rng, found = Random(seed), []
    for number in range(20):
        name = list(_CLASSES)[number % 5]
        ttft, prefill, speed, sent, made, slots = (value * rng.uniform(0.8, 1.25) for value in _CLASSES[name])
        found.append(Deployment(f"{name}-{number // 5 + 1}", ttft, prefill, speed, sent, made, slots))
    calls = len(arrivals)
    sent, made = (sum(a[place] for a in arrivals) / calls for place in (1, 2))
    rate = calls / arrivals[-1].at
    scale = ROOM * rate / sum(one.slots / one.seconds(sent, made) for one in found)
    return tuple(_limited(one, number, scale, sent, made) for number, one in enumerate(found))


def _limited(one: Deployment, number: int, scale: float, sent: float, made: float) -> Deployment:
    slots = one.slots * scale
    minute = 60 * slots / one.seconds(sent, made) * (0.8 if number % 2 else 2.0)
    tokens = max(minute * (sent + made), 40_000)  # the longest call fits
    return replace(one, slots=slots, rpm=math.ceil(minute), tpm=math.ceil(tokens))


def _outages(end: float) -> tuple[Fault, ...]:
    """What befell them in a bad quarter of an hour, in `end` seconds."""
    at = end / 300
    return (
        Fault("down", "quick-1", 40 * at, 70 * at),
        Fault("slow", "plain-2", 60 * at, 100 * at, 10.0),
        Fault("storm", "quick-3", 110 * at, 170 * at, 0.85),
        Fault("storm", "bulk-2", 110 * at, 170 * at, 0.85),
        Fault("hang", "turbo-2", 150 * at, 175 * at),
        Fault("slow", "turbo-1", 190 * at, 225 * at, 10.0),
        Fault("slow", "bulk-1", 190 * at, 225 * at, 10.0),
    )


def _half(end: float, deployments: Sequence[Deployment]) -> tuple[Fault, ...]:
    begin = end * 0.4
    return tuple(Fault("down", one.id, begin, begin + 30) for number, one in enumerate(deployments) if number // 5 < 2)


def _cut(arrivals: Sequence[Arrival], seconds: float) -> list[Arrival]:
    return [arrival for arrival in arrivals if arrival.at <= seconds]


def _mooncake(speed: float) -> list[Arrival]:
    found = []
    with (TRACES / "mooncake/conversation_trace.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            # A trace of prompts up to 128k; what no deployment takes at once says nothing of choosing.
            sent = min(row["input_length"], 32_000)
            found.append(Arrival(row["timestamp"] / 1000 / speed, sent, max(1, row["output_length"])))
    return _spread(found)


def _spread(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Its stamps are whole steps of 3 s: the calls of one step come evenly until the next."""
    steps: dict[float, list[Arrival]] = {}
    for arrival in arrivals:
        steps.setdefault(arrival.at, []).append(arrival)
    times = [*steps, max(steps) + 0.5]
    return [
        arrival._replace(at=at + number * (after - at) / len(step))
        for (at, step), after in zip(steps.items(), times[1:], strict=True)
        for number, arrival in enumerate(step)
    ]


def sources(seconds: float) -> dict[str, tuple[str, list[Arrival]]]:
    """name -> (what it is, calls). Without the traces (see TRACES) made-up arrivals that are as bursty."""
    if not (TRACES / "azure2023").is_dir():
        print(f"notice: no traces in {TRACES}, so all arrivals are the generator's", flush=True)
        made = _cut(bursty(seconds, 25.0, peak=4.0), seconds)
        return dict.fromkeys(("chat", "long", "code"), ("the generator `bursty`", made))
    azure = TRACES / "azure2023"
    return {
        "chat": ("Azure 2023 conversations, 6 times as fast", _read(azure, "conv", 6.0, seconds)),
        "long": ("Mooncake conversations, 8 times as fast, inputs cut at 32,000 tokens", _cut(_mooncake(8.0), seconds)),
        "code": ("Azure 2023 code, 10 times as fast", _read(azure, "code", 10.0, seconds)),
    }


def _read(folder: Path, name: str, speed: float, seconds: float) -> list[Arrival]:
    return _cut(read_azure(folder / f"AzureLLMInferenceTrace_{name}.csv", speed=speed), seconds)


def scenarios(seconds: float, seed: int) -> list[Scenario]:
    """All of them, each about `seconds` long."""
    found = []
    for name, title, source, befalls in (
        ("calm", "Nothing fails", "chat", "none"),
        ("bursts", "Nothing fails, calls come in bursts", "code", "none"),
        ("faults", "Outage, brown-outs, 429 storms, an upstream that hangs", "chat", "some"),
        ("long", "The same, prompts ten times as long", "long", "some"),
        ("half", "Half of the deployments are down for 30 s", "chat", "half"),
    ):
        what, arrivals = sources(seconds)[source]
        deployments, end = deployments_for(arrivals, seed), arrivals[-1].at
        faults = {"none": (), "some": _outages(end), "half": _half(end, deployments)}[befalls]
        found.append(Scenario(name, title, what, arrivals, deployments, faults, seed))
    return found

"""LiteLLM's Router on the same upstream with the same deployments, where it is installed; it is none of our needs."""

from __future__ import annotations

from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from tests.bench.calls import of_cpu
from tests.bench.report import Report, Table
from tests.bench.rounds import in_turns
from tests.bench.stage import GROUP, MESSAGES, STRATEGY, Stage, model_list
from tests.bench.ways import BARE, VALKEY, Way, ways

COLUMNS = ("way", "concurrent", "CPU µs", "x bare aiohttp", "x our Router")


async def peers(where: Stage, report: Report, quick: bool) -> None:
    """Nothing where LiteLLM is not installed."""
    if find_spec("litellm") is None:
        report.say("peers: litellm is not installed, nothing to compare with")
        return
    version = metadata.version("litellm")
    table = Table("peers", f"CPU of one call, LiteLLM {version} beside ours", COLUMNS, notes=(
        "The same deployments, limits and strategy; LiteLLM alone in its process, and with the same Valkey.",
    ))  # fmt: skip
    async with ways(where) as made:
        whole = made.whole()
        compared = {name: whole[name] for name in (BARE, VALKEY)}
        compared |= {
            f"LiteLLM {version}, alone": _litellm(where),
            f"LiteLLM {version}, Redis": _litellm(where, redis_url=where.server.operator_url),
        }
        for concurrent in (1, 50):
            report.say(f"peers: {concurrent} concurrent")
            measures = {name: of_cpu(way, concurrent, 100 if quick else 300) for name, way in compared.items()}
            taken = await in_turns(measures, 3 if quick else 5)
            for name, figures in taken.items():
                row = (figures.usual, figures.times(taken[BARE]), figures.times(taken[VALKEY]))
                table.rows.append((name, concurrent, *row))
    report.add(table)


def _litellm(where: Stage, **arguments: Any) -> Way:
    made = import_module("litellm").Router(
        model_list=model_list(where.upstream), routing_strategy=STRATEGY, num_retries=0, **arguments
    )
    return lambda: made.acompletion(model=GROUP, messages=MESSAGES, max_tokens=1)

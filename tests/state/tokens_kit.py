"""What the tests of tokens in flight share."""

from __future__ import annotations

from collections import defaultdict

from router_core.state.records import Acquire
from tests.state.kit import Place, ask

COUNTING = "least-tokens"  # a strategy that reads them


def weighed(input: int = 100, output: int = 20, *candidates: str, **more: object) -> Acquire:
    """A call whose strategy goes by tokens."""
    return ask(*candidates, strategy=COUNTING, input_tokens=input, output_tokens=output, **more)


def column(place: Place) -> dict[str, str]:
    """Deployment -> "input output calls"."""
    return place.column("tokens_in_flight")


def tokens_of(record: str) -> tuple[int, int] | None:
    """Input and output tokens that a lease counts, None where it counts none."""
    input, plus, output = record.split()[4].partition(":")[2].partition("+")
    return (int(input), int(output)) if plus else None


def sums(place: Place) -> dict[str, str]:
    """What the column should hold, by the calls that are held."""
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for record in place.held().values():
        tokens = tokens_of(record)
        if tokens:
            for i, amount in enumerate((*tokens, 1)):
                found[record.split()[1]][i] += amount
    return {id: " ".join(map(str, each)) for id, each in found.items()}

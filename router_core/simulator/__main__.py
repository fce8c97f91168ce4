"""`python -m router_core.simulator --port 9000 --rpm 60`"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from router_core.simulator.behaviour import Behaviour
from router_core.simulator.run import run

_NUMBERS: tuple[tuple[str, type, str], ...] = (
    ("rpm", int, "requests a minute"),
    ("tpm", int, "tokens a minute, input and output"),
    ("max-concurrent", int, "requests at once"),
    ("ttft", float, "seconds to the first token"),
    ("tokens-per-second", float, "speed of the answer"),
    ("output-tokens", float, "length of an answer that asks for none"),
    ("slowdown", float, "factor on all delays"),
    ("speed", float, "how many times faster it lives"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    given = parser.parse_args(arguments)
    fields = {name.replace("-", "_"): getattr(given, name.replace("-", "_")) for name, _, _ in _NUMBERS}
    latency = None if given.latency is None else {"median": given.latency, "sigma": given.sigma}
    fields = {name: value for name, value in {**fields, "latency": latency}.items() if value is not None}
    try:
        behaviour = TypeAdapter(Behaviour).validate_python({**json.loads(given.behaviour), **fields})
    except (ValidationError, ValueError, TypeError) as problem:
        parser.error(str(problem))
    run(behaviour, host=given.host, port=given.port, seed=given.seed, until_stdin_closes=given.until_stdin_closes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m router_core.simulator", description="A simulated upstream.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one; the url is the first line of the output")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, help="seconds to the headers, median")
    parser.add_argument("--sigma", type=float, default=0.0, help="spread of the latency, lognormal")
    for name, kind, help_text in _NUMBERS:
        parser.add_argument(f"--{name}", type=kind, help=help_text)
    parser.add_argument("--behaviour", default="{}", help="any fields of Behaviour as JSON, faults too")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the parent's pipe closes")
    return parser


if __name__ == "__main__":
    main()

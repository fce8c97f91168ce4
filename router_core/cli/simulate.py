"""simulate: an upstream to try a configuration against."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from router_core.cli.session import FAILED, USAGE, fail
from router_core.simulator.behaviour import Behaviour
from router_core.simulator.run import run


def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one; the url is the first line.")] = 0,
    rpm: Annotated[int | None, typer.Option(help="Requests a minute, then 429 with Retry-After.")] = None,
    tpm: Annotated[int | None, typer.Option(help="Tokens a minute, input and output.")] = None,
    max_concurrent: Annotated[int | None, typer.Option(help="Requests at once.")] = None,
    latency: Annotated[float | None, typer.Option(help="Seconds to the headers, median.")] = None,
    sigma: Annotated[float, typer.Option(help="Spread of the latency, lognormal.")] = 0.0,
    ttft: Annotated[float | None, typer.Option(help="Seconds to the first token.")] = None,
    tokens_per_second: Annotated[float | None, typer.Option(help="Speed of the answer.")] = None,
    output_tokens: Annotated[float | None, typer.Option(help="Length of an answer that asks for none.")] = None,
    slowdown: Annotated[float | None, typer.Option(help="Factor on all delays.")] = None,
    speed: Annotated[float | None, typer.Option(help="How many times faster it lives, limits too.")] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds, equal behaviour.")] = 0,
    behaviour: Annotated[str, typer.Option(help="Any fields of Behaviour as JSON, faults too.")] = "{}",
    until_stdin_closes: Annotated[bool, typer.Option(help="End with the process at the other end of stdin.")] = False,
) -> None:
    """Serve a simulated OpenAI-compatible upstream until interrupted.

    \b
      router-core simulate --port 9000 --rpm 60 --latency 0.3 --sigma 0.5 --tokens-per-second 80
      router-core simulate --behaviour '{"faults": [{"kind": "errors", "status": 503, "when": {"rate": 0.1}}]}'
    """
    given: dict[str, Any] = {
        "rpm": rpm,
        "tpm": tpm,
        "max_concurrent": max_concurrent,
        "latency": None if latency is None else {"median": latency, "sigma": sigma},
        "ttft": ttft,
        "tokens_per_second": tokens_per_second,
        "output_tokens": output_tokens,
        "slowdown": slowdown,
        "speed": speed,
    }
    made = _behaviour(behaviour, {name: value for name, value in given.items() if value is not None})
    try:
        run(made, host=host, port=port, seed=seed, until_stdin_closes=until_stdin_closes)
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}", FAILED)


def _behaviour(text: str, fields: dict[str, Any]) -> Behaviour:
    try:
        return TypeAdapter(Behaviour).validate_python({**json.loads(text), **fields})
    except json.JSONDecodeError as error:
        fail(f"--behaviour is not JSON: {error}", USAGE)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or '--behaviour'}: {one['msg']}"
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        )
        fail(wrong, USAGE)
    except TypeError:
        fail("--behaviour must be a JSON object", USAGE)

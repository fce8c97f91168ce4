"""The commands of `router-core`; each has its file."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from router_core.cli import control, events, limits, probe, providers, simulate, status

HELP = """Look at a pool of router-core, and change what counts in it for the whole fleet.

\b
  export ROUTER_CORE_REDIS_URL=redis://router:password@redis:6379/0
  export ROUTER_CORE_POOL=prod
  router-core status --group chat
  router-core drain chat-eu-1

Exit status: 0 done, 1 the pool cannot be reached or refused, 2 wrong usage, 3 no such deployment or group.
"""

# Typer's own tracebacks can show local variables, and one of them is a URL with a password.
app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(version("router-core"))
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and end.")
    ] = False,
) -> None:
    pass


app.command("status")(status.status)
app.command("events")(events.events)
app.command("drain")(control.drain)
app.command("resume")(control.resume)
app.command("weight")(control.weight)
app.command("cool")(control.cool)
app.command("reset")(control.reset)
app.command("probe")(probe.probe)
app.add_typer(limits.app, name="limits")
app.command("simulate")(simulate.simulate)
app.command("providers")(providers.providers)

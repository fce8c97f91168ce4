"""`router-core providers`: which provider can do what."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from router_core.cli.session import USAGE, fail
from router_core.providers import PROVIDERS
from router_core.providers.matrix import features, kinds


def providers(
    name: Annotated[str | None, typer.Argument(help="One provider: what a chat there can have.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Which provider offers which kinds of call, and what a chat there can have: asked of the adapters."""
    if name is not None and name not in PROVIDERS:
        fail(f"there is no provider {name!r}; there are {', '.join(sorted(PROVIDERS))}", USAGE)
    found = kinds() if name is None else {name: kinds()[name] | features().get(name, {})}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console = Console()
    table = Table(box=None)
    if name is None:
        table.add_column("provider")
        table.add_column("offers")
        for provider, offered in found.items():
            table.add_row(provider, ", ".join(kind for kind, there in offered.items() if there and " " not in kind))
    else:
        table.add_column(name)
        table.add_column("")
        for what, there in found[name].items():
            table.add_row(what, "yes" if there else "no")
    console.print(table)

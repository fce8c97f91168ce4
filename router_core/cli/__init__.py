"""The command line `router-core`. Typer and rich are an extra, so nothing here imports them before `main` runs."""

from __future__ import annotations

import sys

_OF_THE_EXTRA = {"typer", "rich", "click"}


def main() -> None:
    """The entry point: says what to install where the extra `cli` is missing."""
    try:
        from router_core.cli.app import app
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _OF_THE_EXTRA:
            raise
        sys.exit(f"router-core: the command line needs {missing.name}: pip install 'router-core[cli]'")
    app()

"""Where output goes: a terminal, or a file or pipe, which gets plain text of any width."""

from __future__ import annotations

import sys

from rich.console import Console

_WIDE = 400  # nobody breaks lines of a pipe


def plain() -> bool:
    """Whether stdout is no terminal."""
    return not sys.stdout.isatty()


def console() -> Console:
    """rich's console; without a terminal no colour and no line breaks."""
    return Console(width=_WIDE, no_color=True, highlight=False) if plain() else Console(highlight=False)

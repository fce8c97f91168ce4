"""What happens to deployments, in the log of the one worker whose operation made it happen: one line for the fleet."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from router_core.state.names import unescape

logger = logging.getLogger("router_core")
_LEVELS: Mapping[str, int] = {"cooldown": logging.WARNING, "panic": logging.WARNING, "unproven": logging.DEBUG}


def log(pool: str, text: str) -> None:
    """`text`: the last part of a reply, lines of "kind deployment detail" by tab (lua/events.lua)."""
    for line in text.split("\n"):
        kind, deployment, detail = line.split("\t")
        whose = f"{unescape(deployment)}: " if deployment else ""  # panic is a group's, which the detail names
        logger.log(_LEVELS.get(kind, logging.INFO), "pool %s: %s%s %s", pool, whose, kind, detail)

"""Record golden.json from real servers:  python -m tests.state.record_golden

Stops with the difference where two servers answer differently: the scripts must not depend on it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from router_core.state.engines import Engine, Script, engine
from tests.servers import engines, start
from tests.state.golden_cases import CASES, PRELUDE

GOLDEN = Path(__file__).with_name("golden.json")
KEYS = tuple(f"rc:{{golden}}:{name}" for name in ("hash", "zset", "other"))


async def answers(state: Engine) -> dict[str, Any]:
    """The reply to each case."""
    session = state.connect()
    try:
        return {name: await session.run(Script(name, PRELUDE + body), KEYS, ()) for name, body in CASES.items()}
    finally:
        await session.aclose()


def main() -> None:
    """Run all cases on every server of this machine and write what they agree on."""
    recorded: dict[str, dict[str, Any]] = {}
    for name in engines():
        server = start(name)
        try:
            recorded[name] = asyncio.run(answers(engine(server.operator_url)))
        finally:
            server.stop()
    agreed = recorded["valkey"]
    for name, replies in recorded.items():
        for case, reply in replies.items():
            if reply != agreed[case]:
                raise SystemExit(f"{name} and valkey differ in {case!r}:\n{reply}\n{agreed[case]}")
    GOLDEN.write_text(json.dumps(agreed, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
    print(f"{GOLDEN}: {len(agreed)} cases, the same on {', '.join(recorded)}")


if __name__ == "__main__":
    main()

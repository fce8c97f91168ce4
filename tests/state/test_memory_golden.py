"""The memory engine answers what real servers answer; and those still answer what was recorded."""

from __future__ import annotations

import json

from router_core.state.engines import MemoryEngine
from router_core.state.engines import engine as connect
from tests.servers import Server
from tests.state.golden_cases import CASES
from tests.state.record_golden import GOLDEN, answers

RECORDED = json.loads(GOLDEN.read_text(encoding="utf-8"))


async def test_memory_answers_as_recorded() -> None:
    found = await answers(MemoryEngine())
    for case in CASES:
        assert found[case] == RECORDED[case], case


async def test_servers_still_answer_as_recorded(engine: Server) -> None:
    found = await answers(connect(engine.operator_url))
    for case in CASES:
        assert found[case] == RECORDED[case], case

"""A Router before eight llmock servers of eight dialects that limit, fail and break streams: none finds a fault."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from router_core.errors import RouterError, StreamInterrupted
from router_core.hooks import AttemptEnded, Event
from router_core.router import Router
from tests.conform.llmock import PROVIDERS, Server, servers

CALLS = 240
AT_ONCE = 12
FAULTS = (
    "--error-rate", "429=0.04", "--error-rate", "500=0.04", "--error-rate", "503=0.04",
    "--stream-fault", "truncate=0.05", "--stream-fault", "disconnect=0.05", "--stream-fault", "malformed=0.05",
)  # fmt: skip


async def one_call(router: Router, number: int, stream: bool) -> str:
    """What an application does: a stream that broke off after its first content is asked for again."""
    messages = [{"role": "user", "content": f"question {number}: say something about it"}]
    while True:
        try:
            if not stream:
                answer = await router.acompletion("any", messages, max_tokens=60)
                return answer.choices[0].message.content or ""
            parts = await router.acompletion("any", messages, max_tokens=60, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in parts])
        except StreamInterrupted:
            continue


def perhaps_whole(finding: Mapping[str, str]) -> bool:
    """Whether a stream that llmock takes for cut may have had its finish reason, and lacked only usage and `[DONE]`,
    which some providers never send: the shortest answers have it in their sixth chunk, where the last cuts are."""
    cut = re.search(r"cut after (\d+) chunk", finding["title"])
    return cut is not None and int(cut[1]) >= 6


@pytest.mark.timeout(240)
async def test_no_server_finds_a_fault_with_limits_errors_and_broken_streams() -> None:
    random = Random(7)
    with servers(tuple(PROVIDERS), "--rpm", "60", "--tpm", "60000", *FAULTS) as found:
        entries = [server.entry(rpm=60, tpm=60_000) for server in found.values()]
        broken: Counter[str] = Counter()

        def watch(event: Event) -> None:
            if isinstance(event, AttemptEnded) and event.stream and event.kind == "connect":
                broken[event.deployment] += 1

        async with Router(
            entries,
            redis_url="memory://",
            max_wait=60,
            num_retries=6,
            cooldown_time=1,
            allowed_fails=100,
            hooks=[watch],
        ) as router:
            gate = asyncio.Semaphore(AT_ONCE)

            async def call(number: int) -> str:
                async with gate:
                    return await one_call(router, number, stream=random.random() < 0.5)

            answers = await asyncio.gather(*map(call, range(CALLS)), return_exceptions=True)
        verdicts = {name: server.verdict() for name, server in found.items()}
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    assert not failed, failed[:3]
    assert all(answers)
    assert sum(verdict["attempts"] for verdict in verdicts.values()) >= CALLS
    assert sum(verdict["faults_injected"] for verdict in verdicts.values()) > CALLS // 20
    for name, verdict in verdicts.items():
        errors = Counter(
            finding["code"]
            for finding in verdict["findings"]
            if finding["severity"] == "error" and not perhaps_whole(finding)
        )
        # A server sees no more of a call that went on elsewhere: what it takes for accepted, the router has as broken.
        assert errors.pop("truncated_stream_accepted", 0) <= broken[name]
        assert not errors, verdict["findings"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_fault_of_each_kind_goes_to_the_other_deployment(name: str) -> None:
    """Before any content nobody notices; the deployment that failed is not asked again before it wants to be."""
    with servers([name, "openai" if name != "openai" else "groq"]) as found:
        broken, spare = found.values()
        async with Router(
            [broken.entry(order=1), spare.entry(order=2)], redis_url="memory://", num_retries=2, cooldown_time=0.2
        ) as router:
            for behaviour in (
                {"type": "fail", "status": 429, "retry_after": 2},
                {"type": "fail", "status": 503},
                {"type": "stream_fault", "kind": "disconnect", "after_chunks": 0},
            ):
                await settled(router, broken)
                broken.behave(behaviour)
                text = await one_call(router, hash(str(behaviour)), stream=behaviour["type"] == "stream_fault")
                assert text
        assert not broken.verdict()["errors"], broken.verdict()["findings"]


async def settled(router: Router, server: Server) -> None:
    """Wait until the deployment serves again."""
    for _ in range(100):
        try:
            answer = await router.acompletion("any", [{"role": "user", "content": "are you back?"}], max_tokens=5)
        except RouterError:
            continue
        if answer.deployment == server.name:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{server.name} never came back")

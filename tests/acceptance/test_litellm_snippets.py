"""What LiteLLM's README shows of its Router, with the import and `api_base` changed and nothing else.

Providers without an adapter of their own are reached as `openai/…`.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
from collections import Counter

import pytest
from openai.types.chat import ChatCompletion

from router_core import Router
from router_core.choosing.custom import RouteRequest
from router_core.state.records import Snapshot
from tests.acceptance.processes import RemoteUpstream
from tests.acceptance.rig import GREETING as MESSAGES
from tests.acceptance.rig import Models

pytestmark = pytest.mark.usefixtures("nothing_shared")


async def test_hello_world_with_two_providers_behind_one_name_and_one_down(model_list: Models) -> None:
    router = Router(model_list=model_list)
    for _ in range(20):
        response = await router.acompletion(model="gpt-3.5-turbo", messages=MESSAGES)
        assert response.choices[0].message.content
        assert response["choices"][0]["message"]["role"] == "assistant"
        assert response.model_used == "gpt-3.5-turbo"
        ChatCompletion.model_validate(response.model_dump())
    await router.aclose()


def test_hello_world_without_an_event_loop(model_list: Models) -> None:
    router = Router(model_list=model_list)
    assert router.completion(model="gpt-3.5-turbo", messages=MESSAGES).usage.completion_tokens > 0
    router.close()


async def test_latency_strategy_with_ttl(model_list: Models) -> None:
    router = Router(
        model_list=model_list,
        routing_strategy="latency-based-routing",
        routing_strategy_args={"ttl": 10},
        enable_pre_call_checks=True,
    )
    for _ in range(10):
        assert (await router.acompletion(model="gpt-3.5-turbo", messages=MESSAGES)).model_used == "gpt-3.5-turbo"
    await router.aclose()


async def test_rpm_and_tpm_without_redis_hold_for_this_process_and_say_so(model_list: Models) -> None:
    for entry in model_list:
        entry["litellm_params"] |= {"tpm": 100000, "rpm": 10}
    with pytest.warns(UserWarning, match="process"):
        router = Router(model_list=model_list)
    assert (await router.acompletion(model="gpt-3.5-turbo", messages=MESSAGES)).choices
    await router.aclose()


@pytest.mark.slow
async def test_ab_by_weight_of_model_info(up: RemoteUpstream) -> None:
    """A tenth of the calls: within five standard deviations."""
    params = {"api_key": "sk-1234", "api_base": up.url}
    router = Router(
        model_list=[
            {
                "model_name": "o1",
                "litellm_params": {"model": "openai/o1-preview", **params},
                "model_info": {"weight": 0.1},
            },
            {
                "model_name": "o1",
                "litellm_params": {"model": "openai/o1-mini", **params},
                "model_info": {"weight": 0.9},
            },
        ]
    )
    calls, counts = 1500, Counter[str]()
    for _ in range(calls // 50):
        answers = await asyncio.gather(*(router.acompletion(model="o1", messages=MESSAGES) for _ in range(50)))
        counts.update(str(answer.model_used) for answer in answers)
    print(f"\n{dict(counts)}")
    assert abs(counts["o1-preview"] - calls * 0.1) < 5 * (calls * 0.1 * 0.9) ** 0.5
    await router.aclose()


# Python warns, to those who ask for it, of the connections that each ended loop leaves behind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_asyncio_run_twice_with_one_router(model_list: Models) -> None:
    """Each time on a new loop, and nobody closes anything in between."""
    router = Router(model_list=model_list)
    for _ in range(3):
        response = asyncio.run(router.acompletion(model="gpt-3.5-turbo", messages=MESSAGES))
        assert response.choices[0].message.content
    router.close()
    gc.collect()  # here, and not in a later test


@pytest.mark.slow
def test_asyncio_run_in_a_script_that_closes_nothing(up: RemoteUpstream) -> None:
    """It ends by itself, in time, and says nothing of what it left open."""
    script = f"""
        import asyncio
        from router_core import Router

        router = Router(model_list=[
            {{"model_name": "gpt-3.5-turbo",
              "litellm_params": {{"model": "gpt-3.5-turbo", "api_key": "k", "api_base": "{up.url}"}}}},
        ], routing_strategy="latency-based-routing")

        async def router_acompletion():
            response = await router.acompletion(model="gpt-3.5-turbo", messages=[{{"role": "user", "content": "Hi"}}])
            print(response.choices[0].message.content[:3])

        asyncio.run(router_acompletion())
        asyncio.run(router_acompletion())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "tok\ntok\n")
    assert done.stderr == ""


async def test_custom_callable_pii_goes_to_claude(up: RemoteUpstream) -> None:
    def choose(request: RouteRequest, snapshot: Snapshot) -> str | None:
        text = " ".join(str(message["content"]) for message in request.messages)
        return "claude" if "ssn" in text.lower() else "gpt"

    router = Router(model_list=_claude_and_gpt(up), routing_strategy=choose)
    private = [{"role": "user", "content": "my SSN is 078-05-1120"}]
    for _ in range(10):
        assert (await router.acompletion(model="chat", messages=private)).model_used == "claude-sonnet"
        assert (await router.acompletion(model="chat", messages=MESSAGES)).model_used == "gpt-4o"
    await router.aclose()


async def test_custom_callable_by_user_tier(up: RemoteUpstream) -> None:
    async def by_tier(request: RouteRequest, snapshot: Snapshot) -> list[str]:
        return ["claude", "gpt"] if request.metadata.get("tier") == "premium" else ["gpt", "claude"]

    router = Router(
        model_list=_claude_and_gpt(up), routing_strategy="custom", routing_strategy_args={"callable": by_tier}
    )
    for _ in range(10):
        premium = await router.acompletion(model="chat", messages=MESSAGES, metadata={"tier": "premium"})
        free = await router.acompletion(model="chat", messages=MESSAGES, metadata={"tier": "free"})
        assert (premium.model_used, free.model_used) == ("claude-sonnet", "gpt-4o")
    await router.aclose()


def _claude_and_gpt(up: RemoteUpstream) -> Models:
    names = {"claude": "openai/claude-sonnet", "gpt": "openai/gpt-4o"}
    return [
        {
            "model_name": "chat",
            "litellm_params": {"model": model, "api_key": "k", "api_base": up.url},
            "model_info": {"id": id},
        }
        for id, model in names.items()
    ]

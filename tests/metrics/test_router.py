"""A Router with a registry tells its story there, and takes its pool out when it closes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from router_core.router import Router
from router_core.simulator import Upstream

PROMPT = [{"role": "user", "content": "my secret question"}]


async def test_a_failed_attempt_and_its_retry_are_one_request(pool: str) -> None:
    registry = CollectorRegistry()
    async with Upstream() as bad, Upstream() as good:
        bad.fail(503)
        models = [
            {
                "model_name": "chat",
                "litellm_params": {"model": "openai/sim", "api_base": one.url, "api_key": "sk-very-secret", "order": n},
                "model_info": {"id": name},
            }
            for n, (name, one) in enumerate((("bad", bad), ("good", good)))
        ]
        async with Router(model_list=models, redis_url="memory://", pool=pool, metrics=registry) as router:
            await router.acompletion("chat", PROMPT, user="somebody")
            text = generate_latest(registry).decode()
    group, value = {"pool": pool, "group": "chat"}, registry.get_sample_value
    assert value("router_core_requests_total", {**group, "call": "chat", "outcome": "ok"}) == 1
    assert value("router_core_attempts_total", {**group, "deployment": "bad", "outcome": "server"}) == 1
    assert value("router_core_attempts_total", {**group, "deployment": "good", "outcome": "ok"}) == 1
    assert value("router_core_retries_total", group) == 1
    assert value("router_core_decision_seconds_count", group) == 2
    assert value("router_core_inflight", {**group, "deployment": "bad"}) == 0
    assert value("router_core_store_calls_total", {"pool": pool}) is None
    for secret in ("sk-very-secret", "secret question", "somebody"):
        assert secret not in text

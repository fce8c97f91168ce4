"""No key, no prompt and no completion in Redis, logs, errors or metrics, whatever happens to a call."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from router_core import Router
from router_core.choosing.custom import RouteRequest
from router_core.errors import RouterError, StateUnavailable
from router_core.hooks import Event
from router_core.simulator import Upstream
from router_core.state.records import Snapshot
from tests.acceptance.marked import BODIES, BROKEN, KEY, MARKERS, MESSAGES, OTHER_KEY, PLAIN, PROMPT, TOOL, marked
from tests.acceptance.rig import entry
from tests.servers import PASSWORDS, Server, free_port, start


@contextmanager
def overheard(server: Server) -> Iterator[Callable[[], str]]:
    """Every command that reaches the server meanwhile."""
    heard: list[str] = []
    with server.operator() as client, client.monitor() as monitor:

        def listen() -> None:
            with suppress(Exception):  # the connection is closed under it at the end
                heard.extend(str(command["command"]) for command in monitor.listen())

        threading.Thread(target=listen, daemon=True).start()
        yield lambda: "\n".join(heard)


def stored(server: Server, pool: str) -> str:
    """Everything the pool keeps: names and contents of all keys."""
    found: list[Any] = []
    with server.operator() as client:
        for key in client.scan_iter(f"rc:{{{pool}}}*", count=1000):
            kind = client.type(key)
            if kind == "hash":
                found.append((key, client.hgetall(key)))
            elif kind == "zset":
                found.append((key, client.zrange(key, 0, -1)))
            elif kind == "stream":
                found.append((key, client.xrange(key)))
            else:
                found.append((key, client.dump(key) if kind != "string" else client.get(key)))
    return repr(found)


class Errors:
    """What a caller could see or log of the errors."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def of(self, call: Any) -> None:
        try:
            answer = await call
            if hasattr(answer, "__aiter__"):
                async for _ in answer:
                    pass
        except RouterError as error:
            self.texts += [str(error), repr(error), *traceback.format_exception(error), repr(error.attempts)]
            self.texts += [repr(error.response), *map(repr, error.args)]


def _spill(request: RouteRequest, snapshot: Snapshot) -> str:
    raise ValueError(f"cannot route {request.messages}")


def _burst(event: Event, /) -> None:
    raise RuntimeError(f"cannot count {PROMPT}")


def no_marker_in(**places: str) -> None:
    marker = re.compile("|".join(map(re.escape, (*MARKERS, *PASSWORDS.values()))))
    found = {
        f"{name}: …{text[max(0, one.start() - 90) : one.end() + 20]}…"
        for name, text in places.items()
        for one in marker.finditer(text)
    }
    assert not found, "\n\n".join(sorted(found))


async def test_nothing_of_keys_and_contents_is_kept_or_said(
    valkey: Server, pool: str, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    caplog.set_level(logging.DEBUG)
    registry, errors = CollectorRegistry(), Errors()
    async with marked() as (upstream, url), Upstream() as spare:
        models = [
            entry(url, "one", api_key=KEY, rpm=100_000, extra_headers={"x-own": OTHER_KEY}),
            entry(f"http://127.0.0.1:{free_port()}/v1", "nobody", "down", api_key=KEY),
            entry(spare.url, "spare", "spare", api_key=KEY),
        ]
        arguments: dict[str, Any] = {
            "redis_url": valkey.url,
            "pool": pool,
            "disable_cooldowns": True,
            "stall_timeout": 0.2,
        }
        more: dict[str, Any] = {
            "metrics": registry,
            "hooks": [_burst],
            "set_verbose": True,
            "debug_level": "DEBUG",
            "num_retries": 0,
        }
        with overheard(valkey) as commands:
            async with Router(model_list=models, **arguments, **more) as router:
                for upstream.does in (*PLAIN, *BROKEN, *BODIES):
                    await errors.of(router.acompletion("m", MESSAGES, user=PROMPT, metadata={"note": PROMPT}))
                    await errors.of(router.acompletion("m", MESSAGES, stream=True, tools=[TOOL]))
                    await errors.of(router.aembedding("m", [PROMPT]))
                    await errors.of(router.acompletion("m", MESSAGES, fallbacks=["spare"]))
                await errors.of(router.acompletion("down", MESSAGES, max_wait=0))
                await errors.of(router.acompletion("m", MESSAGES, routing_strategy=_spill))
                await errors.of(router.acompletion("m", MESSAGES, priority=PROMPT))
                upstream.does = "answer"
                await errors.of(router.acompletion("m", MESSAGES, timeout=0.0001))
                cancelled = asyncio.create_task(router.acompletion("m", MESSAGES))
                await asyncio.sleep(0.001)
                cancelled.cancel()
                await asyncio.gather(cancelled, return_exceptions=True)
                await router.store.flush()
                shown = [router, router.settings, router.deployments, router.get_model_list(), await router.snapshot()]
                explained = await router.explain("m", MESSAGES)
                kept = stored(valkey, pool)
                counted = generate_latest(registry).decode()
            sent = commands()
    assert len(errors.texts) > 100
    assert "rate_limit" in kept + counted
    assert "fcall" in sent.lower()
    assert "hook" in caplog.text
    no_marker_in(
        redis=kept,
        commands="\n".join(line for line in sent.split("\n") if not line.upper().startswith(("AUTH", "HELLO"))),
        logs=caplog.text,
        errors="\n".join(errors.texts),
        metrics=counted,
        reprs=repr((shown, explained)),
        warnings=repr([str(one.message) for one in recwarn]),
    )


async def test_the_password_of_redis_is_not_said_when_it_is_away(pool: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    errors, server = Errors(), start("valkey")
    try:
        async with Upstream() as upstream:
            router = Router(model_list=[entry(upstream.url, "one", api_key=KEY)], redis_url=server.url, pool=pool)
            await router.acompletion("m", MESSAGES)
            server.kill()
            await errors.of(router.acompletion("m", MESSAGES))
            fresh = Router(model_list=[entry(upstream.url, "one", api_key=KEY)], redis_url=server.url, pool=pool)
            with pytest.raises(StateUnavailable):
                await fresh.acompletion("m", MESSAGES)
            await errors.of(fresh.acompletion("m", MESSAGES))
            await asyncio.gather(router.aclose(), fresh.aclose())
    finally:
        server.stop()
    assert errors.texts
    no_marker_in(errors="\n".join(errors.texts), logs=caplog.text, reprs=repr((router.settings, router.store)))

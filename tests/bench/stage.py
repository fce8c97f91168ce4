"""What the benches run against: a shared Valkey and a simulated upstream, both processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from router_core.state.records import Declared
from router_core.strategies import find
from tests import servers

STRATEGY = "latency-based-routing"
SPEC = find(STRATEGY).spec({})
GROUP = "m"
MESSAGES = [{"role": "user", "content": "How are you? " * 20}]
PLENTY = {"requests/60": 10**9, "tokens/60": 10**12, "concurrent": 10**6}


@dataclass(frozen=True)
class Stage:
    """`upstream`: its base URL; `server`: the Valkey behind `redis://`."""

    upstream: str
    server: servers.Server


@contextmanager
def stage() -> Iterator[Stage]:
    """Both running; ended afterwards, and with this process however it ends."""
    command = [sys.executable, "-m", "router_core.simulator", "--until-stdin-closes"]
    server = servers.start("valkey")
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as simulator:
            assert simulator.stdin is not None
            assert simulator.stdout is not None
            try:
                yield Stage(simulator.stdout.readline().strip(), server)
            finally:
                simulator.stdin.close()
                simulator.wait(10)
    finally:
        server.stop()


def model_list(upstream: str, count: int = 10) -> list[dict[str, Any]]:
    """Deployments of one group, all served by the one upstream."""
    limits = {"rpm": PLENTY["requests/60"], "tpm": PLENTY["tokens/60"], "max_parallel_requests": PLENTY["concurrent"]}
    return [
        {
            "model_name": GROUP,
            "litellm_params": {"model": "openai/sim", "api_base": upstream, "api_key": f"key-{number}", **limits},
            "model_info": {"id": f"dep-{number}"},
        }
        for number in range(count)
    ]


def declared(ids: Sequence[str], limits: Mapping[str, int]) -> list[Declared]:
    """The same deployments as the Store takes them; `limits` (requests, tokens, concurrent) in place of plenty."""
    given = {name if name == "concurrent" else f"{name}/60": amount for name, amount in limits.items()}
    return [Declared(id, GROUP, "openai", "account", limits={**PLENTY, **given}) for id in ids]

"""A simulated OpenAI-compatible upstream for tests, demos and benches, on real sockets.

async with Upstream(Behaviour(rpm=60, latency=Lognormal(0.2, 0.5))) as upstream:
    router = Router(model_list=[{"model_name": "m", "litellm_params": {
        "model": "openai/sim", "api_base": upstream.url, "api_key": "any"}}])
    upstream.fail(503, times=2)
    ...
    assert upstream.log.worst_window(60.0)[0] <= 60
"""

from router_core.simulator.behaviour import Behaviour, Dialect, Lognormal
from router_core.simulator.bursts import bursty
from router_core.simulator.faults import (
    Cut,
    Errors,
    Fault,
    Malformed,
    Redirect,
    SlowHeaders,
    Stall,
    StreamError,
)
from router_core.simulator.log import Log, Visit, worst_window
from router_core.simulator.run import run
from router_core.simulator.schedule import When
from router_core.simulator.traces import Arrival, TraceError, body_metadata, read_azure
from router_core.simulator.upstream import Upstream

__all__ = [
    "Arrival",
    "Behaviour",
    "Cut",
    "Dialect",
    "Errors",
    "Fault",
    "Log",
    "Lognormal",
    "Malformed",
    "Redirect",
    "SlowHeaders",
    "Stall",
    "StreamError",
    "TraceError",
    "Upstream",
    "Visit",
    "When",
    "body_metadata",
    "bursty",
    "read_azure",
    "run",
    "worst_window",
]

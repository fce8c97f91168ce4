"""Who is turned away at the door: wrong key, unknown model, too long, too many at once, over a limit."""

from __future__ import annotations

from router_core.simulator import refusals
from router_core.simulator.behaviour import Behaviour
from router_core.simulator.demand import Demand
from router_core.simulator.meter import Meter
from router_core.simulator.refusals import Refusal


def knock(behaviour: Behaviour, demand: Demand, authorization: str, in_flight: int) -> Refusal | None:
    """Everything but the windows; `in_flight` counts this request too."""
    if behaviour.api_key is not None and authorization != f"Bearer {behaviour.api_key}":
        return refusals.wrong_key()
    if behaviour.models is not None and demand.model not in behaviour.models:
        return refusals.no_such_model(demand.model)
    context = behaviour.context_tokens
    if context is not None and demand.input_tokens > context:
        return refusals.too_long(context, demand.input_tokens)
    most = behaviour.max_concurrent
    if most is not None and in_flight > most:
        return refusals.too_many_at_once(most, demand.model)
    return None


def charge(behaviour: Behaviour, demand: Demand, output_tokens: int, meter: Meter, now: float) -> Refusal | None:
    """Reserve requests and tokens in the rolling windows, or say how long to wait."""
    meter.window = behaviour.window / behaviour.speed
    full = meter.admit(now, demand.input_tokens + output_tokens, behaviour.rpm, behaviour.tpm)
    return None if full is None else refusals.over_limit(full, demand.model)

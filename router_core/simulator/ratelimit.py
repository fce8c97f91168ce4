"""The x-ratelimit headers as OpenAI sends them."""

from __future__ import annotations

import math

from router_core.simulator.behaviour import Behaviour
from router_core.simulator.meter import Meter


def duration(seconds: float) -> str:
    """OpenAI's form: `0s`, `8ms`, `1.5s`, `1m53.425s`, `1h2m3s`; milliseconds are rounded up."""
    milliseconds = math.ceil(round(seconds * 1000, 6))
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def rate_headers(behaviour: Behaviour, meter: Meter, now: float) -> dict[str, str]:
    """Limit, remaining and reset, for each limit that there is; reset is when the window is empty again."""
    if not behaviour.dialect.rate_headers:
        return {}
    headers: dict[str, str] = {}
    if behaviour.rpm is None and behaviour.tpm is None:
        return headers
    reset = duration(meter.reset_after(now))
    for name, limit, used in (("requests", behaviour.rpm, meter.requests), ("tokens", behaviour.tpm, meter.tokens)):
        if limit is not None:
            headers[f"x-ratelimit-limit-{name}"] = str(limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(max(0, limit - used))
            headers[f"x-ratelimit-reset-{name}"] = reset
    return headers

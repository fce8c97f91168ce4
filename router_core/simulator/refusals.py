"""Error answers as OpenAI words them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router_core.simulator.demand import BadRequest
from router_core.simulator.faults import Errors
from router_core.simulator.meter import Full
from router_core.simulator.ratelimit import duration

# status: type, code, message
_USUAL: Mapping[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    422: ("invalid_request_error", None, "The request cannot be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", "service_unavailable", "The engine is currently overloaded, please try again later."),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that serves nothing."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def error_object(status: int, code: str | None = None, message: str | None = None, param: str | None = None) -> Any:
    """`{"error": {…}}` with the usual type, code and message of the status where none are given."""
    kind, usual_code, usual_message = _USUAL.get(status, _USUAL[400 if status < 500 else 500])
    return _error(message or usual_message, kind, param, code or usual_code)


def injected(fault: Errors) -> Refusal:
    body = error_object(fault.status, fault.code, fault.message)
    return Refusal(fault.status, _bytes(body), _retry(fault.retry_after))


def invalid(problem: BadRequest) -> Refusal:
    return Refusal(400, _bytes(error_object(400, message=str(problem), param=problem.param)))


def no_such_path(method: str, path: str) -> Refusal:
    body = _error(f"Invalid URL ({method} {path})", "invalid_request_error", None, None)
    return Refusal(404, _bytes(body))


def wrong_key() -> Refusal:
    return Refusal(401, _bytes(error_object(401)))


def no_such_model(model: str) -> Refusal:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Refusal(404, _bytes(error_object(404, message=message)))


def too_long(context_tokens: int, asked: int) -> Refusal:
    message = (
        f"This model's maximum context length is {context_tokens} tokens. However, your messages resulted in "
        f"{asked} tokens. Please reduce the length of the messages."
    )
    return Refusal(400, _bytes(error_object(400, "context_length_exceeded", message, "messages")))


def too_many_at_once(limit: int, model: str) -> Refusal:
    message = f"Too many concurrent requests for {model}: Limit {limit}. Please try again in 1s."
    return Refusal(429, _bytes(_error(message, "requests", None, "rate_limit_exceeded")), _retry(1.0))


def over_limit(full: Full, model: str) -> Refusal:
    """OpenAI says `Request too large` without a Retry-After to what can never fit."""
    unit = "requests per min (RPM)" if full.resource == "requests" else "tokens per min (TPM)"
    sizes = f"Limit {full.limit}, Used {full.used}, Requested {full.requested}."
    if full.wait is None:
        message = f"Request too large for {model} on {unit}: Limit {full.limit}, Requested {full.requested}."
    else:
        message = f"Rate limit reached for {model} on {unit}: {sizes} Please try again in {duration(full.wait)}."
    return Refusal(429, _bytes(_error(message, full.resource, None, "rate_limit_exceeded")), _retry(full.wait))


def _retry(seconds: float | None) -> Mapping[str, str]:
    """Whole seconds for everybody, and milliseconds for those who look; both rounded up, so that a retry fits."""
    if seconds is None:
        return {}
    return {"retry-after": str(math.ceil(seconds)), "retry-after-ms": str(math.ceil(seconds * 1000))}


def _error(message: str, kind: str, param: str | None, code: str | None) -> Any:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _bytes(body: Any) -> bytes:
    return json.dumps(body).encode()

"""From an upstream's error to ours.

`rejected`: an answer that is no success. `failed_inside`: an error in a 200. `unreachable`: no answer at all.
All take `Origin`, which says whose answer it was, and whose key must not appear.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from router_core.errors import (
    APIConnectionError,
    ContextWindowExceededError,
    MalformedAnswerError,
    RouterError,
    Timeout,
)
from router_core.providers.overflow import overflow
from router_core.providers.rules import judge
from router_core.providers.verdicts import Verdict
from router_core.providers.waits import retry_after
from router_core.redact import redact

_LONGEST_MESSAGE = 2_000
_CODES = ("code", "type", "status", "reason", "error_type", "__type")


@dataclass(frozen=True, slots=True)
class Origin:
    """One deployment, as its errors name it. `secrets` are removed from every text."""

    provider: str
    model: str
    deployment: str
    url: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)


def rejected(origin: Origin, status: int, headers: httpx.Headers, body: bytes) -> RouterError:
    """The error for an answer with a status other than 2xx; its body may be anything."""
    try:
        payload = json.loads(body)
    except ValueError:
        payload = body.decode("utf-8", "replace")[:_LONGEST_MESSAGE]
    return _error(origin, status, headers, payload)


def failed_inside(origin: Origin, payload: Any, headers: httpx.Headers) -> RouterError:
    """The error for a 200 that holds one: in a stream, or instead of an answer. Headers of a 200 ask for no wait."""
    error = _parts(payload)[0]
    named = (str(error.get(name)) for name in ("code", "status_code", "status"))
    status = next((int(code) for code in named if code.isdecimal() and 400 <= int(code) < 600), 200)
    return _error(origin, status, headers, payload, waits=httpx.Headers())


def unreachable(origin: Origin, exc: httpx.TransportError) -> RouterError:
    """The error for a connection that failed; raise it `from exc`."""
    what = f"{type(exc).__name__}: {exc}"
    message = redact(what, *origin.secrets)
    if isinstance(exc, httpx.ConnectTimeout | httpx.PoolTimeout):
        error: RouterError = Timeout(message, kind="connect", reason="connect_timeout")
    elif isinstance(exc, httpx.TimeoutException):
        error = Timeout(message, reason="read_timeout")
    elif isinstance(exc, httpx.ConnectError | httpx.ProxyError):
        error = APIConnectionError(message, reason="no_connection")
    else:
        error = APIConnectionError(message, reason="connection")
    error.llm_provider, error.model, error.deployment = origin.provider, origin.model, origin.deployment
    return error


def malformed(origin: Origin, response: httpx.Response, exc: Exception) -> MalformedAnswerError:
    """The error for a 2xx that nobody can read; raise it `from None`, since `exc` may quote the answer."""
    kind = response.headers.get("content-type", "no content type")
    return MalformedAnswerError(
        f"the answer is not what it should be ({type(exc).__name__} while reading {kind})",
        status_code=response.status_code,
        llm_provider=origin.provider,
        model=origin.model,
        deployment=origin.deployment,
        reason="malformed",
    )


def _error(
    origin: Origin, status: int, headers: httpx.Headers, payload: Any, waits: httpx.Headers | None = None
) -> RouterError:
    error, codes, message = _parts(payload, headers)
    verdict = judge(status, codes, message)
    message = redact(message, *origin.secrets)[:_LONGEST_MESSAGE] or f"status {status} without a message"
    code = _name(error)
    shown = {"message": message, "type": error.get("type"), "param": error.get("param"), "code": error.get("code")}
    result = verdict.error(
        message,
        status_code=status if status >= 300 else None,
        llm_provider=origin.provider,
        model=origin.model,
        deployment=origin.deployment,
        response=_shown(origin, status, headers, shown),
        retry_after=_wait(verdict, status, headers if waits is None else waits, error, message),
        kind=verdict.kind,
        reason=verdict.reason,
        retryable=verdict.retryable,
        code=None if code is None else redact(str(code), *origin.secrets),
    )
    result.body = shown
    if isinstance(result, ContextWindowExceededError):
        result.window, result.requested = overflow(message, error)
    return result


def _name(error: Mapping[str, Any]) -> Any:
    """What the provider calls it: a word, a number only where there is none."""
    given = [error[name] for name in ("code", "type", "status") if error.get(name)]
    return next((name for name in given if not str(name).isdecimal()), given[0] if given else None)


def _wait(
    verdict: Verdict, status: int, headers: httpx.Headers, error: Mapping[str, Any], message: str
) -> float | None:
    """The wait it asks for; none where no wait mends it, whatever the upstream says."""
    if verdict.kind in ("auth", "context_window"):
        return None
    return retry_after(status if status >= 300 else verdict.error.status_code or status, headers, error, message)


def _parts(payload: Any, headers: Mapping[str, str] | None = None) -> tuple[Mapping[str, Any], frozenset[str], str]:
    """The error object, all its codes in lower case, and its message, wherever a provider puts them."""
    whole = payload[0] if isinstance(payload, list) and payload else payload
    if not isinstance(whole, Mapping):
        return {}, frozenset(), whole if isinstance(whole, str) else ""
    nested = whole.get("response")
    error = (nested.get("error") if isinstance(nested, Mapping) else None) or whole.get("error") or whole
    if not isinstance(error, Mapping):
        error = {"message": error if isinstance(error, str) else _said(error), "code": whole.get("code")}
    inner = error.get("innererror") or error.get("inner_error")
    details = error.get("details")
    holders = [whole, error, inner, *(details if isinstance(details, list) else ())]
    values = [holder.get(name) for holder in holders if isinstance(holder, Mapping) for name in _CODES]
    values.append(headers.get("x-amzn-errortype", "").partition(":")[0] if headers else None)
    codes = frozenset(str(value).rpartition("#")[2].lower() for value in values if isinstance(value, str | int))
    message = error.get("message") or whole.get("message") or whole.get("detail") or ""
    metadata = error.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(metadata.get("raw"), str):
        message = f"{message}: {metadata['raw']}"  # OpenRouter hands on what its upstream said
    return error, codes, message if isinstance(message, str) else _said(message)


def _said(message: Any) -> str:
    """The texts of a message that is a structure (a validator's list): where and what, never the input it quotes."""
    if isinstance(message, Mapping):
        place = message.get("loc")
        where = ".".join(map(str, place)) if isinstance(place, list) else ""
        text = message.get("msg") or message.get("message")
        return ": ".join(filter(None, (where, text if isinstance(text, str) else "")))
    return "; ".join(filter(None, map(_said, message))) if isinstance(message, list) else ""


def _shown(origin: Origin, status: int, headers: httpx.Headers, error: Mapping[str, Any]) -> httpx.Response:
    """The answer as users may see it: no cookies, no body beyond the message, no request headers."""
    hidden = {b"set-cookie", b"content-encoding", b"content-length", b"transfer-encoding"}
    kept = [(name, value) for name, value in headers.raw if name.lower() not in hidden]
    request = httpx.Request("POST", redact(origin.url or "https://unknown.invalid/", *origin.secrets))
    content = redact(json.dumps({"error": error}), *origin.secrets)
    return httpx.Response(status, headers=kept, content=content.encode(), request=request)

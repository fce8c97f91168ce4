"""Every error a caller can see.

    RouterError
      +-- ConfigurationError (ValueError)        the configuration is wrong
      +-- AuthenticationError                    401, bad key, no credit: the deployment's fault
      +-- PermissionDeniedError                  403
      +-- NotFoundError                          404, no such model or deployment there
      +-- BadRequestError                        400 and other 4xx: the caller's fault
      |     +-- ContextWindowExceededError       too long for this model
      |     +-- ContentPolicyViolationError      refused for its content
      |     +-- UnsupportedParamsError           this provider has no such parameter; another may
      +-- UnprocessableEntityError               422
      +-- RateLimitError                         429
      |     +-- NoDeploymentAvailable            nobody can serve this now: why, and from when on
      |           +-- BudgetExceededError        because budgets are spent
      +-- Timeout                                408, 504, or too slow for one of our timeouts
      +-- APIConnectionError                     no connection, or it broke
      +-- InternalServerError                    500 and unnamed 5xx
      |     +-- BadGatewayError                  502, and redirects, which are never followed
      |     +-- ServiceUnavailableError          503, 529
      |           +-- StateUnavailable           the shared state is away
      |           +-- NotAllowed                 the fleet may not make this call now
      |                 +-- RetryBudgetExhausted   too many were made again
      |                 +-- Throttled              too many of its group fail
      +-- APIError                               any other answer that is none
            +-- MalformedAnswerError             a 200 nobody can read
            +-- StreamInterrupted                a stream that ended too early: carries what was received

Where openai is imported, each is a subclass of openai's error of that name too (`openai_errors.py`).
No error holds a key, a prompt or the request; a provider's own message is kept with keys removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router_core.openai_errors import Joint
from router_core.router_error import AttemptRecord, RouterError
from router_core.state.records import OutcomeKind, Refusal


class ConfigurationError(RouterError, ValueError):
    """The configuration cannot work; the message names the field and what to do."""

    kind = "caller"


class AuthenticationError(RouterError):
    """The deployment's key is bad, expired or has no credit. Not the caller's fault: another deployment may serve."""

    kind, status_code, retryable = "auth", 401, True
    hint = "check this deployment's api_key and the credit of its account"


class PermissionDeniedError(RouterError):
    """The deployment's key may not do this."""

    kind, status_code, retryable = "auth", 403, True
    hint = "check what this deployment's api_key is permitted to use"


class NotFoundError(RouterError):
    """The deployment has no such model or path."""

    kind, status_code, retryable = "not_found", 404, True
    hint = "check this deployment's model and api_base"


class BadRequestError(RouterError):
    """The request is wrong, wherever it is sent."""

    kind: OutcomeKind = "caller"
    status_code = 400


class ContextWindowExceededError(BadRequestError):
    """Too long for this model; `context_window_fallbacks` name larger ones.

    `window` and `requested`: tokens, as far as the provider said; None otherwise.
    """

    window: int | None = None
    requested: int | None = None

    kind = "context_window"
    hint = "shorten the messages or name a larger group in context_window_fallbacks"


class ContentPolicyViolationError(BadRequestError):
    """Refused for its content."""

    kind = "content_policy"


class UnsupportedParamsError(BadRequestError):
    """A deployment's provider cannot express a part of the request. Nothing was sent; another provider may."""

    retryable = True
    hint = "leave it out, or set drop_params=True to have it left out where a provider lacks it"

    def __init__(self, message: str = "", *, params: Sequence[str] = (), **facts: Any) -> None:
        """`params`: names of parameters, or places such as `messages[2].content[0]`."""
        who = facts.get("llm_provider") or "this provider"
        super().__init__(message or f"{who} does not support {', '.join(params)}", **facts)
        self.params = tuple(params)
        self.param = params[0] if params else None


class UnprocessableEntityError(RouterError):
    """The request is well-formed and yet impossible."""

    kind, status_code = "caller", 422


class RateLimitError(RouterError):
    """A limit of the upstream, or of ours, is reached."""

    kind, status_code, retryable = "rate_limit", 429, True


class NoDeploymentAvailable(RateLimitError):
    """Nobody can serve this call now.

    `refusals`: why, per candidate. `earliest` (also `retry_after`): seconds until there is room for its place; None
    where nobody can know. `place`: how many calls stood before it in the queue; `waiting`: how many wait there.
    """

    retryable = False

    def __init__(
        self,
        message: str = "",
        *,
        refusals: Sequence[Refusal] = (),
        earliest: float | None = None,
        place: int = 0,
        waiting: int = 0,
        **facts: Any,
    ) -> None:
        super().__init__(message, **{"retry_after": earliest} | facts)
        self.refusals, self.earliest = tuple(refusals), earliest
        self.place, self.waiting = place, waiting

    def _facts(self) -> list[str]:
        refused = ", ".join(f"{r.deployment}: {r.reason}" for r in self.refusals)
        queue = f"{self.place} before it of {self.waiting} that wait" if self.waiting else ""
        return [*super()._facts(), queue, f"refused by {refused}" if refused else ""]


class BudgetExceededError(NoDeploymentAvailable):
    """Nobody can serve this call until the window of a spent budget has passed.

    `max_budget` and `current_cost`: dollars of the one that has room first, None where the pool did not say.
    """

    @property
    def max_budget(self) -> float | None:
        return _dollars(self._first().amount)

    @property
    def current_cost(self) -> float | None:
        return _dollars(self._first().used)

    def _first(self) -> Refusal:
        known = [one for one in self.refusals if one.ready_ms is not None]
        first = min(known, key=lambda one: one.ready_ms or 0.0, default=None)
        return first or next(iter(self.refusals), Refusal("", ""))


def _dollars(nano: int | None) -> float | None:
    return None if nano is None else nano / 1e9


class Timeout(RouterError):
    """The upstream was slower than a timeout allows."""

    kind, status_code, retryable = "timeout", 408, True


class APIConnectionError(RouterError):
    """No connection to the upstream, or it broke before the answer began."""

    kind, retryable = "connect", True


class InternalServerError(RouterError):
    """The upstream failed."""

    kind, status_code, retryable = "server", 500, True


class BadGatewayError(InternalServerError):
    """A proxy before the upstream failed, or redirected us elsewhere."""

    status_code = 502


class ServiceUnavailableError(InternalServerError):
    """The upstream is overloaded or down."""

    status_code = 503


class StateUnavailable(ServiceUnavailableError):
    """The shared state is away, and this call may not be served without it."""

    retryable = False


class NotAllowed(ServiceUnavailableError):
    """The fleet may not make this call now, whoever has room. Nothing was sent."""

    retryable = False


class RetryBudgetExhausted(NotAllowed):
    """The fleet's retry budget is used up. The caller sees the upstream's error that was to be retried, with this as
    its `__cause__` and in its `not_retried`."""


class Throttled(NotAllowed):
    """Too many calls of the group fail, so a share of them is refused before they go upstream (adaptive throttling).

    Trying again at once only adds to it.
    """


class APIError(RouterError):
    """The upstream answered something that is neither an answer nor a known error."""

    kind: OutcomeKind = "server"
    retryable = True


class MalformedAnswerError(APIError):
    """An answer with status 200 that nobody can read."""

    kind = "malformed"


class StreamInterrupted(APIError):
    """A stream broke off. `received`: the answer so far, put together from its chunks (never in this error's text)."""

    retryable = False

    def __init__(self, message: str = "", *, received: Any = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.received = received


Joint(
    {
        ConfigurationError: "OpenAIError",
        AuthenticationError: "AuthenticationError",
        PermissionDeniedError: "PermissionDeniedError",
        NotFoundError: "NotFoundError",
        BadRequestError: "BadRequestError",
        UnprocessableEntityError: "UnprocessableEntityError",
        RateLimitError: "RateLimitError",
        Timeout: "APITimeoutError",
        APIConnectionError: "APIConnectionError",
        InternalServerError: "InternalServerError",
        APIError: "APIError",
    }
).settle()

__all__ = [
    "APIConnectionError",
    "APIError",
    "AttemptRecord",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "BudgetExceededError",
    "ConfigurationError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "InternalServerError",
    "MalformedAnswerError",
    "NoDeploymentAvailable",
    "NotAllowed",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RetryBudgetExhausted",
    "RouterError",
    "ServiceUnavailableError",
    "StateUnavailable",
    "StreamInterrupted",
    "Throttled",
    "Timeout",
    "UnprocessableEntityError",
    "UnsupportedParamsError",
]

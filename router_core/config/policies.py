"""How often to retry, and how many failures to allow, by class of error: LiteLLM's two policies.

Both speak of exception classes; the router speaks of outcomes. A status, where known, tells the kinds of
server error apart. The more specific class wins: a content-policy refusal is also a bad request.
"""

from __future__ import annotations

from router_core.config.fields import Natural, Section
from router_core.state.records import OutcomeKind

_CLASSES: dict[OutcomeKind, tuple[str, ...]] = {
    "rate_limit": ("RateLimitError",),
    "auth": ("AuthenticationError",),
    "not_found": ("NotFoundError",),
    "timeout": ("TimeoutError",),
    "server": ("InternalServerError", "ServiceUnavailableError", "BadGatewayError"),
    "malformed": ("InternalServerError",),
    "content_policy": ("ContentPolicyViolationError", "BadRequestError"),
    "context_window": ("BadRequestError",),
    "caller": ("BadRequestError",),
}
SERVER_STATUSES = {
    500: ("InternalServerError",),
    502: ("BadGatewayError", "InternalServerError"),
    503: ("ServiceUnavailableError",),
    529: ("ServiceUnavailableError",),
}


class _Policy(Section):
    def _first(self, kind: OutcomeKind, status: int | None, suffix: str) -> int | None:
        classes = _CLASSES.get(kind, ())
        if kind == "server" and status in SERVER_STATUSES:
            classes = SERVER_STATUSES[status]
        for name in classes:
            number: int | None = getattr(self, name + suffix, None)
            if number is not None:
                return number
        return None


class RetryPolicy(_Policy):
    """Retries per class of error; `DefaultRetries` for every class without a number of its own."""

    BadRequestErrorRetries: Natural | None = None
    AuthenticationErrorRetries: Natural | None = None
    TimeoutErrorRetries: Natural | None = None
    RateLimitErrorRetries: Natural | None = None
    ContentPolicyViolationErrorRetries: Natural | None = None
    InternalServerErrorRetries: Natural | None = None
    ServiceUnavailableErrorRetries: Natural | None = None
    NotFoundErrorRetries: Natural | None = None
    DefaultRetries: Natural | None = None

    def retries_for(self, kind: OutcomeKind, status: int | None = None) -> int | None:
        """Retries after an attempt that ended so; None: the policy says nothing, `num_retries` holds."""
        if kind in ("ok", "cancelled"):
            return None
        found = self._first(kind, status, "Retries")
        return self.DefaultRetries if found is None else found


class AllowedFailsPolicy(_Policy):
    """Failures per rolling minute a deployment may have, per class, before it cools."""

    BadRequestErrorAllowedFails: Natural | None = None
    AuthenticationErrorAllowedFails: Natural | None = None
    TimeoutErrorAllowedFails: Natural | None = None
    RateLimitErrorAllowedFails: Natural | None = None
    ContentPolicyViolationErrorAllowedFails: Natural | None = None
    InternalServerErrorAllowedFails: Natural | None = None
    ServiceUnavailableErrorAllowedFails: Natural | None = None
    BadGatewayErrorAllowedFails: Natural | None = None
    NotFoundErrorAllowedFails: Natural | None = None

    def allowed_for(self, kind: OutcomeKind, status: int | None = None) -> int | None:
        """Failures of this kind that are allowed; None: the policy says nothing, `allowed_fails` holds."""
        return self._first(kind, status, "AllowedFails")


_ALLOWED_FAILS = 3  # LiteLLM's number once a policy is set


class AllowedFails:
    """Of a section with `allowed_fails` and `allowed_fails_policy`."""

    allowed_fails: Natural | None
    allowed_fails_policy: AllowedFailsPolicy | None

    def allowed_for(self, kind: OutcomeKind, status: int | None = None) -> int | None:
        """Failures of a class that are allowed in a minute; None: nothing is said here."""
        policy = self.allowed_fails_policy
        found = policy.allowed_for(kind, status) if policy is not None else None
        if found is not None:
            return found
        return _ALLOWED_FAILS if self.allowed_fails is None and policy is not None else self.allowed_fails

"""What an upstream's error can mean.

Whose fault it is decides everything after: a deployment's fault (`auth`, `not_found`, `server`, …) fails over and may
cool it, a caller's fault (`caller`, `content_policy`, `context_window`) is his to hear about.
"""

from __future__ import annotations

from typing import NamedTuple

from router_core import errors
from router_core.state.records import OutcomeKind


class Verdict(NamedTuple):
    """`reason` is of a closed vocabulary: the third column below. `retryable`: another deployment may do better."""

    error: type[errors.RouterError]
    kind: OutcomeKind
    reason: str
    retryable: bool


BAD_KEY = Verdict(errors.AuthenticationError, "auth", "bad_key", True)
NO_CREDIT = Verdict(errors.AuthenticationError, "auth", "no_credit", True)
NO_QUOTA = Verdict(errors.RateLimitError, "auth", "no_credit", True)  # a 429 that no wait mends
FORBIDDEN = Verdict(errors.PermissionDeniedError, "auth", "forbidden", True)
NO_MODEL = Verdict(errors.NotFoundError, "not_found", "no_model", True)
NO_ITEM = Verdict(errors.BadRequestError, "caller", "no_item", True)  # a file or an answer: elsewhere it may be known
CONTEXT = Verdict(errors.ContextWindowExceededError, "context_window", "too_long", False)
TOO_LARGE = Verdict(errors.ContextWindowExceededError, "context_window", "too_large_here", True)
CONTENT = Verdict(errors.ContentPolicyViolationError, "content_policy", "content_policy", False)
RATE = Verdict(errors.RateLimitError, "rate_limit", "rate_limit", True)
OVERLOADED = Verdict(errors.ServiceUnavailableError, "server", "overloaded", True)
UNAVAILABLE = Verdict(errors.ServiceUnavailableError, "server", "unavailable", True)
GATEWAY = Verdict(errors.BadGatewayError, "server", "bad_gateway", True)
REDIRECT = Verdict(errors.BadGatewayError, "server", "redirect", True)
SERVER = Verdict(errors.InternalServerError, "server", "server_error", True)
SLOW = Verdict(errors.Timeout, "timeout", "upstream_timeout", True)
CONFLICT = Verdict(errors.APIError, "server", "conflict", True)
UNSUPPORTED = Verdict(errors.BadRequestError, "caller", "unsupported_here", True)  # another model may take it
MISGENERATED = Verdict(errors.BadRequestError, "caller", "misgenerated", True)  # the model's slip: again it may not
UNPROCESSABLE = Verdict(errors.UnprocessableEntityError, "caller", "unprocessable", False)
BAD_REQUEST = Verdict(errors.BadRequestError, "caller", "bad_request", False)

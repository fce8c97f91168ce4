"""What an upstream's error means: the table. Status first, then code, then text; first match counts.

Whose fault it is decides everything after: a deployment's fault (`auth`, `not_found`, `server`, …) fails over and may
cool it, a caller's fault (`caller`, `content_policy`, `context_window`) is his to hear about.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from router_core import errors
from router_core.state.records import OutcomeKind


class Verdict(NamedTuple):
    """`reason` is of a closed vocabulary: the fourth column below. `retryable`: another deployment may do better."""

    error: type[errors.RouterError]
    kind: OutcomeKind
    reason: str
    retryable: bool


BAD_KEY = Verdict(errors.AuthenticationError, "auth", "bad_key", True)
NO_CREDIT = Verdict(errors.AuthenticationError, "auth", "no_credit", True)
NO_QUOTA = Verdict(errors.RateLimitError, "auth", "no_credit", True)  # a 429 that no wait mends
FORBIDDEN = Verdict(errors.PermissionDeniedError, "auth", "forbidden", True)
NO_MODEL = Verdict(errors.NotFoundError, "not_found", "no_model", True)
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
UNPROCESSABLE = Verdict(errors.UnprocessableEntityError, "caller", "unprocessable", False)
BAD_REQUEST = Verdict(errors.BadRequestError, "caller", "bad_request", False)


class Rule(NamedTuple):
    """Applies at these statuses to these codes (lower case), or to messages in which `text` is found."""

    verdict: Verdict
    statuses: frozenset[int]
    codes: frozenset[str] = frozenset()
    text: re.Pattern[str] | None = None


def _rule(verdict: Verdict, statuses: str, codes: str = "", text: str = "") -> Rule:
    pattern = re.compile(text, re.IGNORECASE | re.VERBOSE) if text else None
    return Rule(verdict, frozenset(map(int, statuses.split())), frozenset(codes.split()), pattern)


# OpenAI and Groq give this the code of a rate limit, so that its text has to count before any code.
NEVER_FITS = _rule(
    TOO_LARGE,
    "413 429",
    "request_too_large",
    r"request \s too \s large | maximum \s context | prompt \s (is \s)? too \s long"
    r" | input \s token \s count .{0,40} exceeds",
)

RULES = (
    _rule(NO_QUOTA, "429", "insufficient_quota billing_hard_limit_reached billing_not_active"),
    _rule(
        NO_CREDIT,
        "400 401 402 403",
        "insufficient_quota insufficient_balance billing_hard_limit_reached billing_not_active billing_error",
        r"credit \s balance \s is \s too \s low | exceeded \s your \s current \s quota"
        r" | insufficient \s (balance|credits|funds)",
    ),
    _rule(
        BAD_KEY,
        "400 401 403",
        "invalid_api_key api_key_invalid authentication_error unauthenticated account_deactivated"
        " unrecognizedclientexception expiredtokenexception invalidsignatureexception",
        r"(incorrect|invalid) \s (api|x-api) [\s-] key | api \s key \s (not \s valid|(is \s)?(invalid|expired))"
        r" | security \s token .{0,40} (invalid|expired)",
    ),
    _rule(FORBIDDEN, "400 401 403", "accessdeniedexception permission_denied permission_error"),
    _rule(
        NO_MODEL,
        "400 404 410 422",
        "model_not_found deploymentnotfound not_found_error not_found resourcenotfoundexception model_decommissioned",
        r"\bmodel\b .{0,120} (does \s not \s exist|not \s found) | model \s identifier \s is \s invalid"
        r" | invocation \s of \s model \s id .{0,120} supported",
    ),
    _rule(
        CONTEXT,
        "400 413 422 500",
        "context_length_exceeded too_many_tokens too_many_prompt_tokens exceed_context_size_error",
        r"maximum \s context | (exceeds?|exceeded) .{0,60} context | (prompt|input) \s (is \s)? too \s long"
        r" | too \s many \s (input \s)? tokens (?!, \s please \s wait) | input \s token \s count .{0,40} exceeds"
        r" | total \s length \s of \s all \s messages | reduce \s the \s length \s of",
    ),
    _rule(
        CONTENT,
        "400 403 422",
        "content_policy_violation content_filter invalid_prompt responsibleaipolicyviolation moderation_blocked",
        r"content \s (management \s)? policy | usage \s policy | safety \s system | \bflagged\b",
    ),
    _rule(
        OVERLOADED,
        "200 429 500 503 529",
        "overloaded_error server_is_overloaded engine_overloaded model_overloaded slow_down unavailable"
        " serviceunavailableexception modelnotreadyexception modelstreamerrorexception",
        r"\boverloaded\b",
    ),
    _rule(
        RATE,
        "200 400 403 429 503",
        "rate_limit_exceeded rate_limit_error ratelimitreached rate_limited too_many_requests resource_exhausted"
        " throttlingexception toomanyrequestsexception",
    ),
)

STATUSES = {
    400: BAD_REQUEST,
    401: BAD_KEY,
    402: NO_CREDIT,
    403: FORBIDDEN,
    404: NO_MODEL,
    408: SLOW,
    409: CONFLICT,
    410: NO_MODEL,
    413: TOO_LARGE,
    422: UNPROCESSABLE,
    425: CONFLICT,
    429: RATE,
    502: GATEWAY,
    503: UNAVAILABLE,
    504: SLOW,
    529: OVERLOADED,
}


def judge(status: int, codes: frozenset[str], message: str) -> Verdict:
    """The verdict on an error. `status` 200 means an error inside a stream or a successful answer."""
    rules = [rule for rule in RULES if status in rule.statuses]
    if status in NEVER_FITS.statuses and _says(NEVER_FITS, message):
        return NEVER_FITS.verdict
    for rule in rules:
        if rule.codes & codes:
            return rule.verdict
    for rule in rules:
        if _says(rule, message):
            return rule.verdict
    return STATUSES.get(status) or _by_class(status)


def _says(rule: Rule, message: str) -> bool:
    return rule.text is not None and rule.text.search(message) is not None


def _by_class(status: int) -> Verdict:
    if 300 <= status < 400:
        return REDIRECT
    if 400 <= status < 500:
        return BAD_REQUEST
    return GATEWAY if 520 <= status < 528 else SERVER  # 52x: Cloudflare before an upstream it cannot reach

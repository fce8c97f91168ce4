"""From an upstream's error to its verdict: the table. Status first, then code, then text; first match counts."""

from __future__ import annotations

import re
from typing import NamedTuple

from router_core.providers.verdicts import (
    BAD_KEY,
    BAD_REQUEST,
    CONFLICT,
    CONTENT,
    CONTEXT,
    FORBIDDEN,
    GATEWAY,
    MISGENERATED,
    NO_CREDIT,
    NO_ITEM,
    NO_MODEL,
    NO_QUOTA,
    OVERLOADED,
    RATE,
    REDIRECT,
    SERVER,
    SLOW,
    TOO_LARGE,
    UNAVAILABLE,
    UNPROCESSABLE,
    UNSUPPORTED,
    Verdict,
)


class Rule(NamedTuple):
    """Applies at these statuses to these codes (lower case), or to messages in which `text` is found."""

    verdict: Verdict
    statuses: frozenset[int]
    codes: frozenset[str] = frozenset()
    text: re.Pattern[str] | None = None


def _rule(verdict: Verdict, statuses: str, codes: str = "", text: str = "") -> Rule:
    pattern = re.compile(text, re.IGNORECASE | re.VERBOSE) if text else None
    return Rule(verdict, frozenset(map(int, statuses.split())), frozenset(codes.split()), pattern)


# Their texts count before any code, since providers give them the code of something else.
PLAIN = (
    _rule(
        TOO_LARGE,  # OpenAI and Groq: a rate limit
        "413 429",
        text=r"request \s too \s large | maximum \s context | prompt \s (is \s)? too \s long | \blong \s context\b"
        r" | input \s token \s count .{0,40} exceeds",
    ),
    _rule(
        NO_QUOTA,  # Gemini, xAI, Cohere: a rate limit; yet there is nothing to wait for
        "429",
        text=r"\blimit:? \s? 0\b (?![.\d]) | used \s all \s available \s credits | spending \s limit"
        r" | credit \s balance \s is \s too \s low | trial \s key .{0,80} month",
    ),
    _rule(
        NO_CREDIT,  # Anthropic: an invalid request; xAI: no permission
        "400 403",
        text=r"credit \s balance \s is \s too \s low | (doesn't|does \s not) \s have \s any \s credits"
        r" | used \s all \s available \s credits | spending \s limit"
        r" | reached \s your \s specified .{0,20} usage \s limits",
    ),
    _rule(TOO_LARGE, "400", text=r"payload \s size \s exceeds"),  # Gemini: files in the request; others take more
    _rule(CONTENT, "200 400 500", text=r"content \s filtering \s policy"),  # Anthropic: an invalid request, a failure
    _rule(
        NO_ITEM,  # OpenAI and Anthropic: not found, as for a model
        "400 404",
        "previous_response_not_found",
        r"\b(file|response|item|container|conversation|vector \s store)\b .{0,80} (not \s found|does \s not \s exist)"
        r" | no \s such \s file | (file|response|item|conversation) \s not \s found",
    ),
)

RULES = (
    _rule(NO_QUOTA, "200 429", "insufficient_quota billing_hard_limit_reached billing_not_active"),
    _rule(
        NO_CREDIT,
        "200 400 401 402 403",
        "insufficient_quota insufficient_balance billing_hard_limit_reached billing_not_active billing_error"
        " billing_disabled",
        r"exceeded \s your \s current \s quota | insufficient \s (balance|credits|funds)",
    ),
    _rule(
        BAD_KEY,
        "200 400 401 403",
        "invalid_api_key api_key_invalid wrong_api_key authentication_error unauthenticated account_deactivated"
        " organization_restricted unrecognizedclientexception expiredtokenexception invalidsignatureexception"
        " missingauthenticationtokenexception incompletesignatureexception",
        r"(incorrect|invalid) \s (api|x-api) [\s-] (key|token) | api \s key \s (not \s valid|(is \s)?(invalid|expired))"
        r" | security \s token .{0,40} (invalid|expired) | organization \s has \s been \s (disabled|restricted)",
    ),
    _rule(
        NO_MODEL,
        "200 400 401 403 404 410 422",
        "model_not_found deploymentnotfound not_found_error not_found notfounderror resourcenotfoundexception"
        " model_decommissioned model_not_available unknown_model unavailable_model invalid_model operationnotsupported",
        r"\bmodel\b .{0,120} (does \s not \s exist|not \s found) | model \s identifier \s is \s invalid"
        r" | not \s a \s valid \s model | invalid \s model\b | no \s endpoints \s found"
        r" | invocation \s of \s model \s id .{0,120} supported",
    ),
    _rule(
        FORBIDDEN,
        "200 400 401 403",
        "accessdeniedexception permission_denied permission_error unsupported_country_region_territory",
        r"location \s is \s not \s supported | not \s available \s in \s your \s country"
        r" | ^operation \s not \s allowed",
    ),
    _rule(
        CONTEXT,
        "200 400 413 422 500",
        "context_length_exceeded too_many_tokens too_many_prompt_tokens exceed_context_size_error",
        r"maximum \s context | maximum \s prompt \s length | (exceeds?|exceeded) .{0,60} context"
        r" | context \s length \s is\b | (prompt|input) \s (is \s)? too \s long"
        r" | too \s many \s (input \s)? tokens (?!, \s please \s wait)"
        r" | input \s token \s count .{0,60} (exceeds|supports \s up)"
        r" | total \s length \s of \s all \s messages | reduce \s the \s length \s of"
        r" | must \s have \s less \s than \s \d+ \s tokens | tokens .{0,30} must \s be \s <= ",
    ),
    _rule(
        CONTENT,
        "200 400 403 422",
        "content_policy_violation content_filter invalid_prompt responsibleaipolicyviolation moderation_blocked"
        " image_content_policy_violation content_moderation",
        r"content \s (management \s)? policy | usage \s (policy|guidelines)"
        r" | safety \s system | \bflagged\b | content \s exists \s risk",
    ),
    _rule(
        UNSUPPORTED,
        "200 400 422",
        "unsupported_value unsupported_parameter",
        r"this \s model \s (does \s not|doesn't) \s support | not \s supported \s (with|for|by|on) \s this \s model"
        r" | maximum \s allowed \s number \s of \s output \s tokens | out \s of \s range; \s supported"
        r" | guardrail .{0,60} does \s not \s exist",
    ),
    _rule(MISGENERATED, "200 400", "tool_use_failed json_validate_failed output_parse_failed"),
    _rule(
        OVERLOADED,
        "200 429 498 500 503 529",
        "overloaded_error overloaded server_is_overloaded engine_overloaded model_overloaded slow_down unavailable"
        " serviceunavailableexception modelnotreadyexception modelstreamerrorexception capacity_exceeded"
        " queue_exceeded",
        r"\boverloaded\b",
    ),
    _rule(
        RATE,
        "200 400 403 429 503",
        "rate_limit_exceeded rate_limit_error ratelimitreached rate_limited too_many_requests resource_exhausted"
        " throttlingexception toomanyrequestsexception servicequotaexceededexception",
    ),
    _rule(SLOW, "200", "modeltimeoutexception timeout_error deadline_exceeded"),
    _rule(BAD_REQUEST, "200", "invalid_request_error validationexception invalid_argument badrequesterror"),
)

STATUSES = {
    400: BAD_REQUEST,
    401: BAD_KEY,
    402: NO_CREDIT,
    403: FORBIDDEN,
    404: NO_MODEL,
    405: NO_MODEL,
    407: GATEWAY,
    408: SLOW,
    409: CONFLICT,
    410: NO_MODEL,
    413: TOO_LARGE,
    422: UNPROCESSABLE,
    424: SERVER,  # what the provider itself called failed
    425: CONFLICT,
    429: RATE,
    498: OVERLOADED,
    499: SERVER,
    502: GATEWAY,
    503: UNAVAILABLE,
    504: SLOW,
    529: OVERLOADED,
}


def judge(status: int, codes: frozenset[str], message: str) -> Verdict:
    """The verdict on an error. `status` 200 means an error inside a stream or a successful answer."""
    for rule in PLAIN:
        if status in rule.statuses and (rule.codes & codes or _says(rule, message)):
            return rule.verdict
    rules = [rule for rule in RULES if status in rule.statuses]
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

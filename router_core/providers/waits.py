"""How long an upstream asks to wait, in any of the formats providers use.

Seconds (`12`, `0.5`), durations (`2ms`, `1m53.425s`), HTTP dates, RFC 3339, epoch seconds or milliseconds; found in
`retry-after-ms`, `retry-after`, Google's RetryInfo, the message, or the reset headers of what is used up. Some are
wrong (-1, a day): callers must not trust a long wait.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST = 86_400.0  # seconds

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_IN_TEXT = re.compile(
    r"(?:try again|retry|wait)(?:\s+in|\s+after)?\s+"
    rf"(?:(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>sec|min|hour|day)|(?P<duration>{_DURATION.pattern}))",
    re.IGNORECASE,
)


def retry_after(status: int, headers: Mapping[str, str], error: Mapping[str, Any], message: str) -> float | None:
    """Seconds from now, within 0 and a day, or None. Only on 429 and 5xx: elsewhere the headers mean something else.

    `headers` is case-insensitive (httpx.Headers). Dates count from the answer's own `Date`: our clock may be wrong.
    """
    if status != 429 and status < 500:
        return None
    now = moment(headers.get("date", "")) or time.time()
    for wait in _candidates(headers, error, message, now):
        if wait is not None and wait >= 0:
            return min(wait, LONGEST)
    return None


def seconds(text: str, now: float) -> float | None:
    """The wait `text` stands for; None if it is none of the formats. `now` in seconds of the epoch."""
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        if _DURATION.fullmatch(text):
            return sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
        at = moment(text)
        return None if at is None else max(0.0, at - now)
    if number != number or number < 0:
        return None
    if number > 1e11:
        return max(0.0, number / 1000 - now)
    return max(0.0, number - now) if number > 1e9 else number


def _candidates(
    headers: Mapping[str, str], error: Mapping[str, Any], message: str, now: float
) -> Iterator[float | None]:
    milliseconds = seconds(headers.get("retry-after-ms", ""), now)
    yield milliseconds / 1000 if milliseconds else None  # Azure sends 0 beside a retry-after of 1
    yield seconds(headers.get("retry-after", ""), now)
    yield milliseconds
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and isinstance(detail.get("retryDelay"), str):
            yield seconds(detail["retryDelay"], now)
    if found := _IN_TEXT.search(message):
        amount = found["amount"] + found["unit"][0].lower() if found["amount"] else found["duration"]
        yield seconds(amount, now)
    yield max(_resets(headers, now), default=None)
    metadata = error.get("metadata")
    inner = metadata.get("headers") if isinstance(metadata, Mapping) else None
    if isinstance(inner, Mapping):  # OpenRouter hands on those of its upstream
        yield max(_resets({str(name).lower(): str(value) for name, value in inner.items()}, now), default=None)


def _resets(headers: Mapping[str, str], now: float) -> Iterator[float]:
    """The resets of what has nothing remaining: `x-ratelimit-reset-tokens`, `anthropic-ratelimit-tokens-reset`, …"""
    for name in headers:
        if "ratelimit" in name and "reset" in name:
            remaining = headers.get(name.replace("reset", "remaining"), "0")
            wait = seconds(headers[name], now)
            if wait is not None and remaining.strip() in ("0", "0.0"):
                yield wait


def moment(text: str) -> float | None:
    """Seconds of the epoch of an RFC 3339 or HTTP date."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = parse(text)
        except (ValueError, TypeError, IndexError):
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return None

"""What an upstream says of its own limits: the rate headers of its answers.

    x-ratelimit-{limit,remaining,reset}-{requests,tokens}            OpenAI, Azure, Groq, xAI, vLLM, LiteLLM's proxy
    x-ratelimit-{limit,remaining,reset}-{requests,tokens}-{day,…}    Cerebras; Mistral: `-req-minute`, `-req-10-second`
    x-ratelimit-{limit,remaining}-tokens-{prompt,generated}          Fireworks
    x-ratelimit-{limit,remaining,reset}, x-tokenlimit-…              Together, OpenRouter
    anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}     a minute

Much of it is wrong: what is absent, -1, not a whole number, or says a reset of a day or more is no quota. A window
without a name is a minute, unless the reset tells another (see `_told`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from router_core.providers.waits import LONGEST, moment, seconds

MINUTE, HOUR, DAY = 60, 3_600, 86_400
MONTH = 30 * DAY

Resource = Literal["requests", "tokens", "input", "output"]
Headers = Iterable[tuple[bytes, bytes]]


class Quota(NamedTuple):
    """One limit at the time of the answer: `remaining` of `limit` in `window` seconds, all of it back in `reset`
    seconds (None: it does not say)."""

    resource: Resource
    window: int
    limit: int
    remaining: int
    reset: float | None


class _Place(NamedTuple):
    """What a header's name says: which number of which limit. `window` None: the name does not tell."""

    resource: Resource
    window: int | None
    number: int


_LIMIT, _REMAINING, _RESET, _PERIOD = range(4)
_NUMBERS = {"limit": _LIMIT, "remaining": _REMAINING, "reset": _RESET, "renewalperiod": _PERIOD}
_UNITS = {"second": 1, "minute": MINUTE, "hour": HOUR, "day": DAY, "month": MONTH}
_FAMILIES: dict[str, tuple[str, int | None]] = {
    "x-ratelimit-": ("requests", None),
    "x-tokenlimit-": ("tokens", None),
    "anthropic-ratelimit-": ("", MINUTE),
}
_RESOURCES: dict[str, Resource] = {
    "requests": "requests",
    "req": "requests",
    "tokens": "tokens",
    "input-tokens": "input",
    "tokens-prompt": "input",
    "output-tokens": "output",
    "tokens-generated": "output",
}
_MOST_NAMES = 1024  # of headers that are remembered: an upstream may make up new ones for ever
_MOST_DIGITS = 15  # exact as a float, which is what Lua has
_BARE = b"0123456789."

_places: dict[bytes, _Place | None] = {}


def observed(headers: Headers, now: float) -> tuple[Quota, ...]:
    """The quotas in `headers` (names and values as they came: httpx.Headers.raw), none where there is nothing to trust.

    `now`: seconds of the epoch, for resets that are a date and an answer without one. About 1 us for an answer
    without rate headers.
    """
    found: dict[tuple[Resource, int | None], list[bytes | None]] | None = None
    for name, value in headers:
        try:
            place = _places[name]
        except KeyError:
            place = _learnt(name)
        if place is not None:
            resource, window, number = place
            if found is None:
                found = {}
            numbers = found.get((resource, window))
            if numbers is None:
                numbers = found[resource, window] = [None, None, None, None]
            numbers[number] = value
    if found is None:
        return ()
    quotas = (_quota(*limit, numbers, headers, now) for limit, numbers in found.items())
    return tuple(quota for quota in quotas if quota is not None)


def _learnt(name: bytes) -> _Place | None:
    place = _place(name.decode("latin-1").lower())
    if len(_places) < _MOST_NAMES:
        _places[name] = place
    return place


def _place(name: str) -> _Place | None:
    for family, (resource, window) in _FAMILIES.items():
        if name.startswith(family):
            words = name.removeprefix(family).split("-")
            numbers = [word for word in words if word in _NUMBERS]
            if len(numbers) == 1:
                words.remove(numbers[0])
                window = _window_of(words) or window  # noqa: PLW2901 - the family's is the default
                known = _RESOURCES.get("-".join(words) or resource)
                return known and _Place(known, window, _NUMBERS[numbers[0]])
    return None


def _window_of(words: list[str]) -> int | None:
    """Take the window from the end of a name's words: `day`, or `10`, `second`."""
    unit = _UNITS.get(words[-1]) if words else None
    if unit is not None:
        words.pop()
        if words and words[-1].isdecimal() and len(words[-1]) <= _MOST_DIGITS:
            unit *= int(words.pop())
    return unit


def _quota(
    resource: Resource, named: int | None, numbers: list[bytes | None], headers: Headers, now: float
) -> Quota | None:
    limit, remaining = _whole(numbers[_LIMIT]), _whole(numbers[_REMAINING])
    window = named or _whole(numbers[_PERIOD])
    if not limit or remaining is None or remaining > limit or (window or 0) > MONTH:
        return None
    text = numbers[_RESET]
    if text is None:
        return Quota(resource, window or MINUTE, limit, remaining, None)
    reset = seconds(text.decode("latin-1"), _sent(text, headers, now))
    if reset is None:
        return None
    used = limit - remaining
    if window is not None and not text.strip(_BARE) and _fits(reset / 1000, window, limit, used):
        reset /= 1000  # Azure's are milliseconds
    if window is None:
        window = _told(text, reset, limit, used)
    if window is None or reset > window or (reset >= LONGEST and window <= DAY):
        return None
    return Quota(resource, window, limit, remaining, reset)


def _whole(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _sent(reset: bytes, headers: Headers, now: float) -> float:
    """When the answer was sent, by its own `Date`; only a reset that is a date asks for it."""
    if len(reset) < 10:
        return now
    for name, value in headers:
        if name.lower() == b"date":
            return _date(value) or now
    return now


@lru_cache(maxsize=64)
def _date(text: bytes) -> float | None:
    return moment(text.decode("latin-1"))  # 5 us, and the same for all answers of a second


def _told(reset_text: bytes, reset: float, limit: int, used: int) -> int | None:
    """The window that a reset tells.

    OpenAI and Groq fill a bucket (GCRA), and the reset is when it is full: used / limit x window. They write durations;
    what others write is the end of a fixed window, which tells only that the window is longer.
    """
    if reset_text[-1:] == b"s" and reset > 0:
        for window in (MINUTE, HOUR, DAY):
            if _fits(reset, window, limit, used):
                return window
    return MINUTE if reset <= MINUTE else None


def _fits(reset: float, window: int, limit: int, used: int) -> bool:
    """Is `reset` when a bucket is full of which `used` is gone? What is coming back of a whole one counts as gone."""
    return (used - 1) / limit * window * 0.98 - 0.001 <= reset <= used / limit * window * 1.02 + 0.001

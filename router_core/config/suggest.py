"""Did you mean … ? Names that look like a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SIMILAR = 0.82  # difflib's ratio: `wieght` is 0.83 to `weight`, `max_output_tokens` is exempt by name, not by this


def words(text: str) -> frozenset[str]:
    """The words of `text`: for long lists of names that stay readable."""
    return frozenset(text.split())


def near(key: str, known: Iterable[str]) -> str | None:
    """The known name that `key` was probably meant to be, or None.

    Three kinds of slip: other case or separators (`maxParallelRequests`), letters swapped (`rmp`; too
    short for a ratio), and a name that is nearly the same (`wieght`).
    """
    plain = {_plain(name): name for name in known}
    wanted = _plain(key)
    if wanted in plain:
        return plain[wanted]
    for name, original in plain.items():
        if sorted(name) == sorted(wanted):
            return original
    found = get_close_matches(wanted, plain, n=1, cutoff=SIMILAR)
    return plain[found[0]] if found else None


def hint(key: str, known: Iterable[str]) -> str:
    """`, did you mean 'weight'?` or nothing: for a key that is wrong anyway, so it may guess more boldly."""
    names = list(known)
    found = near(key, names) or next(iter(get_close_matches(key, names, n=1, cutoff=0.6)), None)
    return f", did you mean {found!r}?" if found else ""


def one_of(names: Iterable[str], most: int = 12) -> str:
    """`'a', 'b', 'c'`, cut after `most`."""
    listed = sorted(names)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(repr(name) for name in listed[:most]) + rest if listed else "none"


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()

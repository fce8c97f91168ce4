"""Names on their way into Redis.

Ids and groups travel to the scripts as lists separated by spaces, and stand in hash fields such as
`id/requests/60` and in `name=value` pairs. What would break those is percent-escaped; everything
else, the slash included, stays as a person wrote it: `openai/gpt-4o` is readable in redis-cli.

A limit belongs to a deployment, by its id, or to a subject such as `user:alice`; a name that reads like a subject has
its colon escaped.

A pool's name is never escaped: it is the hash tag of every key, so what cannot stand there is refused.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

POOL_BYTES = 200
LONGEST_NAME = 256  # characters; a longer name of a subject is known by its digest

Scope = Literal["account", "provider", "group", "tag", "user", "team"]

_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f%{}|=]")
_SCOPED = re.compile(r"(account|provider|group|tag|user|team):")
_POOL_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f{}]")


def escape(name: str) -> str:
    """`name` without spaces, control characters and `% { } | =`, each byte of them as `%XX`.

    Different names stay different, and none is like a `subject`. ValueError for an empty name (it would vanish from a
    list) and for text that is not valid Unicode.
    """
    if not name:
        raise ValueError("a name must not be empty")
    name.encode()
    text = _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)
    return text.replace(":", "%3A", 1) if _SCOPED.match(text) else text


escaped = lru_cache(maxsize=65536)(escape)  # for deployments and groups, which every call names


@lru_cache(maxsize=4096)
def listed(names: tuple[str, ...]) -> str:
    """These names as scripts read a list of them: escaped, with spaces between."""
    return " ".join(map(escaped, names))


def subject(scope: Scope, name: str) -> str:
    """`user:alice`, escaped: whom a limit belongs to that is not a deployment's own; `user:*`: everyone without one.

    Callers choose names of users, so a long one becomes its digest. ValueError as `escape`.
    """
    if len(name) > LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"{scope}:{escape(name)}"


def scope_of(text: str) -> Scope | None:
    """The scope of a subject; None for the id of a deployment."""
    found = _SCOPED.match(text)
    return None if found is None else found[1]  # type: ignore[return-value]


def unescape(text: str) -> str:
    """The name that `escape` made `text` of; a stray `%` of a hand-edited key stays as it is."""
    return unquote(text, errors="replace")


def check_pool(name: str) -> str:
    """`name` if it can be a pool's, else ValueError: 1 to 200 bytes, no braces, no control characters."""
    size = len(name.encode())
    if not 1 <= size <= POOL_BYTES:
        raise ValueError(f"a pool's name has 1 to {POOL_BYTES} bytes, this one has {size}")
    if _POOL_UNSAFE.search(name):
        raise ValueError("a pool's name holds no braces and no control characters")
    return name

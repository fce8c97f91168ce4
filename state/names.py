"""Names on their way into Redis.

Ids and groups travel to the scripts as lists separated by spaces, and stand in hash fields such as
`id/requests/60` and in `name=value` pairs. What would break those is percent-escaped; everything
else, the slash included, stays as a person wrote it: `openai/gpt-4o` is readable in redis-cli.

A pool's name is never escaped: it is the hash tag of every key, so what cannot stand there is refused.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

POOL_BYTES = 200

_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f%{}|=]")
_POOL_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f{}]")


def escape(name: str) -> str:
    """`name` without spaces, control characters and `% { } | =`, each byte of them as `%XX`.

    Different names stay different. ValueError for an empty name (it would vanish from a list) and for
    text that is not valid Unicode.
    """
    if not name:
        raise ValueError("a name must not be empty")
    name.encode()
    return _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), name)


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

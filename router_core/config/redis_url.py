"""An address of Redis from its parts."""

from __future__ import annotations

from urllib.parse import quote


def build_url(host: str, port: int | None, password: str | None, db: int | None) -> str:
    """`redis://:password@host:port/db`; the password may hold any character."""
    login = f":{quote(password, safe='')}@" if password else ""
    name = f"[{host}]" if ":" in host else host
    return f"redis://{login}{name}:{port or 6379}/{db or 0}"

"""URLs of servers: which topology, which hosts, and how to say it without the password.

- one server: redis://  rediss://  unix://
- sentinels: redis+sentinel://host:port,host:port/master/db (rediss+sentinel:// with TLS)
- a cluster: redis+cluster://host:port,host:port (rediss+cluster:// with TLS)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_KINDS = {
    "redis": "single",
    "rediss": "single",
    "unix": "single",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
SCHEMES = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL. `kind`: single, sentinel or cluster. `options`: the query, as text; redis-py's names."""

    url: str = field(repr=False)
    kind: str
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    path: tuple[str, ...]
    username: str | None
    password: str | None = field(repr=False)
    options: dict[str, str] = field(repr=False)

    @property
    def public(self) -> str:
        """The URL without user, password and options, for messages and logs."""
        scheme = self.url.partition("://")[0]
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"{scheme}://{'' if scheme == 'unix' else hosts}{'/' if self.path else ''}{'/'.join(self.path)}"


def parse(url: str) -> Address:
    """Raises ValueError for another scheme, a port that is no number, or a sentinel URL without a master's name."""
    parts = urlsplit(url)
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        raise ValueError(f"unknown scheme {parts.scheme!r} of a server URL; known: {', '.join(SCHEMES)}")
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    path = tuple(part for part in parts.path.split("/") if part)
    if kind == "sentinel" and not path:
        raise ValueError("a sentinel URL names its master: redis+sentinel://host:port,host:port/master/db")
    return Address(
        url=url,
        kind=kind,
        tls=parts.scheme.startswith("rediss"),
        hosts=tuple(_host(part, 26379 if kind == "sentinel" else 6379) for part in hosts.split(",")),
        path=path,
        username=unquote(username) or None,
        password=unquote(password) or None,
        options=dict(parse_qsl(parts.query)),
    )


def _host(text: str, default: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, ""
    if port and not port.isdigit():
        raise ValueError(f"port {port!r} of a server URL is not a number")
    return host.strip("[]") or "localhost", int(port or default)

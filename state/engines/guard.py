"""The guard of an embedded server: a process that ends the server when its last user is gone, however it died.

Run by path, with nothing but the standard library:  python guard.py DIRECTORY SOCKET FIFO_FD COMMAND...
Every user holds a write end of the FIFO; the kernel closes those of the dead. The guard reads: end of file means that
nobody is left. It then takes the directory's lock, looks once more (a user may have come in between), ends the server
and removes every file. If the guard itself is killed, Linux ends the server with it. It goes on in a child, so that the
user who started it has nothing to wait for.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def locked(directory: str) -> int:
    """The directory's lock, waited for: a file descriptor to close. The file may have been removed while we waited."""
    path = os.path.join(directory, "lock")
    while True:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(handle).st_ino == os.stat(path).st_ino:
                return handle
        os.close(handle)


def _deserted(fifo: int) -> bool:
    try:
        return os.read(fifo, 1) == b""
    except BlockingIOError:
        return False


def _watch(server: subprocess.Popen[bytes], fifo: int, wakeup: int) -> None:
    """Returns when nobody is left or the server is gone; the first needs the lock, which the caller takes."""
    while server.poll() is None and not _deserted(fifo):
        select.select([fifo, wakeup], [], [])
        with contextlib.suppress(BlockingIOError):
            os.read(wakeup, 64)


def main(directory: str, unix_socket: str, fifo: int, command: list[str]) -> None:
    """Start the server, watch, clean up."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    server = subprocess.Popen(command, cwd=directory, preexec_fn=_die_with_parent)  # noqa: PLW1509 (one thread)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    while True:
        _watch(server, fifo, woken)
        if server.poll() is not None:
            os.close(fifo)  # before the lock: who waits for this server's first answer sees that none will come
        lock = locked(directory)
        if server.poll() is not None or _deserted(fifo):
            break
        os.close(lock)
    if server.poll() is None:
        server.kill()
        server.wait()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(unix_socket)
    shutil.rmtree(directory, ignore_errors=True)
    os.close(lock)


if __name__ == "__main__" and os.fork() == 0:
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])

"""A server on loopback that answers every request with one recording, for the providers' own SDKs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.conform.kit import Recording
from tests.conform.ours import headers_of

_HIDDEN = {"date", "server", "set-cookie", "alt-svc", "strict-transport-security"}


class Replay(ThreadingHTTPServer):
    """Threads of its own, since some SDKs block the loop they are called from."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recording: Recording | None = None

    @contextmanager
    def playing(self, recording: Recording) -> Iterator[str]:
        """The URL at which this recording is the answer to everything."""
        self.recording = recording
        try:
            yield f"http://127.0.0.1:{self.server_port}"
        finally:
            self.recording = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replay

    def _replay(self) -> None:
        self._read_request()
        recording = self.server.recording
        assert recording is not None, "nothing is playing"
        self.send_response_only(recording.status)
        for name, value in headers_of(recording).items():
            if name not in _HIDDEN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(recording.response_body)))
        self.end_headers()
        self.wfile.write(recording.response_body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _replay  # noqa: N815 — the names http.server looks for

    def _read_request(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self.rfile.read(size + 2)
        self.rfile.readline()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[Replay]:
    """A running server."""
    with Replay() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

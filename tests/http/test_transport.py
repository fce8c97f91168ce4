"""The engine over real sockets: what is mapped, what is never done, what is passed on."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from router_core.http.transport import Transport
from tests.http.server import Request, answer, replying, serving


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    one = Transport(trust_env=False)
    yield one
    await one.aclose()


def post(url: str, content: bytes = b"{}", **timeout: float) -> httpx.Request:
    return httpx.Request("POST", url, content=content, extensions={"timeout": timeout})


async def fetch(transport: Transport, url: str, content: bytes = b"{}", **timeout: float) -> httpx.Response:
    response = await transport.handle_async_request(post(url, content, **timeout))
    await response.aread()
    return response


async def test_a_redirect_is_an_answer_and_its_target_sees_nothing(transport: Transport) -> None:
    async with serving(replying(answer())) as target:
        moved = answer(b"", "307 Temporary Redirect", f"Location: {target.url}/stolen")
        async with serving(replying(moved)) as origin:
            response = await fetch(transport, origin.url)
        assert response.status_code == 307
        assert target.connections == 0


async def test_a_cookie_of_one_answer_does_not_reach_the_next_request(transport: Transport) -> None:
    async with serving(replying(answer(b"{}", "200 OK", "Set-Cookie: session=theirs; Path=/"))) as server:
        await fetch(transport, server.url)
        await fetch(transport, server.url)
        assert len(server.requests) == 2
        assert all("cookie" not in request.headers for request in server.requests)


@pytest.mark.slow
async def test_connections_are_reused_and_not_limited(transport: Transport) -> None:
    all_here = asyncio.Barrier(300)

    async def wait(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) <= 300:
            await all_here.wait()
        writer.write(answer())

    async with serving(wait) as server:
        async with asyncio.timeout(20):
            await asyncio.gather(*(fetch(transport, server.url) for _ in range(300)))
        await fetch(transport, server.url)
        assert server.connections == 300


async def test_no_header_is_added_to_those_given(transport: Transport) -> None:
    async with serving(replying(answer())) as server:
        await fetch(transport, server.url)
        assert set(server.requests[0].headers) == {"host", "content-length"}


@pytest.mark.parametrize(
    "before_closing", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"]
)
async def test_a_server_that_disconnects_is_a_remote_protocol_error(
    transport: Transport, before_closing: bytes
) -> None:
    async with serving(replying(before_closing, close=True)) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, server.url)


async def test_what_is_not_http_is_a_remote_protocol_error(transport: Transport) -> None:
    async with serving(replying(b"SSH-2.0-OpenSSH_9\r\n\r\n", close=True)) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, server.url)


async def test_nobody_listening_and_an_unknown_host_are_connect_errors(transport: Transport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError):
            await fetch(transport, f"http://127.0.0.1:{unused.getsockname()[1]}")
    with pytest.raises(httpx.ConnectError):
        await fetch(transport, "http://nowhere.invalid")


async def test_an_unsupported_scheme_is_named(transport: Transport) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        await fetch(transport, "ftp://127.0.0.1/")


async def test_a_full_backlog_is_a_connect_timeout_after_the_time_given(transport: Transport) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        started = time.monotonic()
        with pytest.raises(httpx.ConnectTimeout):
            await fetch(transport, f"http://127.0.0.1:{full.getsockname()[1]}", connect=0.2, read=5)
        assert 0.15 < time.monotonic() - started < 1


async def test_silence_is_a_read_timeout_before_and_inside_the_body(transport: Transport) -> None:
    async with serving(replying(b"")) as silent:
        with pytest.raises(httpx.ReadTimeout):
            await fetch(transport, silent.url, read=0.1)
    async with serving(replying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")) as stalled:
        response = await transport.handle_async_request(post(stalled.url, read=0.1))
        with pytest.raises(httpx.ReadTimeout):
            await response.aread()


async def test_the_read_timeout_is_for_each_silence_and_not_for_the_whole(transport: Transport) -> None:
    async def drip(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.05)
            writer.write(b"x")

    async with serving(drip) as server:
        assert (await fetch(transport, server.url, read=0.3)).content == b"x" * 8


async def never_read(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def test_a_server_that_stops_reading_is_a_write_timeout(transport: Transport) -> None:
    async with serving(never_read, read_body=False) as server:
        with pytest.raises(httpx.WriteTimeout):
            await fetch(transport, server.url, content=b"x" * 20_000_000, write=0.2, read=10)


async def test_a_large_body_and_a_streamed_one_arrive_whole(transport: Transport) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    async with serving(replying(answer())) as server:
        await fetch(transport, server.url, content=b"x" * 3_000_001, write=5)
        assert server.requests[0].body == b"x" * 3_000_001
        streamed = httpx.Request("POST", server.url, content=pieces(), headers={"Content-Length": "9"})
        await (await transport.handle_async_request(streamed)).aread()
        assert server.requests[1].body == b"abcabcabc"


async def test_chunks_are_passed_on_as_they_arrive(transport: Transport) -> None:
    received = asyncio.Event()

    async def lockstep(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (b"one", b"two", b"end"):
            writer.write(b"3\r\n" + part + b"\r\n")
            await received.wait()  # the next part is sent only when this one has been seen
            received.clear()
        writer.write(b"0\r\n\r\n")

    async with serving(lockstep) as server, asyncio.timeout(5):
        response = await transport.handle_async_request(post(server.url))
        parts = []
        async for part in response.aiter_bytes():
            parts.append(part)
            received.set()
        assert parts == [b"one", b"two", b"end"]


async def test_gzip_is_decoded_once(transport: Transport) -> None:
    async with serving(replying(answer(gzip.compress(b'{"a": 1}'), "200 OK", "Content-Encoding: gzip"))) as server:
        assert (await fetch(transport, server.url)).json() == {"a": 1}


async def test_closing_a_stream_early_closes_its_connection(transport: Transport) -> None:
    gone = asyncio.Event()

    async def endless(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nab")
        await reader.read()
        gone.set()

    async with serving(endless) as server, asyncio.timeout(5):
        response = await transport.handle_async_request(post(server.url))
        async for _ in response.aiter_bytes():
            break
        await response.aclose()
        await gone.wait()


async def test_errors_hold_no_key(transport: Transport) -> None:
    async with serving(replying(b"", close=True)) as server:
        request = httpx.Request("POST", server.url + "?key=AIzaSyA-very-secret", headers={"x-api-key": "hush-hush"})
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await transport.handle_async_request(request)
    assert caught.value._request is None
    assert "secret" not in str(caught.value)


def test_each_event_loop_has_its_own_connections() -> None:
    one = Transport(trust_env=False)

    async def call() -> None:
        async with serving(replying(answer())) as server:
            assert (await fetch(one, server.url)).status_code == 200
        await one.aclose()

    for _ in range(2):
        asyncio.run(call())

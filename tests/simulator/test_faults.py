"""Every fault, as a client sees it, and as the log tells it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import aiohttp
import pytest

from router_core.simulator import (
    Behaviour,
    Cut,
    Dialect,
    Errors,
    Malformed,
    Redirect,
    SlowHeaders,
    Stall,
    StreamError,
    Upstream,
    When,
)
from tests.simulator.client import PROMPT, chat, until


def faulty(fault: Any, **fields: Any) -> Behaviour:
    return Behaviour(faults=(fault,), output_tokens=4, **fields)


async def received(http: aiohttp.ClientSession, upstream: Upstream, stream: bool) -> tuple[bytes, str]:
    """What came before the connection broke, and the name of the error ("" for none)."""
    body = {"model": "m", "messages": PROMPT, "stream": stream}
    got = b""
    try:
        async with http.post(f"{upstream.url}/chat/completions", json=body) as response:
            async for piece in response.content.iter_any():
                got += piece
    except aiohttp.ClientError as error:
        return got, type(error).__name__
    return got, ""


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "invalid_api_key"), (429, "rate_limit_exceeded"), (500, None), (503, "service_unavailable")],
)
async def test_errors_speak_as_openai_does(http: aiohttp.ClientSession, status: int, code: str | None) -> None:
    async with Upstream(faulty(Errors(status, retry_after=1.5))) as upstream:
        reply = await chat(http, upstream)
    assert reply.status == status
    assert set(reply.json["error"]) == {"message", "type", "param", "code"}
    assert reply.json["error"]["code"] == code
    assert (reply.headers["retry-after"], reply.headers["retry-after-ms"]) == ("2", "1500")


async def test_an_error_rate_is_a_share_of_the_requests(http: aiohttp.ClientSession) -> None:
    async with Upstream(faulty(Errors(500, when=When(rate=0.3))), seed=7) as upstream:
        replies = [await chat(http, upstream) for _ in range(200)]
    assert 40 <= Counter(reply.status for reply in replies)[500] <= 80


async def test_fail_lasts_so_many_times_and_heal_ends_it(http: aiohttp.ClientSession) -> None:
    async with Upstream() as upstream:
        upstream.fail(503, times=2)
        upstream.slow(1.5)  # another change of behaviour does not begin the count anew
        assert [(await chat(http, upstream)).status for _ in range(4)] == [503, 503, 200, 200]
        upstream.fail(code="content_policy_violation", status=400)
        assert (await chat(http, upstream)).json["error"]["code"] == "content_policy_violation"
        upstream.heal()
        assert (await chat(http, upstream)).status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_before_the_answer_gives_no_byte(http: aiohttp.ClientSession, stream: bool) -> None:
    async with Upstream(faulty(Cut(after=None))) as upstream:
        assert await received(http, upstream, stream) == (b"", "ServerDisconnectedError")
        assert (upstream.log[0].end, upstream.log[0].status) == ("cut", 0)


async def test_a_cut_stream_ends_midway_without_done(http: aiohttp.ClientSession) -> None:
    async with Upstream(faulty(Cut(after=2))) as upstream:
        got, error = await received(http, upstream, stream=True)
        assert error == "ClientPayloadError"
        assert got.count(b'"tok "') == 2
        assert b"[DONE]" not in got
        assert (upstream.log[0].end, upstream.log[0].output_tokens) == ("cut", 2)


async def test_a_cut_answer_ends_inside_its_body(http: aiohttp.ClientSession) -> None:
    async with Upstream(faulty(Cut())) as upstream:
        got, error = await received(http, upstream, stream=False)
    assert error == "ClientPayloadError"
    assert got.startswith(b'{"id"')


async def test_malformed_is_a_200_that_is_not_json(http: aiohttp.ClientSession) -> None:
    async with Upstream(faulty(Malformed(after=1))) as upstream:
        plain = await chat(http, upstream)
        streamed = await chat(http, upstream, stream=True)
    for reply in (plain, streamed):
        assert reply.status == 200
        with pytest.raises(ValueError, match="Expecting"):
            _ = reply.json if reply is plain else reply.events
    assert streamed.body.count(b'"tok "') == 1


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize("style", ["openai", "groq", "openrouter"])
async def test_an_error_inside_a_200_stream_before_and_after_content(
    http: aiohttp.ClientSession, after: int, style: Any
) -> None:
    async with Upstream(faulty(StreamError(after=after, style=style))) as upstream:
        reply = await chat(http, upstream, stream=True)
    assert reply.status == 200
    assert reply.body.count(b'"tok "') == after
    assert "overloaded" in reply.events[-1]["error"]["message"]
    assert (b"event: error\n" in reply.body) is (style == "groq")
    assert ("choices" in reply.events[-1]) is (style == "openrouter")


async def test_an_error_inside_a_plain_200(http: aiohttp.ClientSession) -> None:
    async with Upstream(faulty(StreamError())) as upstream:
        reply = await chat(http, upstream)
    assert (reply.status, list(reply.json)) == (200, ["error"])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stall_is_silence_and_then_the_rest(http: aiohttp.ClientSession, stream: bool) -> None:
    async with Upstream(faulty(Stall(after=1, seconds=0.15))) as upstream:
        began = time.monotonic()
        reply = await chat(http, upstream, stream=stream)
        assert time.monotonic() - began >= 0.15
    assert reply.body.count(b"tok ") == 4
    assert upstream.log[0].end == "finished"


async def test_an_endless_stall_ends_when_the_client_leaves(http: aiohttp.ClientSession) -> None:
    async with Upstream(faulty(Stall(after=1))) as upstream:
        body = {"model": "m", "messages": PROMPT, "stream": True}
        async with http.post(f"{upstream.url}/chat/completions", json=body) as response:
            got = b""
            while b'"tok "' not in got:
                got += await response.content.readany()
            assert upstream.log.in_flight == 1
        await until(lambda: upstream.log.in_flight == 0)
        assert (upstream.log[0].end, upstream.log[0].output_tokens) == ("disconnected", 1)


async def test_slow_headers_come_late(http: aiohttp.ClientSession) -> None:
    async with Upstream(faulty(SlowHeaders(seconds=0.3, when=When(times=1)), speed=2)) as upstream:
        began = time.monotonic()
        assert (await chat(http, upstream)).status == 200
        assert time.monotonic() - began >= 0.15


async def test_a_redirect_names_the_other_port_and_sends_nothing_there(http: aiohttp.ClientSession) -> None:
    async with Upstream() as other, Upstream(faulty(Redirect(other.origin))) as upstream:
        reply = await chat(http, upstream)
        assert (reply.status, reply.headers["location"]) == (307, f"{other.url}/chat/completions")
        assert other.log.arrived == 0
        async with http.post(f"{upstream.url}/chat/completions", json={"messages": PROMPT}) as followed:
            assert followed.status == 200, "a client that follows gets there, and the log knows"
        assert other.log.arrived == 1


async def test_a_cookie_is_set_and_the_log_says_who_sent_it_back() -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        Upstream(Behaviour(set_cookie="session=1")) as upstream,
        aiohttp.ClientSession(cookie_jar=jar) as browser,
    ):
        assert (await chat(browser, upstream)).headers["set-cookie"] == "session=1"
        await chat(browser, upstream)
        assert [visit.cookie for visit in upstream.log] == [False, True]


async def test_a_dialect_changes_how_a_stream_looks(http: aiohttp.ClientSession) -> None:
    dialect = Dialect(comment="PROCESSING", crlf=True, chop=3, usage=False, done=False, rate_headers=False)
    async with Upstream(Behaviour(dialect=dialect, rpm=9, output_tokens=2)) as upstream:
        reply = await chat(http, upstream, stream=True, stream_options={"include_usage": True})
        plain = await chat(http, upstream)
    assert reply.body.startswith(b": PROCESSING\r\n\r\n")
    assert reply.text == "tok tok "
    assert b"[DONE]" not in reply.body
    assert b"usage" not in reply.body + plain.body
    assert b"\n" not in reply.body.replace(b"\r\n", b"")
    assert not any("ratelimit" in name for name in reply.headers)

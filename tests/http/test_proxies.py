"""Proxies and CA files come from the environment as with httpx."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import pytest

from router_core.http.transport import Transport
from tests.http.server import answer, replying, serving

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def get(url: str) -> httpx.Response:
    transport = Transport()
    try:
        response = await transport.handle_async_request(httpx.Request("GET", url))
        await response.aread()
        return response
    finally:
        await transport.aclose()


async def test_http_goes_through_the_proxy_with_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(replying(answer(b"from the proxy"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
        response = await get("http://upstream.invalid/v1")
    assert response.content == b"from the proxy"
    assert proxy.requests[0].head.startswith("GET http://upstream.invalid/v1 HTTP/1.1")
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")


async def test_https_asks_the_proxy_for_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(replying(answer(b"", "403 Forbidden"), close=True)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(httpx.ProxyError):
            await get("https://upstream.invalid/v1")
    assert proxy.requests[0].head.startswith("CONNECT upstream.invalid:443 HTTP/1.1")


@pytest.mark.parametrize("exception", ["127.0.0.1", "*", "127.0.0.1:{port}"])
async def test_no_proxy_goes_straight(monkeypatch: pytest.MonkeyPatch, exception: str) -> None:
    async with serving(replying(answer())) as proxy, serving(replying(answer(b"straight"))) as server:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exception.format(port=server.port))
        assert (await get(server.url)).content == b"straight"
        assert proxy.connections == 0


async def test_a_socks_proxy_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(httpx.UnsupportedProtocol, match="socks5"):
        await get("http://upstream.invalid")


async def test_ssl_cert_file_names_the_ca(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/absent.pem")
    with pytest.raises(FileNotFoundError):
        await get("https://127.0.0.1:1")


async def test_the_connect_timeout_covers_the_tls_handshake() -> None:
    async with serving(replying(b"")) as server, asyncio.timeout(5):
        transport = Transport(verify=ssl.create_default_context(), trust_env=False)
        url = f"https://127.0.0.1:{server.port}"
        with pytest.raises(httpx.ConnectTimeout):
            await transport.handle_async_request(
                httpx.Request("GET", url, extensions={"timeout": {"connect": 0.2, "read": 5}})
            )
        await transport.aclose()

"""Google's tokens, by an endpoint on loopback: fetched once for all who wait, off the event loop, renewed in time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from router_core import errors
from router_core.providers import HttpAdapter
from tests.dialects.gemini.deployments import KEY, chat, on_vertex
from tests.http.deployed import Straight
from tests.http.server import Request, Seen, answer, serving


@cache
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*text).decode()


def account(token_uri: str) -> dict[str, str]:
    """A service account's JSON, as Google's console writes it."""
    return {
        "type": "service_account",
        "project_id": "of-the-account",
        "private_key_id": "1",
        "private_key": private_key(),
        "client_email": "a@of-the-account.iam.gserviceaccount.com",
        "token_uri": f"{token_uri}/token",
    }


@asynccontextmanager
async def google(
    *, lives: int = 3600, status: str = "200 OK", body: Any = None, after: float = 0.0
) -> AsyncIterator[Seen]:
    """A token endpoint, each token another. `lives`: seconds; `after`: how long it takes, in seconds."""
    given = iter(range(1, 100))

    async def handler(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        token = {"access_token": f"token-{next(given)}", "expires_in": lives, "token_type": "Bearer"}
        writer.write(answer(json.dumps(body or token).encode(), status, "Content-Type: application/json"))
        await writer.drain()

    async with serving(handler) as server:
        yield server


async def signed(one: HttpAdapter) -> httpx.Headers:
    """The headers of a request as it would be sent."""
    await one._auth.prepare()
    return one.request(chat()).headers


async def test_a_token_is_fetched_once_for_all_who_wait_and_kept() -> None:
    async with google(after=0.05) as server:
        one = on_vertex(project="p", credentials=account(server.url))
        headers = await asyncio.gather(*(signed(one) for _ in range(30)))
        assert (await signed(one))["authorization"] == "Bearer token-1"
    assert {found["authorization"] for found in headers} == {"Bearer token-1"}
    assert len(server.requests) == 1
    assert b"jwt-bearer" in server.requests[0].body


async def test_the_event_loop_goes_on_meanwhile() -> None:
    ticks = 0
    async with google(after=0.2) as server:
        waiting = asyncio.create_task(signed(on_vertex(project="p", credentials=account(server.url))))
        while not waiting.done():
            await asyncio.sleep(0.01)
            ticks += 1
    assert ticks >= 10


async def test_whoever_gives_up_does_not_take_the_token_from_the_others() -> None:
    async with google(after=0.2) as server:
        one = on_vertex(project="p", credentials=account(server.url))
        first, second = asyncio.create_task(signed(one)), asyncio.create_task(signed(one))
        await asyncio.sleep(0.05)
        first.cancel()
        assert (await second)["authorization"] == "Bearer token-1"
    assert len(server.requests) == 1


async def test_in_its_last_minutes_a_token_is_used_while_the_next_is_fetched() -> None:
    async with google(lives=200) as server:
        one = on_vertex(project="p", credentials=account(server.url))
        assert (await signed(one))["authorization"] == "Bearer token-1"
        assert (await signed(one))["authorization"] == "Bearer token-1"
        for _ in range(200):
            if len(server.requests) > 1:
                break
            await asyncio.sleep(0.01)
    assert len(server.requests) > 1


async def test_event_loops_share_a_token() -> None:
    async with google(after=0.05) as server:
        one = on_vertex(project="p", credentials=account(server.url))
        elsewhere = [asyncio.to_thread(asyncio.run, signed(one)) for _ in range(4)]
        headers = await asyncio.gather(*elsewhere)
    assert {found["authorization"] for found in headers} == {"Bearer token-1"}
    assert len(server.requests) == 1


async def test_a_refusal_is_the_deployments_fault_and_shows_no_secret(sender: Straight) -> None:
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    async with google(status="400 Bad Request", body=refusal) as server:
        with pytest.raises(errors.AuthenticationError, match="invalid_grant") as caught:
            await on_vertex(project="p", credentials=account(server.url)).answer(chat(), sender)
    assert (caught.value.kind, caught.value.retryable, caught.value.deployment) == ("auth", True, "a")
    assert private_key() not in str(caught.value)


async def test_google_away_is_no_fault_of_the_credential(sender: Straight) -> None:
    with pytest.raises(errors.APIConnectionError, match="no token"):
        await on_vertex(project="p", credentials=account("http://127.0.0.1:1")).answer(chat(), sender)


@pytest.mark.parametrize("way", ["dict", "text", "file", "variable"])
async def test_credentials_are_a_dict_its_json_or_a_file(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with google() as server:
        info = account(server.url)
        file = tmp_path / "account.json"
        file.write_text(json.dumps(info))
        monkeypatch.setenv("VERTEXAI_CREDENTIALS", str(file) if way == "variable" else "")
        given: Any = {"dict": info, "text": json.dumps(info), "file": str(file), "variable": None}[way]
        one = on_vertex(credentials=given, location="global")
        headers = await signed(one)
        assert headers["authorization"] == "Bearer token-1"
        assert "/projects/of-the-account/locations/global/" in one.request(chat()).url.path


async def test_without_credentials_those_of_the_machine_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with google() as server:
        file = tmp_path / "account.json"
        file.write_text(json.dumps(account(server.url)))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert (await signed(on_vertex(project="p")))["authorization"] == "Bearer token-1"


async def test_without_credentials_anywhere_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sender: Straight
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(errors.AuthenticationError, match="no token"):
        await on_vertex(project="p").answer(chat(), sender)


async def test_written_credentials_count_before_a_key() -> None:
    async with google() as server:
        headers = await signed(on_vertex(KEY, project="p", credentials=account(server.url)))
    assert headers["authorization"] == "Bearer token-1"
    assert "x-goog-api-key" not in headers


@pytest.mark.parametrize(
    "given",
    ["/no/such/file.json", '{"private_key": "hush-hush', ["hush-hush"], {"type": "hush", "private_key": "hush-hush"}],
)
def test_credentials_nobody_can_read_are_a_fault_of_the_configuration(given: Any) -> None:
    with pytest.raises(errors.ConfigurationError, match="vertex_credentials") as caught:
        on_vertex(project="p", credentials=given)
    assert "hush-hush" not in str(caught.value)


SOURCE = {"audience": "//iam/a", "token_url": "https://sts.googleapis.com/v1/token"}
USER = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}


@pytest.mark.parametrize(
    ("info", "module"),
    [
        (USER, "google.oauth2.credentials"),
        (
            {
                "type": "external_account",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "credential_source": {"file": "/var/run/token"},
                **SOURCE,
            },
            "google.auth.identity_pool",
        ),
        (
            {
                "type": "external_account",
                "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
                "credential_source": {"environment_id": "aws1", "regional_cred_verification_url": "https://sts.x"},
                **SOURCE,
            },
            "google.auth.aws",
        ),
        (
            {
                "type": "impersonated_service_account",
                "source_credentials": USER,
                "service_account_impersonation_url": "https://iam/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
            },
            "google.auth.impersonated_credentials",
        ),
    ],
)
def test_each_type_of_credentials_is_made_by_its_own_class(info: Any, module: str) -> None:
    auth: Any = on_vertex(project="p", credentials=info)._auth
    assert type(auth._credentials).__module__ == module


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(errors.ConfigurationError, match=r"router-core\[vertex\]"):
        on_vertex(project="p")

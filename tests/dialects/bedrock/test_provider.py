"""The provider over real sockets: signatures as AWS checks them, credentials that expire, keys, regions, addresses."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from router_core.config import load
from router_core.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    RateLimitError,
)
from router_core.providers import PROVIDERS, Adapter, Call, adapter_for
from tests.dialects.bedrock.kit import ARN, NOVA, SONNET, delta, end, events, frame
from tests.http.deployed import Straight
from tests.http.server import Request, answer, replying, serving

WHOLE = json.dumps(
    {"output": {"message": {"content": [{"text": "hello"}]}}, "stopReason": "end_turn", "metrics": {"latencyMs": 1}}
).encode()
KEYS: dict[str, Any] = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "the-secret-of-it"}
WEST: dict[str, Any] = {"aws_region_name": "us-west-2"}
ROLE: dict[str, Any] = {"aws_role_name": "arn:aws:iam::123456789012:role/r"}
HELLO = Call("chat", {"messages": [{"role": "user", "content": "é"}]})


@pytest.fixture(autouse=True)
def _no_aws_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def adapter(model: str = f"bedrock/{SONNET}", environ: Mapping[str, str] | None = None, **params: Any) -> Adapter:
    entry = {"model_name": "m", "litellm_params": {"model": model, **params}}
    _, (deployment, *_) = load([entry], environ=environ or {}, providers=tuple(PROVIDERS))
    return adapter_for(deployment)


def signed_as_sent(request: Request, secret: str, region: str) -> bool:
    """Signature version 4, worked out from what arrived, by AWS's description of it."""
    method, path, _ = request.head.split("\r\n")[0].split(" ")
    parts = request.headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    told = dict(part.split("=", 1) for part in parts)
    names = told["SignedHeaders"].split(";")
    canonical = [method, quote(path, safe="/-_.~"), ""]
    canonical += [f"{name}:{request.headers[name]}" for name in names]
    canonical += ["", told["SignedHeaders"], hashlib.sha256(request.body).hexdigest()]
    moment = request.headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/bedrock/aws4_request"
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return told["Signature"] == key.hex() and told["Credential"].endswith(scope) and {"host", "x-amz-date"} <= {*names}


async def ask(adapter: Adapter, sender: Straight, call: Call = HELLO) -> Any:
    return await adapter.answer(call, sender)


@pytest.mark.parametrize("model", [SONNET, ARN, f"converse/{NOVA}", f"us-west-2/{NOVA}"])
async def test_the_signature_is_that_of_what_arrives(model: str, sender: Straight) -> None:
    """Host, path and body are signed as they reach the socket, whatever is in the model's id."""
    async with serving(replying(answer(WHOLE, "200 OK", "Content-Type: application/json"))) as server:
        ours = adapter(f"bedrock/{model}", api_base=server.url, **KEYS, **WEST, aws_session_token="the-session-token")
        found = await ask(
            ours, sender, Call("chat", {**HELLO.body, "extra_headers": {"X-Amzn-Bedrock-Trace": "ENABLED"}})
        )
    (request,) = server.requests
    assert found.choices[0].message.content == "hello"
    assert signed_as_sent(request, "the-secret-of-it", "us-west-2")
    assert request.headers["x-amz-security-token"] == "the-session-token"
    assert "x-amzn-bedrock-trace" in request.headers["authorization"]


@pytest.mark.parametrize("params", [{"api_key": "a-key-x"}, {"environ": {"AWS_BEARER_TOKEN_BEDROCK": "a-key-x"}}])
@pytest.mark.parametrize("provider", ["bedrock", "bedrock_converse"])
async def test_a_key_is_a_bearers(params: Any, provider: str, sender: Straight) -> None:
    async with serving(replying(answer(WHOLE, "200 OK", "Content-Type: application/json"))) as server:
        await ask(adapter(f"{provider}/{SONNET}", api_base=server.url, **params), sender)
        await ask(adapter(f"{provider}/{SONNET}", api_base=server.url, **{**params, **KEYS, **WEST}), sender)
    bearer, signed = server.requests
    assert bearer.headers["authorization"] == "Bearer a-key-x"
    assert signed.headers["authorization"].startswith("AWS4-HMAC-SHA256")  # written for the deployment: they count more


@pytest.fixture
def count(tmp_path: Path) -> Callable[[], int]:
    """A profile `p` whose keys a process gives: how often it was asked."""
    asked, script = tmp_path / "count", tmp_path / "keys.py"
    asked.touch()
    script.write_text(
        f"""
import datetime, json, pathlib
asked = pathlib.Path({str(asked)!r})
asked.write_text(asked.read_text() + "x")
end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
key = f"AKIA{{len(asked.read_text())}}"
print(json.dumps({{"Version": 1, "AccessKeyId": key, "SecretAccessKey": "s", "Expiration": end.isoformat()}}))
"""
    )
    process = f"credential_process = {sys.executable} {script}"
    (tmp_path / "config").write_text(f"[profile p]\nregion = eu-west-3\n{process}\n")
    return lambda: len(asked.read_text())


async def test_credentials_are_renewed_once_for_all_who_wait(count: Callable[[], int], sender: Straight) -> None:
    async with serving(replying(answer(WHOLE, "200 OK", "Content-Type: application/json"))) as server:
        ours: Any = adapter(api_base=server.url, aws_profile_name="p")
        for minutes, asked in ((0, 1), (60, 1), (2, 2), (60, 2)):
            if minutes:  # left until they expire
                ours._auth._credentials._expiry_time = datetime.now(UTC) + timedelta(minutes=minutes)
            await asyncio.gather(*(ask(ours, sender) for _ in range(20)))
            assert count() == asked
    named = [request.headers["authorization"].split("Credential=")[1].split("/") for request in server.requests]
    assert [(key, region) for key, _, region, *_ in named] == [("AKIA1", "eu-west-3")] * 40 + [
        ("AKIA2", "eu-west-3")
    ] * 40


async def test_nobody_waits_for_credentials_that_are_good_for_a_while(
    count: Callable[[], int], sender: Straight
) -> None:
    async with serving(replying(answer(WHOLE, "200 OK", "Content-Type: application/json"))) as server:
        ours: Any = adapter(api_base=server.url, aws_profile_name="p")
        await ask(ours, sender)
        ours._auth._credentials._expiry_time = datetime.now(UTC) + timedelta(minutes=12)
        await ask(ours, sender)
        await asyncio.wait_for(asyncio.wrap_future(ours._auth._renewal), 30)
        await ask(ours, sender)
    named = [request.headers["authorization"].split("Credential=")[1].split("/")[0] for request in server.requests]
    assert named == ["AKIA1", "AKIA1", "AKIA2"]


@pytest.mark.parametrize(
    ("params", "action"),
    [
        ({**KEYS, "aws_session_name": "mine", "aws_external_id": "external"}, "AssumeRole"),
        ({"aws_web_identity_token": "a-token"}, "AssumeRoleWithWebIdentity"),
    ],
)
async def test_a_role_is_assumed(params: Any, action: str, sender: Straight) -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    named = {
        "AccessKeyId": "ASIAROLE",
        "SecretAccessKey": "role-secret",
        "SessionToken": "role-token",
        "Expiration": end,
    }
    given = "".join(f"<{name}>{value}</{name}>" for name, value in named.items())
    result = f"<{action}Result><Credentials>{given}</Credentials></{action}Result>"
    reply = f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{result}</{action}Response>'
    async with (
        serving(replying(answer(reply.encode(), "200 OK", "Content-Type: text/xml"))) as sts,
        serving(replying(answer(WHOLE, "200 OK", "Content-Type: application/json"))) as server,
    ):
        ours = adapter(api_base=server.url, aws_sts_endpoint=sts.url, **WEST, **ROLE, **params)
        await asyncio.gather(ask(ours, sender), ask(ours, sender))
    (asked,) = sts.requests
    assert f"Action={action}&" in asked.body.decode()
    assert f"RoleSessionName={params.get('aws_session_name', 'router-core')}" in asked.body.decode()
    assert all(signed_as_sent(request, "role-secret", "us-west-2") for request in server.requests)
    assert server.requests[0].headers["x-amz-security-token"] == "role-token"


@pytest.mark.slow
async def test_a_token_in_a_file_is_read_when_it_is_needed(tmp_path: Path, sender: Straight) -> None:
    refusal = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    token = tmp_path / "token"
    async with serving(replying(answer(refusal, "403 Forbidden", "Content-Type: text/xml"))) as sts:
        ours = adapter(**WEST, **ROLE, aws_web_identity_token=str(token), aws_sts_endpoint=sts.url)
        token.write_text("later\n")
        with pytest.raises(AuthenticationError, match="AccessDenied") as caught:
            await ask(ours, sender)
    assert "WebIdentityToken=later&" in sts.requests[0].body.decode() + "&"
    assert (caught.value.llm_provider, caught.value.kind) == ("bedrock", "auth")


async def test_without_credentials_it_is_the_deployments_fault(sender: Straight) -> None:
    with pytest.raises(AuthenticationError, match="no AWS credentials: LookupError"):
        await ask(adapter(**WEST), sender)
    with pytest.raises(APIConnectionError, match="EndpointConnectionError"):
        await ask(adapter(**WEST, **KEYS, **ROLE, aws_sts_endpoint="http://127.0.0.1:1"), sender)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"aws_access_key_id": "AKIAEXAMPLE"}, "belong together"),
        ({"aws_web_identity_token": "t"}, "needs an aws_role_name"),
        ({"api_key": "k", "aws_region_name": ""}, "needs aws_region_name"),
    ],
)
def test_what_cannot_work_is_said_at_once(params: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        adapter(**{**WEST, **params})


def test_the_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("eventstream", "auth", "session"):
        monkeypatch.setitem(sys.modules, f"botocore.{module}", None)
    for params in ({"api_key": "k"}, KEYS):
        with pytest.raises(ConfigurationError, match=r"pip install 'router-core\[bedrock\]'"):
            adapter(**WEST, **params)


async def test_the_address_follows_the_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is written first: parameter, name, ARN, endpoint; then the environment; then the AWS files."""

    async def host(model: str = SONNET, **params: Any) -> str:
        asked: list[httpx.Request] = []

        class Listener(Straight):
            async def send(self, request: httpx.Request) -> httpx.Response:
                asked.append(request)
                return httpx.Response(200, content=WHOLE)

        await ask(adapter(f"bedrock/{model}", **{**KEYS, **params}), Listener())
        scope = asked[0].headers["authorization"].split("/")[2]
        return f"{asked[0].url.host} {scope}"

    (tmp_path / "config").write_text("[default]\nregion = sa-east-1\n")
    assert await host() == "bedrock-runtime.sa-east-1.amazonaws.com sa-east-1"
    for at, name in enumerate(("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_REGION_NAME"), 1):
        monkeypatch.setenv(name, f"us-east-{at}")
        assert await host() == f"bedrock-runtime.us-east-{at}.amazonaws.com us-east-{at}"
    assert (await host(ARN)).endswith(" eu-west-1")
    assert (await host(f"ap-south-1/{NOVA}")).endswith(" ap-south-1")
    assert await host(ARN, **WEST) == "bedrock-runtime.us-west-2.amazonaws.com us-west-2"
    assert await host(aws_region_name="cn-north-1") == "bedrock-runtime.cn-north-1.amazonaws.com.cn cn-north-1"
    vpce = "https://vpce-0a1b-x.bedrock-runtime.eu-central-1.vpce.amazonaws.com"
    assert await host(aws_bedrock_runtime_endpoint=vpce) == f"{vpce[8:]} eu-central-1"


async def test_a_stream_in_frames_and_its_errors(sender: Straight) -> None:
    said = delta(0, {"text": "o"}), delta(0, {"text": "k"})
    throttled = frame("throttlingException", {"message": "Too many tokens, please wait"}, kind="exception")
    head = "Content-Type: application/vnd.amazon.eventstream"
    call = Call("chat", HELLO.body, stream=True)

    async def texts(body: bytes) -> list[Any]:
        async with serving(replying(answer(body, "200 OK", head))) as server:
            ours = adapter(api_base=server.url, api_key="k")
            return [one["choices"][0]["delta"].get("content") async for one in await ours.chunks(call, sender)]

    assert (await texts(events(*said, end())))[:2] == ["o", "k"]
    with pytest.raises(RateLimitError, match="please wait"):
        await texts(frame(*said[0]) + throttled)
    with pytest.raises(APIConnectionError, match="without messageStop"):
        await texts(frame(*said[0]))


def test_nothing_shows_a_secret() -> None:
    shown = repr(vars(adapter(**WEST, **KEYS, aws_session_token="the-session-token")))
    assert "the-secret-of-it" not in shown
    assert "the-session-token" not in shown

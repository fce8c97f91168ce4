"""Both providers: where they are, who asks, what each model speaks there, and how they fail, over real sockets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from router_core import errors
from router_core.providers import Call
from tests.dialects.gemini.deployments import KEY, adapter, chat, on_vertex
from tests.dialects.gemini.said import HI, answered
from tests.http.deployed import Straight
from tests.http.server import answer, replying, serving

PROJECT = "/v1beta1/projects/p/locations"
GEMINI = "publishers/google/models/gemini-2.5-flash:generateContent"


def sse(*payloads: Any) -> bytes:
    body = "".join(f"data: {json.dumps(payload)}\r\n\r\n" for payload in payloads).encode()
    return answer(body, "200 OK", "Content-Type: text/event-stream")


def test_ai_studio_has_its_address_and_its_header() -> None:
    request = adapter().request(chat())
    base = "https://generativelanguage.googleapis.com/v1beta"
    assert str(request.url) == f"{base}/models/gemini-2.5-flash:generateContent"
    assert request.headers["x-goog-api-key"] == KEY
    assert adapter(api_base="https://proxy/x/").request(chat(stream=True)).url.path.startswith("/x/models/")


async def test_without_a_key_it_is_said_which_to_set(sender: Straight) -> None:
    with pytest.raises(errors.AuthenticationError, match="GEMINI_API_KEY or GOOGLE_API_KEY"):
        await adapter(api_key=None).answer(chat(), sender)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("us-central1", f"https://us-central1-aiplatform.googleapis.com{PROJECT}/us-central1/{GEMINI}"),
        ("global", f"https://aiplatform.googleapis.com{PROJECT}/global/{GEMINI}"),
        ("eu", f"https://aiplatform.eu.rep.googleapis.com{PROJECT}/eu/{GEMINI}"),
        (None, f"https://us-central1-aiplatform.googleapis.com{PROJECT}/us-central1/{GEMINI}"),
    ],
)
def test_vertex_is_where_its_location_is(location: str | None, url: str) -> None:
    request = on_vertex(KEY, project="p", location=location).request(chat())
    assert str(request.url) == url
    assert request.headers["x-goog-api-key"] == KEY


def test_variables_say_where_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTEXAI_LOCATION", "europe-west4")
    request = on_vertex(KEY, project="p").request(chat())
    assert request.url.host == "europe-west4-aiplatform.googleapis.com"
    with pytest.raises(errors.ConfigurationError, match="vertex_project or VERTEXAI_PROJECT"):
        on_vertex()


def test_a_key_without_a_project_is_express_mode() -> None:
    assert str(on_vertex(KEY).request(chat()).url) == f"https://aiplatform.googleapis.com/v1beta1/{GEMINI}"


@pytest.mark.parametrize(
    ("api_base", "path"),
    [
        ("http://127.0.0.1:1", f"{PROJECT}/us-central1/{GEMINI}"),
        ("http://127.0.0.1:1/v1/", f"/v1/projects/p/locations/us-central1/{GEMINI}"),
        ("http://127.0.0.1:1/v1/projects/q/locations/l", f"/v1/projects/q/locations/l/{GEMINI}"),
        (
            "http://127.0.0.1:1/v1/projects/q/locations/l/publishers/google/models/gemini-2.5-flash",
            f"/v1/projects/q/locations/l/{GEMINI}",
        ),
    ],
)
def test_an_api_base_may_end_anywhere(api_base: str, path: str) -> None:
    assert on_vertex(KEY, api_base, project="p").request(chat()).url.path == path


@pytest.mark.parametrize(
    ("model", "kind", "path"),
    [
        ("claude-sonnet-4-5@20250929", "chat", "/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"),
        (
            "claude-sonnet-4-5@20250929",
            "messages",
            "/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        ("meta/llama-4-scout", "chat", "/endpoints/openapi/chat/completions"),
        ("4321", "chat", "/endpoints/4321:generateContent"),
        ("text-embedding-005", "embedding", "/publishers/google/models/text-embedding-005:predict"),
        ("imagen-4.0-generate-001", "image_generation", "/publishers/google/models/imagen-4.0-generate-001:predict"),
    ],
)
def test_each_model_is_spoken_to_in_its_own_words(model: str, kind: Any, path: str) -> None:
    body = {"messages": HI, "max_tokens": 5} if kind in ("chat", "messages") else {"input": "a", "prompt": "a"}
    body = {"input": "a"} if kind == "embedding" else body if "messages" in body else {"prompt": "a"}
    request = on_vertex(KEY, project="p", location="global", model=model).request(Call(kind, body))
    assert request.url.path == f"{PROJECT}/global{path}"


@pytest.mark.parametrize("model", ["claude-opus-4-1", "gemini-2.5-pro", "meta/llama-4-scout"])
def test_a_wildcard_leaves_open_whose_model_it_is(model: str) -> None:
    named = on_vertex(KEY, project="p", model=model).request(chat(max_tokens=5))
    any_of_them = on_vertex(KEY, project="p", model="*")
    called = any_of_them.request(replace(chat(max_tokens=5), captured=(model,)))
    assert (called.url, called.content) == (named.url, named.content)


async def test_a_wildcard_reads_what_the_model_says_and_refuses_what_it_lacks(sender: Straight) -> None:
    one = on_vertex(KEY, project="p", model="*")
    with pytest.raises(errors.UnsupportedParamsError, match="logit_bias"):
        one.request(replace(chat(logit_bias={"1": 1}), captured=("gemini-2.5-pro",)))
    with pytest.raises(errors.BadRequestError, match="no embedding calls"):
        one.request(Call("embedding", {"input": "a"}, captured=("claude-opus-4-1",)))
    async with serving(replying(sse(answered({"text": "hello"})), close=True)) as server:
        call = replace(chat(stream=True), captured=("gemini-2.5-pro",))
        chunks: list[Any] = [c async for c in await on_vertex(KEY, server.url, model="*").chunks(call, sender)]
    assert chunks[0].choices[0].delta.content == "hello"


def test_claude_is_streamed_by_another_method() -> None:
    one = on_vertex(KEY, project="p", location="global", model="claude-opus-4-1")
    request = one.request(chat(stream=True, max_tokens=5))
    assert request.url.path.endswith(":streamRawPredict")
    assert json.loads(request.content)["anthropic_version"] == "vertex-2023-10-16"


async def test_an_answer_and_a_stream(sender: Straight) -> None:
    async with serving(replying(answer(json.dumps(answered({"text": "hello"})).encode()))) as server:
        said: Any = await adapter(api_base=server.url).answer(chat(), sender)
    assert said.choices[0].message.content == "hello"
    async with serving(
        replying(sse(answered({"text": "hel"}, finish=None), answered({"text": "lo"})), close=True)
    ) as server:
        chunks: list[Any] = [c async for c in await on_vertex(KEY, server.url).chunks(chat(stream=True), sender)]
    assert "".join(chunk.choices[0].delta.get("content") or "" for chunk in chunks) == "hello"
    assert server.requests[0].head.startswith("POST /v1beta1/publishers/google/models/gemini-2.5-flash:streamGenerate")
    assert "?alt=sse " in server.requests[0].head


def failure(code: int, status: str, message: str, *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


BAD_KEY = failure(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"})
EXPIRED = failure(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", {"reason": "API_KEY_INVALID"})
QUOTA = failure(
    429,
    "RESOURCE_EXHAUSTED",
    "You exceeded your current quota, please check your plan and billing details.",
    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"},
)
DISABLED = failure(
    403, "PERMISSION_DENIED", "Vertex AI API has not been used in project p", {"reason": "SERVICE_DISABLED"}
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "retry_after"),
    [
        (400, BAD_KEY, errors.AuthenticationError, None),
        (400, [EXPIRED], errors.AuthenticationError, None),
        (401, failure(401, "UNAUTHENTICATED", "Request had invalid credentials."), errors.AuthenticationError, None),
        (403, DISABLED, errors.PermissionDeniedError, None),
        (404, failure(404, "NOT_FOUND", "models/x is not found"), errors.NotFoundError, None),
        (429, QUOTA, errors.RateLimitError, 37),
        (429, [QUOTA], errors.RateLimitError, 37),
        (
            400,
            failure(
                400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8)."
            ),
            errors.ContextWindowExceededError,
            None,
        ),
        (500, failure(500, "INTERNAL", "An internal error has occurred."), errors.InternalServerError, None),
        (503, failure(503, "UNAVAILABLE", "The model is overloaded."), errors.ServiceUnavailableError, None),
        (504, failure(504, "DEADLINE_EXCEEDED", "Deadline expired"), errors.Timeout, None),
        (200, {"promptFeedback": {"blockReason": "SAFETY"}}, errors.ContentPolicyViolationError, None),
        (200, {"usageMetadata": {}}, errors.MalformedAnswerError, None),
    ],
)
async def test_failures_have_their_class(sender: Straight, status: int, body: Any, kind: Any, retry_after: Any) -> None:
    async with serving(replying(answer(json.dumps(body).encode(), f"{status} X"))) as server:
        with pytest.raises(kind) as caught:
            await adapter(api_base=server.url).answer(chat(), sender)
    assert type(caught.value) is kind
    assert caught.value.retry_after == retry_after


async def test_overload_within_a_stream_is_classified(sender: Straight) -> None:
    overloaded = failure(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
    async with serving(replying(sse(answered({"text": "a"}, finish=None), overloaded), close=True)) as server:
        chunks = await adapter(api_base=server.url).chunks(chat(stream=True), sender)
        with pytest.raises(errors.ServiceUnavailableError):
            _ = [chunk async for chunk in chunks]

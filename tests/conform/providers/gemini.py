"""Recordings of Gemini at AI Studio and at Vertex AI, against google-genai."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import types

from tests.conform.kit import NotOurs, OurCall, Recording, Seen, vectors

SDK = "google-genai"

_PATH = re.compile(
    r"/v\w+(/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/publishers/google)?"
    r"/models/(?P<model>[^/:]+):(?P<method>\w+)"
)
_AS_IT_IS = ("args", "response", "parametersJsonSchema", "responseJsonSchema")
_SIZES = {"temperature": "temperature", "maxOutputTokens": "max_tokens", "stopSequences": "stop"}


def call_of(recording: Recording) -> OurCall:
    found = _PATH.fullmatch(recording.path)
    if found is None:
        raise NotOurs("a token of Google's OAuth" if recording.path == "/token" else recording.path)
    if found["method"] == "countTokens":
        raise NotOurs("count_tokens")
    params = {"model": f"gemini/{found['model']}"}
    if found["project"]:
        place = {"vertex_project": found["project"], "vertex_location": found["location"]}
        params = {"model": f"vertex_ai/{found['model']}", **place}
    request = spelled(recording.request)
    if found["method"] in ("batchEmbedContents", "embedContent"):
        return OurCall("embedding", _embedding(request), params)
    return OurCall("chat", _chat(request), params)


def _embedding(request: Mapping[str, Any]) -> dict[str, Any]:
    requests = request.get("requests") or [request]
    names = {"outputDimensionality": "dimensions", "taskType": "task_type"}
    given = {ours: requests[0][theirs] for theirs, ours in names.items() if theirs in requests[0]}
    return {"input": [one["content"]["parts"][0]["text"] for one in requests], **given}


def _chat(request: Mapping[str, Any]) -> dict[str, Any]:
    config = request.get("generationConfig", {})
    call: dict[str, Any] = {"messages": list(_messages(request))}
    call |= {ours: config[theirs] for theirs, ours in _SIZES.items() if theirs in config}
    if "responseModalities" in config:
        call["modalities"] = [one.lower() for one in config["responseModalities"]]
    if "responseJsonSchema" in config:
        schema = {"name": "answer", "schema": config["responseJsonSchema"]}
        call["response_format"] = {"type": "json_schema", "json_schema": schema}
    thinking = config.get("thinkingConfig", {})
    if "thinkingLevel" in thinking:
        call["reasoning_effort"] = thinking["thinkingLevel"]
    elif "thinkingBudget" in thinking:
        call["thinking"] = {"type": "enabled" if thinking["thinkingBudget"] else "disabled"}
    if "tools" in request:
        call["tools"] = [one for tool in request["tools"] for one in _tools(tool)]
    return call


def _tools(tool: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for declared in tool.get("functionDeclarations", ()):
        function = {name: declared[name] for name in ("name", "description") if name in declared}
        schema = declared.get("parametersJsonSchema")
        yield {"type": "function", "function": {**function, **({} if schema is None else {"parameters": schema})}}
    if "functionDeclarations" not in tool:
        yield dict(tool)


def _messages(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if "systemInstruction" in request:
        yield {"role": "system", "content": "".join(part["text"] for part in request["systemInstruction"]["parts"])}
    made = pending = 0
    for content in request["contents"]:
        parts = content["parts"]
        if content["role"] == "model":
            calls = [part for part in parts if "functionCall" in part]
            yield _said(parts, [_called(part, made + index) for index, part in enumerate(calls)])
            pending, made = made, made + len(calls)
        elif "functionResponse" in parts[0]:
            for index, part in enumerate(parts):
                yield _result(part["functionResponse"], pending + index)
        else:
            yield {"role": "user", "content": [_part(part) for part in parts]}


def _said(parts: Sequence[Mapping[str, Any]], calls: list[dict[str, Any]]) -> dict[str, Any]:
    text = "".join(part["text"] for part in parts if "text" in part)
    return {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}


def _called(part: Mapping[str, Any], number: int) -> dict[str, Any]:
    call = part["functionCall"]
    function = {"name": call["name"], "arguments": _json(call["args"])}
    made = {"id": call.get("id") or _made_up(number), "type": "function", "function": function}
    signature = part.get("thoughtSignature")
    return {**made, "provider_specific_fields": {"thought_signature": signature}} if signature else made


def _result(response: Mapping[str, Any], number: int) -> dict[str, Any]:
    text = {"type": "text", "text": _json(response["response"])}
    files = [_part(part) for part in response.get("parts", ())]
    return {"role": "tool", "tool_call_id": response.get("id") or _made_up(number), "content": [text, *files]}


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    if "inlineData" in part:
        data = part["inlineData"]
        return {"type": "file", "file": {"file_data": f"data:{data['mimeType']};base64,{data['data']}"}}
    file = part["fileData"]
    return {"type": "file", "file": {"file_id": file["fileUri"], "format": file["mimeType"]}}


def _made_up(number: int) -> str:
    return f"call_{number:024x}"


def _json(value: Any) -> str:

    return json.dumps(value)


def path_of(recording: Recording) -> str:
    """v1beta1 has what v1 has."""
    return re.sub(r"^/v1/", "/v1beta1/", recording.path)


def significant_query(query: dict[str, str]) -> dict[str, str]:
    """Google's older library asks for enums as numbers."""
    return {name: value for name, value in query.items() if name not in ("$alt", "key")}


def significant(body: dict[str, Any]) -> dict[str, Any]:
    """One spelling, one way to give schemas, no roles where there is one only, and nothing that says nothing."""
    said: dict[str, Any] = spelled(body)
    said.get("systemInstruction", {}).pop("role", None)
    config = said.get("generationConfig", {})
    if config.get("thinkingConfig", {}).get("includeThoughts") is False:
        del config["thinkingConfig"]["includeThoughts"]
    return {name: value for name, value in said.items() if value != {}}


def spelled(node: Any) -> Any:
    """camelCase throughout, as Google takes either; OpenAPI's schemas as JSON schemas."""
    if isinstance(node, list):
        return [spelled(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): value for name, value in node.items()}
    if "parameters" in named:
        named["parametersJsonSchema"] = _json_schema(named.pop("parameters"))
    return {name: value if name in _AS_IT_IS else spelled(value) for name, value in named.items()}


def _json_schema(node: Any) -> Any:
    if isinstance(node, list):
        return [_json_schema(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    schema = {name: _json_schema(value) for name, value in node.items()}
    if isinstance(schema.get("type"), str):
        schema["type"] = schema["type"].lower()
    return schema


async def oracle(recording: Recording, url: str) -> Seen:
    client = _client(recording, url)
    model = "gemini-2.5-flash"
    call = call_of(recording)
    if call.kind == "embedding":
        return await _embedded(client, call)
    if not recording.is_stream:
        return _seen([await client.aio.models.generate_content(model=model, contents="x")])
    return _seen([chunk async for chunk in await client.aio.models.generate_content_stream(model=model, contents="x")])


def _client(recording: Recording, url: str) -> Any:
    options = types.HttpOptions(base_url=url)
    if recording.provider == "gemini":
        return genai.Client(api_key="key", http_options=options)
    credentials = AnonymousCredentials()
    credentials.token = "token"
    return genai.Client(vertexai=True, project="p", location="global", credentials=credentials, http_options=options)


async def _embedded(client: Any, call: OurCall) -> Seen:
    model = str(call.params["model"]).partition("/")[2]
    answer = await client.aio.models.embed_content(model=model, contents=call.arguments["input"])
    counts = [one.statistics.token_count for one in answer.embeddings if one.statistics]
    usage = getattr(answer, "usage_metadata", None)
    sent = usage.prompt_token_count if usage else int(sum(counts)) if counts else None
    return Seen(usage=(sent, None, None), data=vectors([one.values for one in answer.embeddings]))


def _seen(answers: Sequence[Any]) -> Seen:
    parts = [part for one in answers for part in _parts(one)]
    calls = [(part.function_call.name, part.function_call.args) for part in parts if part.function_call]
    reasons = [one.candidates[0].finish_reason for one in answers if one.candidates and one.candidates[0].finish_reason]
    finish = {"STOP": "tool_calls" if calls else "stop", "MAX_TOKENS": "length"}[reasons[-1].value]
    usage = answers[-1].usage_metadata
    return Seen(
        text="".join(part.text for part in parts if part.text and not part.thought),
        reasoning="".join(part.text for part in parts if part.text and part.thought),
        tool_calls=calls,
        finish_reason=finish,
        usage=(
            (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
            (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            usage.cached_content_token_count,
        ),
    )


def _parts(answer: Any) -> Sequence[Any]:
    content = answer.candidates[0].content if answer.candidates else None
    return content.parts or [] if content else []

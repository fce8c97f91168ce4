"""Bedrock's recordings, and what `boto3` makes of their answers.

Converse as chats; by invoke Claude as native calls (`anthropic_messages`), Nova as chats, the texts of Titan, Llama and
Mistral as completions.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3
from botocore.config import Config

from tests.conform import reading
from tests.conform.kit import NotOurs, OurCall, Recording, Seen, vectors

SDK = "boto3"
_FINISH = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
    "LENGTH": "length",
    "FINISH": "stop",
}
_INFERENCE = {
    "maxTokens": "max_completion_tokens",
    "max_new_tokens": "max_completion_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "stopSequences": "stop",
}
_TEXT = {
    "maxTokenCount": "max_tokens",
    "max_gen_len": "max_tokens",
    "topP": "top_p",
    "stopSequences": "stop",
    "inputText": "prompt",
}
_METRICS = "amazon-bedrock-invocationMetrics"


def call_of(recording: Recording) -> OurCall:
    _, _, model, operation = recording.path.split("/")
    if operation == "count-tokens":
        raise NotOurs("count_tokens")
    if recording.request is None:
        raise NotOurs("a request without a body")
    native = {**copy.deepcopy(recording.request), "stream": "stream" in operation}
    if operation.startswith("converse"):
        return OurCall("chat", _chat(native), _params(model))
    if "embed" in model:
        return OurCall("embedding", {**native, "input": native.pop("texts")}, _params(model))
    if "anthropic" in model:
        return OurCall("messages", {k: v for k, v in native.items() if k != "anthropic_version"}, _params(model))
    if "nova" in model:
        native.pop("schemaVersion")
        return OurCall("chat", _chat(native), _params(f"invoke/{model}"))
    flat = {**native, **native.pop("textGenerationConfig", {})}
    flat.pop("textGenerationConfig", None)
    return OurCall("completion", {_TEXT.get(k, k): v for k, v in flat.items()}, _params(f"invoke/{model}"))


async def oracle(recording: Recording, url: str) -> Seen:
    return await asyncio.to_thread(_ask, recording, url)


def significant(body: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty or so anyway; turns joined; results of tools as texts, which say the same as objects."""
    inference = body.get("inferenceConfig", {})
    if "max_new_tokens" in inference:
        inference["maxTokens"] = inference.pop("max_new_tokens")
    if isinstance(body.get("messages"), list):
        body["messages"] = list(_joined(body["messages"]))
    for message in body.get("messages", ()):
        for block in message["content"] if isinstance(message["content"], list) else ():
            _simplify(block)
    return {name: value for name, value in body.items() if value not in ({}, [])}


def _params(model: str) -> dict[str, Any]:
    return {"model": f"bedrock/{model}", "aws_region_name": "us-east-1"}


# The request, back into OpenAI's words.


def _chat(native: dict[str, Any]) -> dict[str, Any]:
    system = _parts(native.pop("system", ()))
    messages = [{"role": "system", "content": system}] if system else []
    messages += [turn for message in native.pop("messages") for turn in _turns(message)]
    arguments: dict[str, Any] = {"messages": messages}
    for name, value in native.pop("inferenceConfig", {}).items():
        arguments[_INFERENCE[name]] = value
    fields = native.pop("additionalModelRequestFields", {})
    if "inferenceConfig" in fields:
        arguments["top_k"] = fields.pop("inferenceConfig")["topK"]
    tools = native.pop("toolConfig", {})
    if "tools" in tools:
        arguments["tools"] = [_tool(tool) for tool in tools["tools"]]
    if "toolChoice" in tools:
        arguments["tool_choice"] = {"auto": "auto", "any": "required"}[next(iter(tools["toolChoice"]))]
    return {**arguments, **fields, **native}


def _turns(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    blocks = message["content"]
    for block in blocks:
        if "toolResult" in block:
            result = block["toolResult"]
            content = _parts(result["content"])
            yield {"role": "tool", "tool_call_id": result["toolUseId"], "content": content}
    parts = _parts(block for block in blocks if not {"toolResult", "toolUse"} & block.keys())
    uses = [_use(block["toolUse"]) for block in blocks if "toolUse" in block]
    if parts or uses:
        yield {"role": message["role"], "content": parts or None, **({"tool_calls": uses} if uses else {})}


def _parts(blocks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for block in blocks:
        if "cachePoint" in block:
            parts[-1]["cache_control"] = {"type": "ephemeral"}
        else:
            parts.append(_part(block))
    return parts


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    if "json" in block:
        return {"type": "text", "text": json.dumps(block["json"])}
    kind, media = next(iter(block.items()))
    place = media["source"]["s3Location"]["uri"]
    if kind == "document":
        return {"type": "file", "file": {"file_id": place, "filename": f"{media['name']}.{media['format']}"}}
    return {"type": "image_url", "image_url": {"url": place}}


def _use(use: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": use["name"], "arguments": json.dumps(use["input"])}
    return {"id": use["toolUseId"], "type": "function", "function": function}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if "toolSpec" not in tool:
        return dict(tool)
    spec = tool["toolSpec"]
    about = {name: spec[name] for name in ("name", "description") if name in spec}
    return {"type": "function", "function": {**about, "parameters": spec["inputSchema"]["json"]}}


def _joined(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    last: dict[str, Any] = {}
    for message in messages:
        if last and last["role"] == message["role"]:
            last["content"] = [*last["content"], *message["content"]]
            continue
        if last:
            yield last
        last = message
    yield last


def _simplify(block: dict[str, Any]) -> None:
    result = block.get("toolResult", {})
    if result.get("status") == "success":
        del result["status"]
    for one in result.get("content", ()):
        if "json" in one:
            one["text"] = json.dumps(one.pop("json"))


# What boto3 reads.


def _ask(recording: Recording, url: str) -> Seen:
    _, _, model, operation = recording.path.split("/")
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )
    try:
        if operation == "converse":
            return _conversed(client.converse(modelId=model, **recording.request))
        if operation == "converse-stream":
            return _streamed(client.converse_stream(modelId=model, **recording.request)["stream"])
        if operation == "invoke":
            answer = client.invoke_model(modelId=model, body=recording.request_body)
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            return _invoked(model, [json.loads(answer["body"].read())], headers)
        answer = client.invoke_model_with_response_stream(modelId=model, body=recording.request_body)
        return _invoked(model, [json.loads(event["chunk"]["bytes"]) for event in answer["body"]], {})
    finally:
        client.close()


def _conversed(answer: Mapping[str, Any]) -> Seen:
    blocks = answer["output"]["message"]["content"]
    thoughts = (block["reasoningContent"]["reasoningText"]["text"] for block in blocks if "reasoningContent" in block)
    return Seen(
        text="".join(block["text"] for block in blocks if "text" in block),
        reasoning="".join(thoughts),
        tool_calls=[(b["toolUse"]["name"], b["toolUse"]["input"]) for b in blocks if "toolUse" in b],
        finish_reason=_FINISH[answer["stopReason"]],
        usage=_usage(answer["usage"]),
    )


def _streamed(events: Iterable[Mapping[str, Any]]) -> Seen:
    texts, calls, reason, usage = [], dict[int, list[str]](), "", (None, None, None)
    for event in events:
        (name, payload), *_ = event.items()
        index = payload.get("contentBlockIndex")
        if name == "contentBlockStart" and "toolUse" in payload["start"]:
            use = payload["start"]["toolUse"]
            if use.get("type") != "server_tool_use":
                calls[index] = [use["name"]]
        elif name == "contentBlockDelta":
            texts.append(payload["delta"].get("text", ""))
            if "toolUse" in payload["delta"] and index in calls:
                calls[index].append(payload["delta"]["toolUse"]["input"])
        elif name == "messageStop":
            reason = payload["stopReason"]
        elif name == "metadata":
            usage = _usage(payload["usage"])
    return Seen(
        text="".join(texts),
        tool_calls=[(called, json.loads("".join(pieces) or "{}")) for called, *pieces in calls.values()],
        finish_reason=_FINISH[reason],
        usage=usage,
    )


def _usage(usage: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    read = usage.get("cacheReadInputTokens", 0)
    return usage["inputTokens"] + read + usage.get("cacheWriteInputTokens", 0), usage["outputTokens"], read


def _invoked(model: str, said: list[Any], headers: Mapping[str, str]) -> Seen:
    if "embed" in model:
        sent = int(headers["x-amzn-bedrock-input-token-count"])
        return Seen(usage=(sent, None, None), data=vectors(said[0]["embeddings"]["float"]))
    if "anthropic" in model:
        return reading.seen("messages", [_message(said)])
    if "nova" in model:
        return _conversed(said[0]) if "output" in said[0] else _streamed(said)
    counts = said[-1].get(_METRICS, {})
    sent = headers.get("x-amzn-bedrock-input-token-count", counts.get("inputTokenCount"))
    made = headers.get("x-amzn-bedrock-output-token-count", counts.get("outputTokenCount"))
    last = said[-1]
    if "outputText" in last:
        blocked = last.get("amazon-bedrock-guardrailAction") == "INTERVENED"
        reason = "content_filter" if blocked else _FINISH[last["completionReason"]]
        if sent is None:
            sent, made = last["inputTextTokenCount"], last["totalOutputTextTokenCount"]
        return Seen(
            "".join(one["outputText"] for one in said), finish_reason=reason, usage=(int(sent), int(made), None)
        )
    output = last["outputs"][0] if "outputs" in last else {"text": last["generation"], **last}
    return Seen(output["text"], finish_reason=output["stop_reason"], usage=(int(sent), int(made), None))


def _message(said: list[Any]) -> Any:
    """Claude's Message, whole or out of its events."""
    if said[0]["type"] == "message":
        return said[0]
    message: dict[str, Any] = said[0]["message"]
    for event in said[1:]:
        kind = event["type"]
        if kind == "content_block_start":
            message["content"].append({**event["content_block"], "pieces": []})
        elif kind == "content_block_delta":
            delta = event["delta"]
            message["content"][event["index"]]["pieces"].append(delta.get("text") or delta.get("partial_json") or "")
        elif kind == "message_delta":
            message.update(event["delta"])
            message["usage"].update(event["usage"])
    for block in message["content"]:
        block["text" if block["type"] == "text" else "input"] = "".join(block.pop("pieces"))
    return message

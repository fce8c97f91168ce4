"""What the tests of Bedrock's formats say to them, and hear from them; `valid` asks botocore's own model of the API."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from zlib import crc32

import botocore.session
import httpx
from botocore.validate import ParamValidator

from router_core.answering.answers import Answer
from router_core.dialects.bedrock.chosen import dialects
from router_core.providers.base import Call, Kind
from router_core.providers.dialect import Dialect, Reply
from tests.dialects.streamed import streamed

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS = "us.anthropic.claude-opus-4-6-v1"
NOVA = "amazon.nova-pro-v1:0"
NOVA2 = "us.amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
ARN = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "look", "description": "looks", "parameters": {"type": "object"}}}
USE = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}


def dialect(model: str, kind: Kind = "chat") -> Dialect:
    return dialects(model)[kind]


def body(messages: Any = HI, model: str = SONNET, **parameters: Any) -> Any:
    """The body of a chat request, which botocore finds valid."""
    spoken = dialect(model)
    given = spoken.parameters.select({"messages": messages, **parameters}, "bedrock")
    written = json.loads(json.dumps(spoken.encode(Call("chat", given), model).body))
    assert valid(written) == ""
    return written


def valid(written: Mapping[str, Any]) -> str:
    """What botocore would say against this Converse request."""
    report = ParamValidator().validate({"modelId": "m", **written}, _shape())
    return str(report.generate_report())


@cache
def _shape() -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def reply(payload: Any, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(httpx.Headers(named), json.dumps(payload).encode())


def answered(*blocks: Mapping[str, Any], stop: str = "end_turn", model: str = SONNET, **more: Any) -> Any:
    """Our answer to a whole one of Converse's."""
    usage = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
    message = {"role": "assistant", "content": list(blocks)}
    payload = {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 1}, **more}
    return dialect(model).decode(Call("chat", {"messages": HI}), model, reply(payload, x_amzn_requestid="r1"))


def frame(name: str, payload: Any, kind: str = "event") -> bytes:
    """One message of an event stream, by its definition: lengths, checksum, headers, payload, checksum."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return framed({":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}, content)


def framed(headers: Mapping[str, str], content: bytes) -> bytes:
    """A frame with any headers."""
    named = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(named) + len(content), len(named))
    start = prelude + struct.pack("!I", crc32(prelude))
    return start + named + content + struct.pack("!I", crc32(start + named + content))


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()


def chunk(payload: Any) -> bytes:
    """A frame of an invoke."""
    return frame("chunk", {"bytes": base64.b64encode(json.dumps(payload).encode()).decode(), "p": "abc"})


def events(*named: tuple[str, Mapping[str, Any]]) -> bytes:
    """A ConverseStream, from its first event to its last."""
    usage = {"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}, "metrics": {"latencyMs": 7}}
    whole = [("messageStart", {"role": "assistant"}), *named, ("metadata", usage)]
    return b"".join(frame(name, payload) for name, payload in whole)


def start(index: int, use: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": use}


def delta(index: int, said: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": said}


def stop(index: int) -> tuple[str, dict[str, Any]]:
    return "contentBlockStop", {"contentBlockIndex": index}


def end(reason: str = "end_turn") -> tuple[str, dict[str, Any]]:
    return "messageStop", {"stopReason": reason}


def heard(stream: bytes, model: str = SONNET, kind: Kind = "chat", size: int = 0, **asked: Any) -> list[Answer]:
    """The chunks of a stream that comes in pieces of `size` bytes, or at once."""
    call = Call(kind, {"messages": HI, **asked}, stream=True)
    return streamed(dialect(model, kind), call, stream, size or len(stream), model)


def deltas(chunks: Sequence[Any], name: str) -> list[Any]:
    """What the chunks add under a name."""
    return [one["choices"][0]["delta"][name] for one in chunks if name in one["choices"][0]["delta"]]

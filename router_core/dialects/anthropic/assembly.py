"""A Message put together from the events of its stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router_core.http.sse import Event
from router_core.providers.dialect import UpstreamFailure

_GROWS = {"text_delta": "text", "thinking_delta": "thinking", "compaction_delta": "content"}


def read(event: Event) -> dict[str, Any]:
    """What an event carries; `{}` for one that carries no JSON object. Raises UpstreamFailure for an error."""
    if event.data == "[DONE]":  # of servers that know OpenAI's streams better
        return {}
    payload = json.loads(event.data)
    if not isinstance(payload, dict):
        return {}
    if payload.get("type") == "error" or payload.get("error"):
        raise UpstreamFailure(payload)
    return payload


class Assembly:
    """Feed it each event; `message` is complete when the stream is."""

    def __init__(self) -> None:
        self.message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, dict[str, list[str]]] = {}

    def add(self, payload: Mapping[str, Any]) -> None:
        """Take an event in; those of unknown types say nothing. Raises KeyError where one makes no sense."""
        match payload.get("type"):
            case "message_start":
                self.message = {**payload["message"], "content": []}
            case "content_block_start":
                self._blocks[payload["index"]] = dict(payload["content_block"])
                self._pieces[payload["index"]] = {}
            case "content_block_delta":
                self._grow(payload["index"], payload["delta"])
            case "content_block_stop":
                self._close(payload["index"])
            case "message_delta":
                self._update(payload)

    def block(self, index: int) -> dict[str, Any]:
        """A block; its texts are complete once it has stopped."""
        return self._blocks[index]

    def has_input(self, index: int) -> bool:
        """Some of a tool's input has come in deltas."""
        return bool(self._pieces[index].get("input"))

    def _grow(self, index: int, delta: Mapping[str, Any]) -> None:
        block, pieces = self._blocks[index], self._pieces[index]
        kind = delta["type"]
        if kind in _GROWS:
            pieces.setdefault(_GROWS[kind], []).append(delta[_GROWS[kind]] or "")
        elif kind == "input_json_delta" and delta["partial_json"]:
            pieces.setdefault("input", []).append(delta["partial_json"])
        elif kind == "signature_delta":
            block["signature"] = delta["signature"]
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]

    def _close(self, index: int) -> None:
        block = self._blocks[index]
        for name, pieces in self._pieces[index].items():
            whole = "".join(pieces)
            block[name] = _input(whole) if name == "input" else (block.get(name) or "") + whole
        self.message["content"].append(block)

    def _update(self, payload: Mapping[str, Any]) -> None:
        fields = {key: value for key, value in payload.items() if key not in ("type", "delta", "usage")}
        self.message.update({**fields, **payload.get("delta", {})})
        counts = {key: value for key, value in (payload.get("usage") or {}).items() if value is not None}
        self.message["usage"] = {**(self.message.get("usage") or {}), **counts}  # they are totals, not additions


def _input(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # cut short by max_tokens

"""OpenAI's messages as Google's contents: two roles, calls matched by name, thought signatures given back.

Systems' messages are gathered in systemInstruction, wherever they stand. Thoughts (`reasoning_content`) are not given
back: their signatures are what Google reads. Two hints have no word: `cache_control` (Google caches by itself, or by
`cached_content`) and the `name` of whoever speaks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from router_core.dialects.conversation import Part, ToolUse, Turn, media, turns
from router_core.dialects.gemini.models import checks_signatures, takes_media_of_tools
from router_core.dialects.gemini.parts import PROVIDER, media_of, part_of, signature_of
from router_core.errors import BadRequestError

_MADE_UP = re.compile(r"call_[0-9a-f]{24}")  # by compose.tool_call, where Google gave no id
_UNSIGNED = "skip_thought_signature_validator"  # Google's word for calls that another model made


class Contents:
    """`system`: parts of the systemInstruction. `contents`: the conversation."""

    def __init__(self, messages: Any, model: str) -> None:
        self.system: list[dict[str, Any]] = []
        self.contents: list[dict[str, Any]] = []
        self._model = model
        self._calls: dict[str, tuple[int, str]] = {}  # id -> position, name
        self._positions = count()
        self._results: list[tuple[int, list[dict[str, Any]]]] = []
        for turn in turns(messages):
            self._add(turn)
        self._flush()
        if not self.contents and self.system:  # Google wants something to answer
            self.contents, self.system = [{"role": "user", "parts": self.system}], []

    def _add(self, turn: Turn) -> None:
        if turn.role == "tool":
            self._results.append(self._result(turn))
            return
        self._flush()
        if turn.role == "system":
            self.system += self._system(turn)
        elif turn.role == "user":
            self._say("user", [part_of(part, self._model) for part in turn.parts])
        else:
            for use in turn.tool_uses:
                self._calls[use.id or use.name] = next(self._positions), use.name
            self._say("model", list(self._said(turn)))

    def _say(self, role: str, parts: list[dict[str, Any]]) -> None:
        last = self.contents[-1] if self.contents else None
        if last and last["role"] == role and "functionResponse" not in last["parts"][0]:
            last["parts"] += parts
        elif parts:
            self.contents.append({"role": role, "parts": parts})

    def _system(self, turn: Turn) -> Iterator[dict[str, Any]]:
        for part in turn.parts:
            if part.kind != "text":
                raise part.unsupported(PROVIDER, "a system message is text")
            yield {"text": part.text}

    def _said(self, turn: Turn) -> Iterator[dict[str, Any]]:
        """An assistant's message: what only Google knows, text, images, calls."""
        yield from (turn.raw.get("provider_specific_fields") or {}).get("parts") or ()
        texts = [part_of(part, self._model) for part in turn.parts if part.text or part.kind not in ("text", "refusal")]
        signature = signature_of(turn.raw)
        if signature:
            texts = texts or [{"text": ""}]
            texts[-1]["thoughtSignature"] = signature
        yield from texts
        yield from (self._image(image, turn.where) for image in turn.raw.get("images") or ())
        calls = [_call(use) for use in turn.tool_uses]
        if calls and checks_signatures(self._model) and not any("thoughtSignature" in call for call in calls):
            calls[0]["thoughtSignature"] = _UNSIGNED
        yield from calls

    def _image(self, image: Mapping[str, Any], where: str) -> dict[str, Any]:
        part = part_of(Part("image", f"{where}.images", media=media(image["image_url"]["url"])), self._model)
        signature = signature_of(image)
        return {**part, "thoughtSignature": signature} if signature else part

    def _result(self, turn: Turn) -> tuple[int, list[dict[str, Any]]]:
        id = turn.tool_call_id or ""
        position, name = self._calls.get(id) or (next(self._positions), turn.name)
        if not name:
            raise BadRequestError(f"{turn.where}: no tool call before it has this tool_call_id, and it has no name")
        response: dict[str, Any] = {"name": name, "response": _answer(turn.text()), **_id(id, name)}
        files = [media_of(part) for part in turn.parts if part.kind not in ("text", "refusal")]
        if files and takes_media_of_tools(self._model):
            response["parts"], files = files, []
        return position, [{"functionResponse": response}, *files]

    def _flush(self) -> None:
        """Results in the order of their calls: those without ids are matched by name and place."""
        if self._results:
            parts = [part for _, parts in sorted(self._results, key=lambda result: result[0]) for part in parts]
            self.contents.append({"role": "user", "parts": parts})
            self._results = []


def _call(use: ToolUse) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": use.name, "args": use.arguments, **_id(use.id, use.name)}}
    signature = signature_of(use.raw)
    return {**part, "thoughtSignature": signature} if signature else part


def _id(id: str, name: str) -> dict[str, str]:
    return {} if not id or id == name or _MADE_UP.fullmatch(id) else {"id": id}


def _answer(text: str) -> Mapping[str, Any]:
    """A result as the object Google wants; `output` is its word for what is none."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, Mapping) else {"output": text}

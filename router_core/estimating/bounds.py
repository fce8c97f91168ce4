"""What a call may use at most: what `reserve="max"` reserves, so that a limit is never exceeded.

Input: no token is shorter than a byte, so text has at most as many tokens as bytes; templates, tools and images have
what is the most known of them. What nothing bounds (files, stored conversations, the provider's own tools) is bounded
by the context window alone. Output: the caller's `max_tokens`, else the deployment's, else a default that is then sent,
so that it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from router_core.config import Deployment, Settings
from router_core.config.limits_declared import all_rows
from router_core.estimating import tokens
from router_core.estimating.context import Windows
from router_core.providers.base import GENERATING, Call

UNBOUNDED = 2**20  # tokens, where no window is known: the largest windows there are
PER_CALL = 128  # what templates put before the first message
PER_MESSAGE = 16
PER_TOOL = 32
TOOLS = 1024  # the prompt that explains tools; Anthropic's longest has 735
PER_IMAGE = 50_000  # gpt-4o-mini counts 48,169 for the largest picture
OUTPUT = 4096  # sent where neither caller nor deployment says how long an answer may be

_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_ELSEWHERE = ("previous_response_id", "conversation", "container", "file")  # the rest of the prompt is not in the call
_OBJECT = 4  # brackets, quotes and colon of a pair, as tokens


class Bounds:
    """The bounds of calls, per group; `needed`: a limit of this configuration reserves them."""

    def __init__(self, settings: Settings, deployments: Sequence[Deployment]) -> None:
        self.needed = any(row.reserve_max for row in all_rows(settings, deployments))
        self._deployments = {one.id: _longest(one) for one in deployments} if self.needed else {}
        groups: dict[str, list[Deployment]] = {}
        for one in deployments if self.needed else ():
            groups.setdefault(one.group, []).append(one)
        self._groups = {name: _Group(members) for name, members in groups.items()}

    def of(self, group: str, call: Call) -> tuple[int, int]:
        """(input, output): tokens a call of this group has at most; (0, 0) where no limit asks."""
        if not self.needed:
            return 0, 0
        known = self._groups[group]
        sent = upper_bound(call.body, known.window, known.added)
        if call.kind not in GENERATING:
            return sent, 0
        longest = stated(call.body) or max(self._deployments[id][0] for id in known.ids)
        return sent, longest * _several(call.body)

    def limited(self, call: Call, deployment: str) -> Call:
        """The call with the length its answer may have, where nobody else says it."""
        if not self.needed or call.kind not in GENERATING or stated(call.body):
            return call
        longest, written = self._deployments[deployment]
        if written:
            return call
        name = "max_output_tokens" if call.kind == "responses" else "max_tokens"
        return replace(call, body={**call.body, name: longest})


class _Group:
    """`window`: the widest, None where one is unknown; `added`: bytes of what deployments add to calls, at most."""

    def __init__(self, members: Sequence[Deployment]) -> None:
        windows = Windows(members)
        known = [windows.of(one.id) for one in members]
        self.ids = [one.id for one in members]
        self.window = None if None in known else max(size for size in known if size is not None)
        self.added = max(_size(one.call_parameters()) or 0 for one in members)


def stated(body: Mapping[str, Any]) -> int | None:
    """Output tokens that a body allows; of several names the largest."""
    return max((value for name in _LENGTHS if type(value := body.get(name)) is int and value > 0), default=None)


def upper_bound(body: Mapping[str, Any], window: int | None = None, added: int = 0) -> int:
    """Tokens that a call's input has at most. `window`: what the model takes; `added`: bytes that come to the body."""
    most = UNBOUNDED if window is None else window
    read = tokens.read(body)
    size = None if read.own_tools or any(body.get(name) for name in _ELSEWHERE) else _size(body)
    if size is None:
        return most
    tools = body.get("tools") or body.get("functions") or ()
    size += PER_CALL + PER_MESSAGE * read.messages + (TOOLS + PER_TOOL * len(tools) if tools else 0) + added
    return size if window is None else min(size, window)


def _longest(deployment: Deployment) -> tuple[int, bool]:
    """Output tokens of an answer without a word of the caller's, and whether the deployment sends that itself."""
    own = stated(deployment.call_parameters())
    if own is not None:
        return own, True
    known = deployment.model_info.get("max_output_tokens")
    return (known if type(known) is int and known > 0 else OUTPUT), False


def _several(body: Mapping[str, Any]) -> int:
    return max([1, *(value for name in ("n", "best_of") if type(value := body.get(name)) is int)])


def _size(value: Any) -> int | None:
    """Tokens at most; None where nothing tells."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode(errors="replace"))
    if value is None or isinstance(value, bool | int | float):
        return len(str(value))
    if isinstance(value, Mapping):
        return _part(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return len(value) if value and type(value[0]) is int else _sum(map(_size, value))
    return None


def _part(part: Mapping[str, Any]) -> int | None:
    kind = part.get("type")
    if isinstance(kind, str) and "image" in kind:
        return PER_IMAGE
    if isinstance(kind, str) and any(word in kind for word in ("file", "audio", "document", "video")):
        return None
    sizes = _sum(map(_size, part.values()))
    return None if sizes is None else sizes + sum(map(len, map(str, part))) + _OBJECT * len(part)


def _sum(sizes: Iterable[int | None]) -> int | None:
    total = 0
    for size in sizes:
        if size is None:
            return None
        total += size
    return total

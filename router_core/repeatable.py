"""Which calls may be made twice: those that do nothing else than answer.

Not those that the provider stores or goes on with (`store`, `background`, `conversation`, `previous_response_id`,
`container`; Responses only with `store=False`), none with tools that the provider runs, and no images, speech or
transcriptions, which cost as much when they are given up.
"""

from __future__ import annotations

from router_core.estimating.tokens import is_function
from router_core.providers.base import Call, Kind

KINDS: frozenset[Kind] = frozenset({"chat", "completion", "responses", "messages", "embedding", "moderation", "rerank"})
_LASTING = ("store", "background", "conversation", "previous_response_id", "container", "mcp_servers")


def repeatable(call: Call) -> bool:
    """Whether a call may be made twice."""
    body = call.body
    if call.kind not in KINDS or any(body.get(name) for name in _LASTING):
        return False
    if call.kind == "responses" and body.get("store") is not False:
        return False  # it is stored unless somebody says no
    return all(map(is_function, body.get("tools") or ()))

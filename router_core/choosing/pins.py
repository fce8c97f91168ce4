"""Responses that go on from earlier ones: only the deployment that answered has what it stored.

So the id of a Response names its deployment, and a call with that `previous_response_id` goes there and nowhere else.
The provider's own id stands in `_hidden_params["provider_response_id"]`. Ids that are not ours are left as they are.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from router_core.answering.answers import Answer

_BEGIN = "resp_rc"


def pin(answer: Answer, deployment: str) -> None:
    """Put the deployment into the id of a Response, or of the one that an event of a stream carries."""
    response: Any = answer.get("response", answer)
    own = response.get("id") if isinstance(response, dict) else None
    if isinstance(own, str) and own and unpinned(own)[0] is None:
        response["id"] = pinned(deployment, own)
        answer._hidden_params["provider_response_id"] = own


def keeper(body: dict[str, Any]) -> str | None:
    """The deployment that a call has to go on at; its body then has the provider's own id."""
    previous = body.get("previous_response_id")
    if not isinstance(previous, str):
        return None
    deployment, body["previous_response_id"] = unpinned(previous)
    return deployment


def pinned(deployment: str, id: str) -> str:
    """An id of ours."""
    return _BEGIN + urlsafe_b64encode(f"{deployment}\n{id}".encode()).decode().rstrip("=")


def unpinned(id: str) -> tuple[str | None, str]:
    """(the deployment, the provider's own id); (None, id) if it is not ours."""
    if not id.startswith(_BEGIN):
        return None, id
    text = id.removeprefix(_BEGIN)
    try:
        deployment, _, own = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition("\n")
    except ValueError:
        return None, id
    return (deployment, own) if own else (None, id)

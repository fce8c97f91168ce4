"""What a model on Bedrock speaks, by its name."""

from __future__ import annotations

from collections.abc import Mapping

from router_core.dialects.anthropic.chat import Chat
from router_core.dialects.anthropic.messages import Messages
from router_core.dialects.anthropic.place import BEDROCK
from router_core.dialects.bedrock import embedding, text
from router_core.dialects.bedrock.converse import Converse
from router_core.dialects.bedrock.invoke import ByInvoke, Nova
from router_core.dialects.bedrock.models import api, family, model_id
from router_core.dialects.bedrock.rerank import Rerank
from router_core.dialects.bedrock.settings import parameters
from router_core.providers.base import Kind
from router_core.providers.dialect import Dialect

_MESSAGES = ByInvoke(Messages(BEDROCK))


def dialects(model: str) -> Mapping[Kind, Dialect]:
    """The kinds of call a model takes; all of them where its name, such as an ARN, does not tell whose it is."""
    name, whose = model_id(model).lower(), family(model)
    if "embed" in name:
        return {"embedding": _embedding(name)}
    if "rerank" in name:
        return {"rerank": Rerank()}
    found: dict[Kind, Dialect] = {}
    chat = _chat(model)
    if chat:
        found["chat"] = chat
    completion = _text(name) if api(model) == "invoke" else None
    if completion:
        found["completion"] = completion
    if whose in ("claude", "unknown"):
        found["messages"] = _MESSAGES
    if whose == "unknown":
        found |= {"embedding": _embedding(name), "rerank": Rerank()}
    return found


def _chat(model: str) -> Dialect | None:
    if api(model) != "invoke":
        return Converse(parameters(model))
    whose = family(model)
    if whose in ("nova", "nova2"):
        return Nova(parameters(model))
    return ByInvoke(Chat(BEDROCK)) if whose in ("claude", "unknown") else None


def _text(name: str) -> Dialect | None:
    for vendor, dialect in (("titan", text.TITAN), ("llama", text.LLAMA), ("mistral", text.MISTRAL)):
        if vendor in name:
            return dialect
    return None


def _embedding(name: str) -> Dialect:
    return embedding.Cohere() if "cohere" in name else embedding.Titan()

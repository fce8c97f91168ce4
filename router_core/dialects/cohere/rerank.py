"""Cohere's reranking, version 2: documents are texts, and the answer does not repeat them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import RerankResponse
from router_core.dialects.unstreamed import Unstreamed
from router_core.errors import BadRequestError
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters


class Rerank(Unstreamed):
    """Documents that are objects are sent as their text, or as JSON where they are more; returned as they were."""

    parameters = Parameters.only("rerank", "query documents top_n return_documents max_tokens_per_doc")

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        body = {name: value for name, value in call.body.items() if value is not None and name != "return_documents"}
        documents = body.get("documents")
        if isinstance(documents, str) or not documents:
            raise BadRequestError("documents must be a list of texts or objects")
        return Wire("/rerank", {**body, "model": model, "documents": [_text(document) for document in documents]})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        body = reply.json()
        results = [{"index": one["index"], "relevance_score": one["relevance_score"]} for one in body["results"]]
        if call.body.get("return_documents"):
            for result in results:
                document = call.body["documents"][result["index"]]
                result["document"] = {"text": document} if isinstance(document, str) else document
        return RerankResponse({**body, "results": results})


def _text(document: Any) -> str:
    if isinstance(document, Mapping):
        return document["text"] if document.keys() == {"text"} else json.dumps(document, ensure_ascii=False)
    return str(document)

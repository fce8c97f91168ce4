"""OpenAI's embeddings."""

from __future__ import annotations

from dataclasses import dataclass

from router_core.answering.answers import Answer
from router_core.dialects.openai import shapes
from router_core.dialects.openai.renames import Rename, rename
from router_core.dialects.openai.vectors import Packing, packed, unpacked
from router_core.dialects.unstreamed import Unstreamed
from router_core.providers.base import Call
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import Parameters

_ALL = Parameters.all_but("embedding")
_OURS = ("float", "base64")


@dataclass(frozen=True)
class Embedding(Unstreamed):
    """`parameters`: what a compatible server takes of OpenAI's. `path` comes after the base URL.

    `formats`: the server knows encoding_format; where it does not, or ignores it, its vectors are brought to what was
    asked for here. `packing`: how it writes base64. Its own formats (`ubinary`, …) are left as they come.
    """

    parameters: Parameters = _ALL
    renames: tuple[Rename, ...] = ()
    path: str = "/embeddings"
    formats: bool = True
    packing: Packing = "f"

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        body = {name: value for name, value in call.body.items() if value is not None}
        if not self.formats and body.get("encoding_format") in _OURS:
            del body["encoding_format"]
        rename(body, model, self.renames)
        return Wire(self.path, {**body, "model": model})

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`."""
        answer = shapes.embeddings(reply.json(), model)
        wanted = call.body.get("encoding_format") or "float"
        for item in answer["data"]:
            vector = item["embedding"]
            if isinstance(vector, str) and wanted in _OURS and (wanted == "float" or self.packing != "f"):
                vector = item["embedding"] = unpacked(vector, self.packing)
            if wanted == "base64" and isinstance(vector, list):
                item["embedding"] = packed(vector)
        return answer

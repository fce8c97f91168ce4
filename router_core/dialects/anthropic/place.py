"""Where the Messages format is served, and so where a request says its model, its version and its betas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from router_core.providers.dialect import Wire


@dataclass(frozen=True, slots=True)
class Place:
    """`path` and `stream_path` come after the base URL; `{model}` in them is the model.

    `version`: of the body (`anthropic_version`), where then is no model; None where both are said as at Anthropic, the
    version in a header. `takes_urls`: it fetches images and documents by URL.
    """

    path: str = "/v1/messages"
    stream_path: str = "/v1/messages"
    version: str | None = None
    stream_in_body: bool = True
    betas_in_body: bool = False
    takes_urls: bool = True

    def wire(self, body: Mapping[str, Any], model: str, stream: bool) -> Wire:
        """The request with this body. Its `anthropic_beta` (or `betas`), a list or a text, goes where it belongs."""
        sent = {name: value for name, value in body.items() if name not in ("anthropic_beta", "betas", "stream")}
        betas = [*_listed(body.get("anthropic_beta")), *_listed(body.get("betas"))]
        if self.version is None:
            sent["model"] = model
        else:
            sent.setdefault("anthropic_version", self.version)
        if stream and self.stream_in_body:
            sent["stream"] = True
        if betas and self.betas_in_body:
            sent["anthropic_beta"] = betas
        headers = {"anthropic-beta": ",".join(betas)} if betas and not self.betas_in_body else {}
        path = (self.stream_path if stream else self.path).format(model=quote(model, safe="@:"))
        return Wire(path, sent, headers=headers)


ANTHROPIC = Place()
VERTEX = Place(
    "/publishers/anthropic/models/{model}:rawPredict",
    "/publishers/anthropic/models/{model}:streamRawPredict",
    version="vertex-2023-10-16",
)
BEDROCK = Place(
    "/model/{model}/invoke",
    "/model/{model}/invoke-with-response-stream",
    version="bedrock-2023-05-31",
    stream_in_body=False,
    betas_in_body=True,
    takes_urls=False,
)


def _listed(betas: Any) -> list[str]:
    if isinstance(betas, str):
        betas = betas.split(",")
    return [str(beta).strip() for beta in betas or ()]

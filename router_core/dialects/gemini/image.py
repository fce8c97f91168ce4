"""Images: by generateContent from Gemini's image models, which also edit; by predict from Imagen."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router_core.answering.answers import Answer
from router_core.answering.other_answers import ImagesResponse
from router_core.dialects.gemini.candidates import FILTERED, blocked, refuse_blocked
from router_core.dialects.gemini.config import camel, configured
from router_core.dialects.gemini.models import path
from router_core.dialects.gemini.usage import usage_of
from router_core.dialects.unstreamed import Unstreamed
from router_core.errors import UnsupportedParamsError
from router_core.providers.base import Call, Kind
from router_core.providers.dialect import Reply, Wire
from router_core.providers.parameters import OPENAI, Parameters

_TAKES = frozenset({"prompt", "image", "n", "size", "response_format"})
_KINDS: tuple[Kind, ...] = ("image_generation", "image_edit")
_PARAMETERS = {
    kind: Parameters(kind, OPENAI[kind] & _TAKES, values={"response_format": ("b64_json",)}) for kind in _KINDS
}
_SHAPES = {
    "1024x1024": "1:1",
    "1536x1024": "3:2",
    "1024x1536": "2:3",
    "1792x1024": "16:9",
    "1024x1792": "9:16",
    "1280x896": "4:3",
    "896x1280": "3:4",
}


@dataclass(frozen=True)
class Images(Unstreamed):
    """`kind`: image_generation or image_edit. `publisher`: as for `Chat`."""

    kind: Kind = "image_generation"
    publisher: str = ""

    @property
    def parameters(self) -> Parameters:
        """See `Dialect.parameters`."""
        return _PARAMETERS[self.kind]

    def encode(self, call: Call, model: str) -> Wire:
        """See `Dialect.encode`."""
        if "imagen" in model:
            return Wire(path(model, "predict", self.publisher), _prediction(call.body))
        return Wire(path(model, "generateContent", self.publisher), _generation(call.body, model))

    def decode(self, call: Call, model: str, reply: Reply) -> Answer:
        """See `Dialect.decode`. Raises UpstreamFailure where Google refused all images."""
        answer = reply.json()
        if "imagen" in model:
            return _answer([one["bytesBase64Encoded"] for one in _predicted(answer)], None)
        refuse_blocked(answer)
        return _answer(_drawn(answer["candidates"]), usage_of(answer.get("usageMetadata")))


def _generation(body: Mapping[str, Any], model: str) -> dict[str, Any]:
    if body.get("n") not in (None, 1):
        raise UnsupportedParamsError("Gemini draws one image a call (n)", params=["n"])
    given = {name: value for name, value in body.items() if name not in _TAKES}
    more = configured({"modalities": ["text", "image"], **given}, model)
    if body.get("size") not in (None, "auto"):
        more["generationConfig"]["imageConfig"] = {
            **more["generationConfig"].get("imageConfig", {}),
            "aspectRatio": _shape(body["size"]),
        }
    parts = [{"text": body["prompt"]}, *(_inline(file) for file in _files(body.get("image")))]
    return {"contents": [{"role": "user", "parts": parts}], **more}


def _prediction(body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("image") is not None:
        raise UnsupportedParamsError("Imagen edits no images here; Gemini's image models do (image)", params=["image"])
    given = {camel(name): value for name, value in body.items() if name not in _TAKES and value is not None}
    given["sampleCount"] = body.get("n") or 1
    if body.get("size") not in (None, "auto"):
        given["aspectRatio"] = _shape(body["size"])
    return {"instances": [{"prompt": body["prompt"]}], "parameters": given}


def _shape(size: str) -> str:
    if size not in _SHAPES:
        raise UnsupportedParamsError(
            f"size must be one of {', '.join(_SHAPES)}, or give an aspectRatio", params=["size"]
        )
    return _SHAPES[size]


def _files(image: Any) -> Sequence[tuple[str, bytes, str]]:
    return image if isinstance(image, list) else [] if image is None else [image]


def _inline(file: tuple[str, bytes, str]) -> dict[str, Any]:
    _, data, kind = file
    return {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode("ascii")}}


def _drawn(candidates: Sequence[Mapping[str, Any]]) -> list[str]:
    parts = [part for one in candidates for part in (one.get("content") or {}).get("parts") or ()]
    images = [part["inlineData"]["data"] for part in parts if "inlineData" in part and not part.get("thought")]
    if not images:
        reason = candidates[0].get("finishReason", "")
        raise blocked(reason, candidates[0].get("finishMessage")) if FILTERED.search(reason) else ValueError("no image")
    return images


def _predicted(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    predictions = answer.get("predictions") or []
    images = [one for one in predictions if one.get("bytesBase64Encoded")]
    if not images:
        raise blocked("no image", next((one.get("raiFilteredReason") for one in predictions), None))
    return images


def _answer(images: Sequence[str], counted: Mapping[str, Any] | None) -> ImagesResponse:
    usage = counted and {
        "input_tokens": counted["prompt_tokens"],
        "output_tokens": counted["completion_tokens"],
        "total_tokens": counted["total_tokens"],
    }
    return ImagesResponse(created=int(time.time()), data=[{"b64_json": one} for one in images], usage=usage)

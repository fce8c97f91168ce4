"""The root of the error tree in `errors.py`, and the record of an attempt that errors and answers carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import httpx

from router_core.state.records import OutcomeKind

_REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id")


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One upstream call: where, how it ended (`kind` and `reason` are closed vocabularies), and how long it took."""

    deployment: str
    kind: OutcomeKind
    status_code: int | None = None
    ms: float = 0.0
    reason: str = ""

    def __str__(self) -> str:
        status = "" if self.status_code is None else f" {self.status_code}"
        return f"{self.deployment}: {self.reason or self.kind}{status} after {self.ms:.0f} ms"


class RouterError(Exception):
    """The root.

    `message`: what happened, in the provider's words where it gave any. `kind` and `reason`: closed vocabularies.
    `retryable`: another deployment may do better. `retry_after`: seconds until trying again makes sense, if known.
    `attempts`: what was tried. `not_retried`: why it was not tried again though it might have helped, if that is so.
    `response`: the upstream's answer, without the request's headers and body.
    """

    kind: OutcomeKind = "server"
    retryable: bool = False
    status_code: int | None = None
    hint: ClassVar[str] = ""

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int | None = None,
        llm_provider: str | None = None,
        model: str | None = None,
        deployment: str | None = None,
        response: httpx.Response | None = None,
        retry_after: float | None = None,
        kind: OutcomeKind | None = None,
        reason: str | None = None,
        retryable: bool | None = None,
        attempts: Sequence[AttemptRecord] = (),
        code: str | None = None,
    ) -> None:
        Exception.__init__(self, message)  # not super(): openai's would ask for the request, key and all
        self.message = message
        self.status_code = type(self).status_code if status_code is None else status_code
        self.llm_provider, self.model, self.deployment = llm_provider, model, deployment
        self.response, self.retry_after = response, retry_after
        self.kind = type(self).kind if kind is None else kind
        self.reason = self.kind if reason is None else reason
        self.retryable = type(self).retryable if retryable is None else retryable
        self.attempts = tuple(attempts)
        self.not_retried = ""
        self.code = code
        self.type: str | None = None
        self.param: str | None = None
        self.body: object | None = None

    @property
    def request(self) -> httpx.Request | None:
        """Method and URL of the upstream call, never its headers or body."""
        return None if self.response is None else self.response.request

    @property
    def request_id(self) -> str | None:
        """The provider's id of the call, for its support."""
        if self.response is None:
            return None
        return next((found for name in _REQUEST_IDS if (found := self.response.headers.get(name))), None)

    def __str__(self) -> str:
        return "; ".join(part for part in (self.message or type(self).__name__, *self._facts()) if part)

    def _facts(self) -> list[str]:
        where = " ".join(x for x in (self.llm_provider, self.model) if x)
        facts = [f"deployment {self.deployment}" + (f" ({where})" if where else "")] if self.deployment else [where]
        facts.append(f"status {self.status_code}" if self.status_code else "")
        facts.append("tried " + ", ".join(map(str, self.attempts)) if self.attempts else "")
        facts.append(f"not tried again: {self.not_retried}" if self.not_retried else "")
        facts.append(f"try again in {self.retry_after:.3g} s" if self.retry_after is not None else "")
        return [*facts, type(self).hint]

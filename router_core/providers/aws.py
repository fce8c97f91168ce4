"""AWS's ways to prove who sends a request: signatures by botocore, or a bearer key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import httpx

from router_core.dialects.bedrock.library import botocore
from router_core.errors import APIConnectionError, AuthenticationError, RouterError
from router_core.providers.threads import in_thread
from router_core.redact import redact

# botocore renews what expires within 15 minutes, and must do so within 10: a call only waits for the latter.
_LAST_MINUTES = 600
_SIGNED = ("content-type", "host")  # and x-amz-*: proxies may change the others


class Signature:
    """Signature version 4. `find`: makes botocore's credentials, which may ask AWS, so it runs in a thread.

    `who`: what an error of the deployment names.
    """

    headers: Mapping[str, str] = {}

    def __init__(
        self, find: Callable[[], Any], service: str, region: str, who: Mapping[str, Any], secrets: tuple[str, ...] = ()
    ) -> None:
        self.secrets = secrets
        self._find, self._service, self._region, self._who = find, service, region, who
        self._signer, self._request = botocore("auth").SigV4Auth, botocore("awsrequest").AWSRequest
        self._credentials: Any = None
        self._frozen: Any = None
        self._renewal: Future[None] | None = None

    async def prepare(self) -> None:
        """Credentials that are still good. Raises AuthenticationError, or APIConnectionError where nobody answers."""
        if not self._expires_within(None):
            return
        if self._renewal is None or self._renewal.done():
            self._renewal = in_thread(self._renew, "aws-credentials")
        if self._expires_within(_LAST_MINUTES):
            renewed = asyncio.wrap_future(self._renewal)
            await asyncio.wait([renewed])  # whoever gives up waiting must not stop it for the others
            if failure := renewed.exception():
                raise self._refused(failure) from None

    def sign(self, request: httpx.Request) -> None:
        """Sign the method, the URL, the body, and the headers that no proxy changes."""
        headers = {n: v for n, v in request.headers.items() if n in _SIGNED or n.startswith("x-amz")}
        signed = self._request(method=request.method, url=str(request.url), headers=headers, data=request.content)
        self._signer(self._frozen, self._service, self._region).add_auth(signed)
        request.headers.update({n: v for n, v in signed.headers.items() if n.lower() not in _SIGNED})

    def _expires_within(self, seconds: int | None) -> bool:
        if self._frozen is None:
            return True
        return hasattr(self._credentials, "refresh_needed") and self._credentials.refresh_needed(seconds)

    def _renew(self) -> None:
        if self._credentials is None:
            self._credentials = self._find()
        if self._credentials is None:
            raise LookupError("there are none in the deployment, the environment, the AWS files or the instance")
        self._frozen = self._credentials.get_frozen_credentials()

    def _refused(self, exc: BaseException) -> RouterError:
        exceptions = botocore("exceptions")
        silent = isinstance(exc, exceptions.ConnectionError | exceptions.HTTPClientError)
        message = redact(f"no AWS credentials: {type(exc).__name__}: {exc}", *self.secrets)
        if silent:
            return APIConnectionError(message, reason="connection", **self._who)
        return AuthenticationError(message, reason="bad_key", **self._who)

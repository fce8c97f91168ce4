"""Ids of deployments and names of accounts.

An id is `model_info.id`, else a readable slug and 8 hex digits of SHA-256 over what tells deployments apart:
group, provider and model, endpoint, API version, organization, region, and a fingerprint of the credential. The
fingerprint is keyed with the pool's name, so a key cannot be recognised across pools, nor guessed from
Redis by a table of hashes.

Two entries that come to the same id:
- word for word the same: both are kept, the later as `…-2`, with a warning (it has a share and limits of its own);
- otherwise, or with an id given by hand: an error that names both.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from router_core.config.deployment import Deployment
from router_core.config.problems import Problems
from router_core.config.secrets import is_secret, reveal
from router_core.config.suggest import words

_IDENTITY = words(
    """
    aws_access_key_id aws_role_name aws_profile_name azure_username client_id tenant_id vertex_project
    """
)
_SLUG = 40


class Draft(NamedTuple):
    """A deployment before ids are known to be unique. `given`: the id was written by hand."""

    deployment: Deployment
    path: str
    given: bool


def fingerprint(pool: str, api_key: str | None, *others: Mapping[str, Any]) -> str:
    """16 hex digits that stand for a credential: HMAC-SHA-256 under the pool's name, 8 bytes.

    `others`: parameters in which further credentials may stand (cloud keys, headers).
    """
    found = sorted(part for values in others for part in _credentials(reveal(values)))
    credential = "\n".join([api_key or "", *found])
    return hmac.new(pool.encode(), credential.encode(), hashlib.sha256).digest()[:8].hex()


def deployment_id(group: str, provider: str, model: str, credential: str, *facts: str | None) -> str:
    """`openai-gpt-4o-1f2e3d4c`; `facts`: endpoint, API version, organization, region, in this order."""
    text = json.dumps([group, f"{provider}/{model}", *facts, credential], ensure_ascii=False)
    slug = re.sub(r"[^a-z0-9.]+", "-", f"{provider}-{model}".lower()).strip("-")[:_SLUG].strip("-.")
    return f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def account_name(provider: str, api_base: str | None, organization: str | None, credential: str) -> str:
    """What the provider meters together: one key at one server, for one organization.

    The server is part of it only where one was written: a hundred local servers share the key `EMPTY`.
    """
    server = urlsplit(api_base).netloc if api_base else None
    return "-".join(part for part in (provider, server, credential, organization) if part)


def unique(drafts: Sequence[Draft], problems: Problems) -> tuple[Deployment, ...]:
    """The deployments with ids that differ; see the module for the rule."""
    taken: dict[str, Draft] = {}
    for draft in drafts:
        identity = draft.deployment.id
        first = taken.get(identity)
        if first is None:
            taken[identity] = draft
            continue
        differing = _differences(first.deployment, draft.deployment)
        if differing or draft.given:
            _report(first, draft, differing, problems)
            continue
        number = next(n for n in range(2, len(drafts) + 2) if f"{identity}-{n}" not in taken)
        renamed = f"{identity}-{number}"
        taken[renamed] = draft._replace(deployment=draft.deployment.model_copy(update={"id": renamed}))
        problems.note(
            f"{draft.path} repeats {first.path} word for word: it counts as one more deployment ({renamed}) "
            "with limits of its own. To give a deployment more traffic, set its weight"
        )
    return tuple(draft.deployment for draft in taken.values())


def _report(first: Draft, second: Draft, differing: Sequence[str], problems: Problems) -> None:
    what = f"but differ in {', '.join(differing)}" if differing else "and are alike in everything"
    advice = "each needs its own model_info.id" if second.given else "merge them or give one of them a model_info.id"
    problems.error(second.path, f"and {first.path} have the same id {first.deployment.id!r} {what}; {advice}")


def _differences(first: Deployment, second: Deployment) -> list[str]:
    names = [name for name in Deployment.model_fields if getattr(first, name) != getattr(second, name)]
    return list(dict.fromkeys("limits" if name in ("rpm", "tpm", "rows", "shared") else name for name in names))


def _credentials(value: Any, key: str = "") -> list[str]:
    if is_secret(key) or key in _IDENTITY:
        return [f"{key}={json.dumps(value, sort_keys=True, default=str)}"]
    if isinstance(value, Mapping):
        return [part for name, item in value.items() for part in _credentials(item, str(name))]
    return []

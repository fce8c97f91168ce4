"""What a call is drawn to: the deployment that served its session, its user, or the beginning of its prompt before.

`optional_pre_call_checks` turns them on, as LiteLLM's users write it:

    prompt_caching       deployments by rendezvous over the prompt's beginning, tried first while their load allows
    session_affinity     one deployment for a session (`session_id`, `metadata.session_id`, `litellm_session_id`)
    deployment_affinity  one for a user (`user`, `metadata.user_api_key_hash`), where no session is named

A session's or user's deployment is a pin: the pool claims or finds it in the script that decides, so that it is one for
the whole fleet. A prompt's deployments are wishes that every worker computes alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import Any

from router_core.choosing.affinity_prefix import Popularity, key_of
from router_core.choosing.candidates import Group
from router_core.config import Settings
from router_core.errors import BadRequestError
from router_core.options import Options
from router_core.providers.base import GENERATING, Call

WISHES = 3  # deployments of a prompt: two more for when the first is full, behind its share of the load, or down
EXPLORATION = 0.01  # share of prompts that go anywhere, so that the pool keeps knowing how fast the others are (llm-d)
CROWD = 0.5  # a beginning with more than this part of one deployment's share of the calls is too popular for one


@dataclass(frozen=True, slots=True)
class Drawn:
    """`pin`: the name of a session or user in the pool, no text of the caller's. `wishes`: deployments, best first;
    `bounded`: while their load allows."""

    pin: str = ""
    wishes: tuple[str, ...] = ()
    bounded: bool = True


NOWHERE = Drawn()
_OURS = frozenset({"prompt_caching", "session_affinity", "deployment_affinity"})


class Affinity:
    """The affinities of one configuration, and what this worker learned of prompts."""

    def __init__(self, settings: Settings, random: Random) -> None:
        self._settings, self._random = settings, random
        self._names = settings.pool.encode()[:64]
        self._checks: dict[str, frozenset[str]] = {}
        self._popular: dict[str, Popularity] = {}

    def of(
        self, group: Group, call: Call, options: Options, tools: str, eligible: Collection[str] | None = None
    ) -> Drawn:
        """What draws a call within `eligible` deployments of a group (None: all). `tools`: their definitions as text.

        Raises BadRequestError for a session that is no text or number.
        """
        checks = self._checks.get(group.name)
        if checks is None:
            checks = self._checks[group.name] = self._settings.checks_for(group.name) & _OURS
        if not checks:
            return NOWHERE
        pin = self._pin(checks, call.body, options)
        if "prompt_caching" in checks and call.kind in GENERATING and self._random.random() >= EXPLORATION:
            key = key_of(call.body, tools, self._popularity(group))
        else:
            key = None
        if key is None and pin and group.large:
            key = int(pin[:16], 16)  # those that travel differ from call to call, but these are always among them
        wishes = () if key is None else group.places.first(key, WISHES, eligible)
        return Drawn(pin, wishes) if pin or wishes else NOWHERE

    def _popularity(self, group: Group) -> Popularity:
        found = self._popular.get(group.name)
        if found is None:
            found = self._popular[group.name] = Popularity(CROWD / len(group.ids))
        return found

    def _pin(self, checks: Collection[str], body: Mapping[str, Any], options: Options) -> str:
        if "session_affinity" in checks and (session := _session(options)) is not None:
            return self._hash("session", session, options.metadata.get("user_api_key_hash"))
        if "deployment_affinity" in checks:
            user = options.metadata.get("user_api_key_hash") or body.get("user")
            if user is not None and user != "":
                return self._hash("user", user)
        return ""

    def _hash(self, what: str, value: Any, owner: Any = None) -> str:
        """Two owners (keys of a proxy) may name their sessions alike."""
        if not isinstance(value, str | int):
            raise BadRequestError(f"the {what} of a call must be a text, not {type(value).__name__}")
        text = f"{what}\0{owner}\0{value}".encode("utf-8", "surrogatepass")
        return blake2b(text, key=self._names, digest_size=16).hexdigest()


def _session(options: Options) -> Any:
    named = (options.session_id, options.litellm_session_id, options.metadata.get("session_id"))
    return next((value for value in named if value is not None and value != ""), None)

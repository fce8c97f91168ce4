"""Operations as the scripts read them: one line each; what several share travels once.

`line(share)` writes the operation; `share(text)` puts a string among the shared ones of the batch and answers its
number, `share.key(name)` a key among those that the run declares besides the usual ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from router_core.state.records import Acquire, Breaker, Heard, Lease, Outcome
from router_core.state.records.calls import MOST_WAITING
from router_core.state.waiting import Turn


@dataclass(slots=True)
class Share:
    """What the operations of a batch share, each once, in order."""

    texts: dict[str, int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)

    def __call__(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts) + 1)

    def key(self, name: str) -> int:
        """The number of a key, whose name is without the pool's."""
        return self.keys.setdefault(name, len(self.keys) + 1)


class Operation(Protocol):
    """One line of a batch. `sent`: it goes out again (a call that waited, an end that did not get through)."""

    sent: bool
    verb: ClassVar[str]

    @property
    def group(self) -> str | None:
        """Whose waiting key the line needs (escaped), if any."""
        ...

    def line(self, share: Share) -> str:
        """The operation's text."""
        ...


@dataclass(slots=True, eq=False)
class AcquireOp:
    """See lua/acquire.lua. Everything but the pool time of its expiry is fixed: a repetition sends the same bytes."""

    request: Acquire
    id: str
    group: str
    route: str  # "group strategy key=value ..."
    candidates: str  # ids by space
    seed: int
    valid_until: int  # pool ms
    wait_until: int  # pool ms; 0 = does not wait
    dry: bool = False
    turn: Turn | None = None  # since it waits
    told: bool = False  # of room, by a call that ended
    scopes: str = "-"  # of the limits that this worker knows of
    subjects: tuple[str, ...] = ()  # those of the request in these scopes
    named: tuple[str, ...] = ()  # the same when it was asked first: its ticket keeps its name
    firsts: int = 0  # requests that this worker has not told the pool yet
    sent: bool = False
    verb: ClassVar[str] = "acquire"

    def line(self, share: Share) -> str:
        r = self.request
        most = "" if r.max_queue == MOST_WAITING else f" most={r.max_queue}"
        return (
            f"acquire {self.id} {self.valid_until} {int(r.timeout * 1000)} {self.seed} {share(self.route)} "
            f"{share(self.candidates)} {r.input_tokens} {r.output_tokens} {int(r.stream)} {self.wait_until} "
            f"{self._caller}{self._place}{self._rest(share)}{most}{self._extra()}"
        )

    @property
    def _caller(self) -> str:
        """Whose turn it is; of a call that may wait with all whose limits its ticket may meet. Where there are none, no
        name of a user's leaves the worker."""
        named = "".join(f"{subject}=" for subject in self.named) if self.wait_until else ""
        return f"{self.request.caller or '-'}{named and '='}{named}"

    @property
    def _place(self) -> str:
        """What is to be done with the answer, and who goes first: zeros mostly, which are not sent."""
        r = self.request
        words = " dry=1" if self.dry else ""
        if r.preferred:
            words += f" preferred={r.preferred}"
        if r.remember:
            words += f" remember={r.remember}"
        return f"{words} priority={r.priority}" if r.priority else words

    def _rest(self, share: Share) -> str:
        """What few calls have."""
        r = self.request
        if not (r.wishes or r.pin or r.shadow or r.subjects or r.max_input or r.max_output):
            return ""
        words = ""
        if r.wishes:
            words = f" wishes={','.join(str(position + 1) for position in r.wishes)} bounded={int(r.bounded)}"
        if r.pin:
            key = share.key(f"pin:{self.group}:{r.pin}")
            words += f" pin={key} ttl={r.pin_seconds * 1000:.0f} sampled={int(r.sampled)}"
        if r.shadow:
            words += f" shadow={share(f'{self.group} {r.shadow}')}"
        if r.max_input or r.max_output:
            words += f" max={r.max_input},{r.max_output}"
        return f"{words} scopes={self.scopes}{_uses(self.subjects, share)}" if r.subjects else words

    def _extra(self) -> str:
        """Whether it may go upstream at all."""
        extra = self.request.extra
        words = f" firsts={self.firsts}{' hedged=1' if self.request.hedged else ''}" if self.firsts else ""
        if self.request.throttle:
            words += f" throttle={self.request.throttle:.6f}"
        return words if extra is None else f"{words} extra={extra.kind},{extra.ratio:.6f},{extra.per_second:.6f}"

    def in_scopes(self, scopes: str) -> None:
        """The limits in force are of these scopes: only their subjects count, and need keys."""
        known = scopes.split(",")
        self.scopes = scopes or "-"
        self.subjects = tuple(s for s in self.request.subjects if s.partition(":")[0] in known)
        if self.turn is None:
            self.named = self.subjects

    def ticket(self, worker: str) -> str:
        """The member of the waiting queue that acquire.lua makes of this call."""
        r = self.request
        return f"{self.wait_until}|{worker}|{self.id}|{r.input_tokens}|{r.output_tokens}|{self._caller}"


def _uses(subjects: Iterable[str], share: Share) -> str:
    """The columns of these subjects: their keys say whose they are."""
    numbers = ",".join(str(share.key(f"use:{subject}")) for subject in subjects)
    return f" use={numbers}" if numbers else ""


def _known(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _measure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def policy_line(breaker: Breaker, learn: str) -> str:
    """The shared string of a settle, as lua/outcome.lua reads it."""
    alpha = learn.removeprefix("alpha=") or "-"
    return f"{breaker.rule} {alpha}{breaker.options}"


@dataclass(slots=True, eq=False)
class SettleOp:
    """See lua/settle.lua."""

    lease: Lease
    outcome: Outcome
    deployment: str  # escaped
    group: str  # escaped
    sent: bool = False
    verb: ClassVar[str] = "settle"

    def line(self, share: Share) -> str:
        o = self.outcome
        retry = "-" if o.retry_after is None else f"{o.retry_after * 1000:.0f}"
        return (
            f"settle {self.lease.id} {self.lease.epoch} {self.deployment} {o.kind} "
            f"{share(policy_line(o.breaker, o.learn))} {retry} {_measure(o.total_ms)} {_measure(o.ttft_ms)} "
            f"{_known(o.input_tokens)} {_known(o.output_tokens)} {_known(o.cost_nano)} {int(o.stream)}"
            f"{self._rest(share)}"
        )

    def _rest(self, share: Share) -> str:
        """What few ends have."""
        o = self.outcome
        words = "" if o.context_tokens is None else f" context={o.context_tokens}"
        if o.guess is not None:
            words += f" guess={o.guess} tools={int(o.tools)}"
        if o.adaptive:
            words += " adaptive=1"
        if o.throttled:
            words += f" throttled={self.group}"
        if o.sample is not None:
            words += f" sketch={_measure(o.sample[0])},{_measure(o.sample[1])}"
        return words + _uses(self.lease.subjects, share)


@dataclass(slots=True, eq=False)
class CancelOp:
    """See lua/settle.lua: the lease, if there is one, was never used."""

    id: str
    group: str
    ticket: str = "-"
    subjects: tuple[str, ...] = ()
    sent: bool = False
    verb: ClassVar[str] = "cancel"

    def line(self, share: Share) -> str:
        return f"cancel {self.id} {self.group} {self.ticket}{_uses(self.subjects, share)}"


@dataclass(slots=True, eq=False)
class RenewOp:
    """See lua/settle.lua."""

    id: str
    deadline_ms: int
    group: None = None
    sent: bool = False
    verb: ClassVar[str] = "renew"

    def line(self, share: Share) -> str:
        return f"renew {self.id} {self.deadline_ms}"


@dataclass(slots=True, eq=False)
class ObserveOp:
    """See lua/observe.lua."""

    deployment: str  # escaped
    at_ms: int
    refused: bool
    heard: tuple[Heard, ...]
    group: None = None
    sent: bool = False
    verb: ClassVar[str] = "observe"

    def line(self, share: Share) -> str:
        heard = "".join(f" {h.name}={h.limit}:{h.remaining}" for h in self.heard)
        return f"observe {self.deployment} {self.at_ms} {int(self.refused)}{heard}"


@dataclass(slots=True, eq=False)
class PauseOp:
    """See lua/pause.lua."""

    deployments: str  # escaped, by space
    retry_ms: int
    cap_ms: int
    group: None = None
    sent: bool = False
    verb: ClassVar[str] = "pause"

    def line(self, share: Share) -> str:
        return f"pause {self.retry_ms} {self.cap_ms} {share(self.deployments)}"


@dataclass(slots=True, eq=False)
class FleetOp:
    """A verb of lua/fleet.lua: `words` are written as they are, `shared` becomes the number of a shared string behind
    them, `subjects` have columns of their own."""

    words: str
    shared: str | None = None
    subjects: tuple[str, ...] = ()
    group: None = None
    sent: bool = False
    verb: ClassVar[str] = "fleet"

    def line(self, share: Share) -> str:
        words = self.words if self.shared is None else f"{self.words} {share(self.shared)}"
        return words + _uses(self.subjects, share)

"""Calls that wait, asked by hand: one slot that is handed on, and the order in which the pool keeps its tickets."""

from __future__ import annotations

from router_core.state.operations import AcquireOp, CancelOp
from router_core.state.records import Acquire, Lease
from router_core.state.store import Store
from tests.state.kit import Place, Raw, ask, declared, edited


class Slot:
    """A deployment with room for one call, on a pool whose time stands still; whoever has it, others wait."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._count = 0
        self._waiting: dict[str, AcquireOp] = {}

    async def begin(self, *broken: tuple[str, str]) -> Slot:
        """The slot is taken. `broken`: what stands in the script, and instead of it."""
        self.store: Store = self.place.store()
        for pattern, instead in broken:
            self.store.calls_script = edited(self.store.calls_script, pattern, instead)
        await self.store.register([declared(limits={"concurrent": 1})])
        self.raw = Raw(self.place, self.store)
        self.running = (await self.store.acquire(ask())).id
        return self

    def call(self, caller: str, priority: int = 0, wait: float = 600.0) -> AcquireOp:
        """A call that has not come yet."""
        self._count += 1
        now = self.place.clock_ms or 0
        request: Acquire = ask(max_wait=wait, caller=caller, priority=priority)
        until = now + int(wait * 1000) if wait else 0
        return AcquireOp(request, f"{self._count:04d}.{caller}", "g", "g simple-shuffle", "a", 7, now + 60_000, until)

    async def come(self, *calls: AcquireOp) -> list[str]:
        """They ask in one batch; those that wait are remembered. Their answers."""
        answers = await self.raw.run(*calls)
        for call, answer in zip(calls, answers, strict=True):
            self._note(call, answer)
        return answers

    def _note(self, call: AcquireOp, answer: str) -> None:
        self._waiting.pop(call.id, None)
        if answer.startswith("ok "):
            self.running = call.id
        elif answer.startswith("wait "):
            self._waiting[call.id] = call

    async def hand_on(self) -> str | None:
        """The running call ends, and all that wait ask at once. Who has the slot now?"""
        await self.raw.run(f"cancel {self.running} g -")
        self.running = ""
        asking = list(self._waiting.values())
        for i in range(0, len(asking), 60):
            await self.come(*asking[i : i + 60])
        return self.running or None

    async def leave(self, id: str) -> None:
        """One that waits is given up."""
        call = self._waiting.pop(id)
        await self.raw.run(CancelOp(id, "g", call.ticket(self.store.worker)))

    @property
    def waiting(self) -> list[str]:
        """Ids in the order of their turns."""
        members = sorted(self.place.members("waiting:g").items(), key=lambda one: (one[1], one[0]))
        return [member.split("|")[2] for member, _ in members if not member.startswith("=")]

    @property
    def notes(self) -> dict[str, float]:
        """What is noted behind the tickets, by name."""
        members = self.place.members("waiting:g")
        return {name: score % 2**40 for name, score in members.items() if name.startswith("=")}


def callers(ids: list[str]) -> str:
    """`GAB` for calls of G, A and B."""
    return "".join(id.split(".")[1] for id in ids)


def lease_of(store: Store, id: str) -> Lease:
    """A lease that was granted by hand."""
    return Lease(id, "a", "g", store._process().epoch, 0)

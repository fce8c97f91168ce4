"""The witness: every arrival at an upstream, in bounded memory, with exact answers about rolling windows.

Nothing of a prompt, an answer or a key is kept.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, overload

End = Literal["finished", "disconnected", "cut", "open"]


class Visit(NamedTuple):
    """One arrival. `at` is monotonic seconds; `seconds` is how long it stayed; tokens are what was really served.

    `end`: finished (also a refusal), disconnected (the client left), cut (by the upstream), open (still running;
    `status` is 0 until an answer begins). A refusal has no tokens. `cookie` says that one was sent along.
    """

    number: int
    at: float
    epoch_ms: int
    path: str
    model: str
    status: int
    input_tokens: int
    output_tokens: int
    stream: bool
    seconds: float
    end: End
    cookie: bool

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(slots=True, eq=False)
class Visitor:
    """A request while it is here; `Log.leave` makes a `Visit` of it."""

    number: int
    at: float
    epoch_ms: int
    path: str
    model: str
    stream: bool
    cookie: bool
    status: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def visit(self, now: float, end: End) -> Visit:
        return Visit(
            self.number, self.at, self.epoch_ms, self.path, self.model, self.status, self.input_tokens,
            self.output_tokens, self.stream, now - self.at, end, self.cookie,
        )  # fmt: skip


class Log(Sequence[Visit]):
    """Visits that have ended, in the order of their ends, the newest `cap` of them; `dropped` counts the rest."""

    def __init__(self, cap: int = 250_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended: deque[Visit] = deque(maxlen=cap)
        self._open: dict[int, Visitor] = {}
        self.arrived = 0
        self.dropped = 0
        self.peak_in_flight = 0

    @property
    def in_flight(self) -> int:
        return len(self._open)

    def arrive(self, path: str, model: str, stream: bool, cookie: bool) -> Visitor:
        self.arrived += 1
        visitor = Visitor(self.arrived, self._clock(), time.time_ns() // 1_000_000, path, model, stream, cookie)
        self._open[visitor.number] = visitor
        if len(self._open) > self.peak_in_flight:
            self.peak_in_flight = len(self._open)
        return visitor

    def leave(self, visitor: Visitor, end: End) -> None:
        """Record the end; only the first end of a visit counts."""
        if self._open.pop(visitor.number, None) is None:
            return
        if len(self._ended) == self._ended.maxlen:
            self.dropped += 1
        self._ended.append(visitor.visit(self._clock(), end))

    def visits(self) -> list[Visit]:
        """All visits by arrival, those still running too."""
        now = self._clock()
        running = (visitor.visit(now, "open") for visitor in self._open.values())
        return sorted([*self._ended, *running])

    def worst_window(self, seconds: float, where: Callable[[Visit], bool] | None = None) -> tuple[int, int]:
        """(requests, tokens): the most in any rolling window; `where` chooses the visits, all by default."""
        return worst_window(((v.at, v.tokens) for v in self.visits() if where is None or where(v)), seconds)

    def clear(self) -> None:
        """Forget the visits that have ended, and begin the counts and the peak anew."""
        self._ended.clear()
        self.dropped = 0
        self.peak_in_flight = self.in_flight

    def __len__(self) -> int:
        return len(self._ended)

    def __iter__(self) -> Iterator[Visit]:
        return iter(self._ended)

    @overload
    def __getitem__(self, index: int) -> Visit: ...
    @overload
    def __getitem__(self, index: slice) -> list[Visit]: ...
    def __getitem__(self, index: int | slice) -> Visit | list[Visit]:
        return self._ended[index] if isinstance(index, int) else list(self._ended)[index]


def worst_window(marks: Iterable[tuple[float, int]], seconds: float) -> tuple[int, int]:
    """The most marks, and the largest sum of amounts, in any half-open window of `seconds`; marks are (time, amount).

    The two maxima may come from different windows. Amounts are not negative, so some worst window begins at a mark.
    """
    ordered = sorted(marks)
    most = largest = total = first = 0
    for last, (at, amount) in enumerate(ordered):
        total += amount
        while at - ordered[first][0] >= seconds:
            total -= ordered[first][1]
            first += 1
        most = max(most, last - first + 1)
        largest = max(largest, total)
    return most, largest

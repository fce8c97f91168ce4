"""How much input a deployment takes: what its configuration says, what price lists know, what its errors taught."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router_core.config import Deployment

MARGIN = 1.25  # an estimate may be that much too high: what was not written down refuses only what surely is too long
SMALLEST = 256  # tokens; less is no window, whatever a text says


class Windows:
    """How much input each deployment of a group takes, in the order of its members.

    Written in the configuration: estimates are held to it as they are. Else known from a price list, or learned.
    """

    def __init__(self, members: Sequence[Deployment]) -> None:
        self._index = {member.id: index for index, member in enumerate(members)}
        self._models = [(member.provider, member.model) for member in members]
        self._written = [member.max_input_tokens is not None for member in members]
        self._windows = [_published(member) for member in members]
        self._sort()

    def of(self, deployment: str | None) -> int | None:
        """Tokens, None where nobody knows."""
        return self._windows[self._index[deployment]] if deployment in self._index else None

    def too_small(self, estimate: int, least: int = 0) -> tuple[int, int]:
        """How many different windows cannot hold such a request; (0, 0): all can. It is the same until one is learned.

        `least`: tokens it is known to have.
        """
        return bisect_left(self._bounds, estimate), bisect_left(self._sizes, least) if least else 0

    def hold(self, estimate: int, least: int = 0) -> list[bool]:
        """Which members may take such a request."""
        return [
            window is None or (estimate <= bound and least <= window)
            for window, bound in zip(self._windows, self._limits, strict=True)
        ]

    def learn(self, deployment: str, window: int) -> bool:
        """An error named this window: it counts unless the configuration's is smaller. True if it is new."""
        index = self._index.get(deployment)
        if index is None or window < SMALLEST:
            return False
        before = self._windows[index]
        if before == window or (self._written[index] and before is not None and before < window):
            return False
        self._windows[index], self._written[index] = window, False
        self._sort()
        return True

    def unlearn(self, deployment: str, taken: int) -> bool:
        """It took so many tokens: a smaller window was wrong. True if it was."""
        index = self._index.get(deployment)
        window = None if index is None else self._windows[index]
        if index is None or window is None or taken <= window or self._written[index]:
            return False
        self._windows[index] = None
        self._sort()
        return True

    def wider(self, deployment: str | None, tried: Collection[str], least: int) -> bool:
        """Whether an untried member holds more than this one: by its window, or as another model of unknown window."""
        index = self._index.get(deployment or "")
        if index is None:
            return False
        own, model = self._windows[index], self._models[index]
        for other, at in self._index.items():
            if other in tried:
                continue
            window = self._windows[at]
            if window is None:
                if self._models[at] != model:
                    return True
            elif own is not None and window > own and window >= least:
                return True
        return False

    def _sort(self) -> None:
        self._limits = [
            0 if window is None else window if written else int(window * MARGIN)
            for window, written in zip(self._windows, self._written, strict=True)
        ]
        known = [index for index, window in enumerate(self._windows) if window is not None]
        self._bounds = sorted({self._limits[index] for index in known})
        self._sizes = sorted({self._windows[index] or 0 for index in known})


def _published(member: Deployment) -> int | None:
    """The window that the configuration or a price list gives.

    `max_tokens` of model_info is what LiteLLM's older lists have for it; where `max_output_tokens` stands beside it, or
    a list knows better, it is the output's.
    """
    if member.max_input_tokens is not None:
        return member.max_input_tokens
    listed = member.listing()
    if listed is not None and listed.window is not None:
        return listed.window
    info = member.model_info
    found = None if info.get("max_output_tokens") else info.get("max_tokens")
    return found if isinstance(found, int) and found >= SMALLEST else None

"""How real input tokens follow from the estimate, learned from what providers counted.

    real = ratio × estimate + constant

The ratio is that of a model's tokenizer; the constant is the prompt that a provider adds by itself, another one for
calls with tools. Both belong to a deployment. One that has not answered yet begins with what its provider taught.
It is the middle of what may come: reservations take it only where it is more than the estimate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

STEP = 0.2  # how much of an error the newest call corrects, once there were some
EQUAL = 200  # estimate at which an error is half the ratio's, half the constant's; larger calls tell the ratio
RATIOS = (0.25, 4.0)
CONSTANTS = (-500.0, 2000.0)
RECENT = 8  # deployments of a group whose fits count for its next call


@dataclass(slots=True)
class Constant:
    """Tokens added to a call, after so many samples."""

    value: float = 0.0
    samples: int = 0


@dataclass(slots=True)
class Constants:
    """Of calls without and with tools."""

    plain: Constant = field(default_factory=Constant)
    tools: Constant = field(default_factory=Constant)

    def of(self, tools: bool) -> Constant:
        return self.tools if tools else self.plain


@dataclass(slots=True)
class Fit:
    """What one deployment taught; `provider`: what its provider's deployments taught together."""

    provider: Constants = field(default_factory=Constants)
    ratio: float = 1.0
    constants: Constants = field(default_factory=Constants)

    def predict(self, guess: int, tools: bool) -> int:
        """Input tokens of a call with this estimate, at least 1."""
        return max(1, round(self.ratio * guess + self._constant(tools)))

    def learn(self, guess: int, tools: bool, real: int) -> None:
        """A call with this estimate had so many: normalized least mean squares over ratio and constant."""
        own, shared = self.constants.of(tools), self.provider.of(tools)
        constant = self._constant(tools)
        error = _within(real - self.ratio * guess - constant, (-max(guess, 2000.0), max(guess, 2000.0)))
        own.samples += 1
        step = max(STEP, 1 / own.samples) * error / (guess * guess + EQUAL * EQUAL)
        self.ratio = _within(self.ratio + step * guess, RATIOS)
        own.value = _within(constant + step * EQUAL * EQUAL, CONSTANTS)
        shared.samples += 1
        shared.value += max(STEP, 1 / shared.samples) * (own.value - shared.value)

    def _constant(self, tools: bool) -> float:
        own = self.constants.of(tools)
        return own.value if own.samples else self.provider.of(tools).value


class Fits:
    """The fits of all deployments, by this worker."""

    def __init__(self) -> None:
        self._fits: dict[str, Fit] = {}
        self._providers: dict[str, Constants] = {}
        self._recent: dict[str, deque[Fit]] = {}

    def expect(self, group: str, provider: str, guess: int, tools: bool) -> int:
        """Input tokens of the next call of `group`: the mean over the deployments that answered last."""
        recent: Sequence[Fit] | None = self._recent.get(group)
        if not recent:
            constants = self._providers.get(provider)
            return guess if constants is None else Fit(constants).predict(guess, tools)
        return sum(fit.predict(guess, tools) for fit in recent) // len(recent)

    def learn(self, group: str, provider: str, deployment: str, guess: int, tools: bool, real: int) -> None:
        """A deployment counted `real` input tokens for a call with this estimate."""
        fit = self._fits.get(deployment)
        if fit is None:
            fit = self._fits[deployment] = Fit(self._providers.setdefault(provider, Constants()))
        fit.learn(guess, tools, real)
        recent = self._recent.setdefault(group, deque(maxlen=RECENT))
        if not any(one is fit for one in recent):
            recent.append(fit)

    def clear(self) -> None:
        """Begin anew."""
        self._fits.clear()
        self._providers.clear()
        self._recent.clear()


def _within(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])

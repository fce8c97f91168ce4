"""How real input tokens follow from the estimate, learned by the fleet from what providers counted.

    real = ratio × estimate + constant

The ratio is that of a model's tokenizer; the constant is the prompt that a provider adds by itself, another one for
calls with tools. Both belong to a deployment, and are learned in the scripts (state/lua/lessons.lua); here is what this
worker was told of them. A deployment that has not answered yet begins with what its provider's others have.
It is the middle of what may come: reservations take it only where it is more than the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STEP = 0.2  # how much of a provider's constant the newest of a deployment of its corrects
MISS = 0.05  # of the real count: calls that were estimated so well teach nothing, and cost nothing
RECENT = 8  # deployments of a group whose fits count for its next call


@dataclass(slots=True)
class Constants:
    """Tokens added to calls without and with tools; None: nobody knows."""

    plain: float | None = None
    tools: float | None = None

    def of(self, tools: bool) -> float | None:
        return self.tools if tools else self.plain

    def follow(self, other: Constants) -> None:
        """A deployment of the provider has these."""
        self.plain, self.tools = _towards(self.plain, other.plain), _towards(self.tools, other.tools)


@dataclass(slots=True)
class Fit:
    """What is known of one deployment; `provider`: of its provider's deployments together."""

    provider: Constants = field(default_factory=Constants)
    ratio: float = 1.0
    constants: Constants = field(default_factory=Constants)

    def predict(self, guess: int, tools: bool) -> int:
        """Input tokens of a call with this estimate, at least 1."""
        own = self.constants.of(tools)
        constant = self.provider.of(tools) if own is None else own
        return max(1, round(self.ratio * guess + (constant or 0.0)))


class Fits:
    """The fits of all deployments, as this worker knows them. Safe in threads."""

    def __init__(self) -> None:
        self._fits: dict[str, Fit] = {}
        self._providers: dict[str, Constants] = {}
        self._recent: dict[str, tuple[Fit, ...]] = {}

    def expect(self, group: str, provider: str, guess: int, tools: bool) -> int:
        """Input tokens of the next call of `group`: the mean over the deployments that answered last."""
        recent = self._recent.get(group)
        if not recent:
            constants = self._providers.get(provider)
            return guess if constants is None else Fit(constants).predict(guess, tools)
        return sum(fit.predict(guess, tools) for fit in recent) // len(recent)

    def teaches(self, deployment: str, guess: int, tools: bool, real: int) -> bool:
        """Whether a call of so many input tokens says more of the deployment than is known.

        Set-membership filtering (Gollamudi and others, 1998): what lies within the bound needs no update.
        """
        fit = self._fits.get(deployment)
        if fit is None or fit.constants.of(tools) is None:
            return True
        return abs(fit.predict(guess, tools) - real) > MISS * real

    def adopt(
        self, group: str, provider: str, deployment: str, ratio: float, plain: float | None, tools: float | None
    ) -> None:
        """What the fleet knows of a deployment (`Store.on_fit`)."""
        fit = self._fits.get(deployment)
        if fit is None:
            fit = self._fits[deployment] = Fit(self._providers.setdefault(provider, Constants()))
        fit.ratio, fit.constants = ratio, Constants(plain, tools)
        fit.provider.follow(fit.constants)
        recent = self._recent.get(group, ())
        if not any(one is fit for one in recent):
            self._recent[group] = (*recent[1 - RECENT :], fit)

    def clear(self) -> None:
        """Begin anew."""
        self._fits.clear()
        self._providers.clear()
        self._recent.clear()


def _towards(value: float | None, newest: float | None) -> float | None:
    return value if newest is None else newest if value is None else value + STEP * (newest - value)

"""What a worker tells the pool of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Declared:
    """One deployment as its worker describes it (`Store.register`).

    `limits` maps `resource/window` to an amount, and flags behind it: `{"requests/60": 600, "tokens/60": "1000,max"}`.
    Resources: requests, tokens, input, output, cost (nano-dollars), and concurrent, which has no window. Windows:
    seconds, or a calendar's period such as `day@UTC`. Prices are nano-dollars per million tokens.
    """

    id: str
    group: str
    provider: str
    account: str
    weight: float = 1.0
    order: int = 0
    limits: Mapping[str, int | str] = field(default_factory=dict)
    input_price: int | None = None
    output_price: int | None = None
    version: int = 0
    discover: bool = False  # limits that the provider tells are taken over
    adaptive: str = ""  # "1,1000,20,0.9", the bounds within which calls at once are learned: lua/adaptive.lua
    health: str = ""  # "ramp=20000 panic=0.3 outliers=1.9,5,100,10,30000", what of it is not usual: lua/texts.lua


@dataclass(frozen=True, slots=True)
class Rows:
    """The limits of one subject as a worker describes them (`Store.register`).

    `subject`: as `names.subject` writes it (`user:alice`, `user:*` for everyone without rows of his own); `limits` as
    in `Declared`.
    """

    subject: str
    limits: Mapping[str, int | str]
    version: int = 0

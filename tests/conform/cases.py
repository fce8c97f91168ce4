"""A case: a recording, the provider's file that knows it, and the call of ours that it is."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from tests.conform import providers
from tests.conform.kit import NotOurs, OurCall, Recording
from tests.conform.recordings import MISSING, recordings


@dataclass(frozen=True)
class Case:
    """`reason`: why the recording is not ours. `problem`: what `call_of` ended with instead of saying either."""

    module: Any
    recording: Recording
    call: OurCall | None = None
    reason: str | None = None
    problem: Exception | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """The kind of call, for the table."""
        return self.call.kind if self.call else "not ours"

    @property
    def is_error(self) -> bool:
        """The provider refused, or broke down, maybe inside a 200."""
        return self.recording.status >= 300 or self.expected_error() is not None

    def expected_error(self) -> str | None:
        """The class of error that the provider's file states; None where it states none."""
        state = getattr(self.module, "error_of", None)
        return state(self.recording) if state else None

    def ours(self) -> OurCall:
        """The call. Raises what `call_of` raised."""
        if self.problem is not None:
            raise self.problem
        assert self.call is not None, "call_of gave neither a call nor a reason (raise NotOurs)"
        return self.call


@cache
def cases() -> tuple[Case, ...]:
    """All recordings that a provider's file is responsible for, one case each."""
    responsible = {folder: module for module in modules() for folder in folders(module)}
    return tuple(_case(responsible[r.provider], r) for r in recordings() if r.provider in responsible)


@cache
def modules() -> tuple[Any, ...]:
    """The providers' files."""
    found = sorted(info.name for info in pkgutil.iter_modules(providers.__path__))
    return tuple(importlib.import_module(f"{providers.__name__}.{name}") for name in found)


def folders(module: Any) -> Sequence[str]:
    """The folders of recordings a provider's file is responsible for; none for helpers without `call_of`."""
    own = (module.__name__.rpartition(".")[2],) if hasattr(module, "call_of") else ()
    return tuple(getattr(module, "CASSETTES", own))


def each(found: Iterator[Case]) -> pytest.MarkDecorator:
    """Parametrizes a test with `case`."""
    listed = [pytest.param(case, id=case.recording.id) for case in found]
    missing = pytest.param(None, marks=pytest.mark.skip(reason=MISSING), id="no recordings")
    return pytest.mark.parametrize("case", listed if recordings() else [missing])


def ours() -> Iterator[Case]:
    """Those that are calls of ours, or whose file broke over them."""
    return (case for case in cases() if case.reason is None)


def _case(module: Any, recording: Recording) -> Case:
    try:
        return Case(module, recording, call=module.call_of(recording))
    except NotOurs as exc:
        return Case(module, recording, reason=str(exc) or "no reason given")
    except Exception as exc:
        return Case(module, recording, problem=exc)

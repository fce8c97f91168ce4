"""Types of configuration values: bounds in one place.

Numbers may come as text (`os.environ/RPM`), never as true or false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import httpx
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

LARGEST = 2**53 - 1  # the scripts count in doubles


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def _seconds(value: Any) -> Any:
    return value.read if isinstance(value, httpx.Timeout) else _number(value)


def _strings(value: Any) -> Any:
    return list(value) if isinstance(value, set | frozenset) else value


def _switch(value: Any) -> Any:
    if isinstance(value, bool):
        return {} if value else None
    if value is not None and not isinstance(value, Mapping | BaseModel):
        raise ValueError("must be true, false or a dictionary")
    return value


def said(message: str) -> WrapValidator:
    """One error in these words, where pydantic would report each kind that a value might have been."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(message) from None

    return WrapValidator(check)


Number = BeforeValidator(_number)
Switch = BeforeValidator(_switch)  # of an optional section: true is all defaults, false is none at all
Positive = Annotated[int, Number, Field(ge=1, le=LARGEST)]
Natural = Annotated[int, Number, Field(ge=0, le=LARGEST)]
Amount = Annotated[float, Number, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, allow_inf_nan=False)]
Pause = Annotated[float, Number, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Number, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_strings)]


class Section(BaseModel):
    """A part of the configuration: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), arbitrary_types_allowed=True)

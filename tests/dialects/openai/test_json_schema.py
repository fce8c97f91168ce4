"""A class as response_format: the same schema that openai's client makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from openai.lib._parsing._completions import type_to_response_format_param
from pydantic import BaseModel, Field

from router_core.dialects.json_schema import response_format
from router_core.errors import BadRequestError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Wheel(BaseModel):
    size: int = Field(description="inches")
    default: str = "a property of this name is no keyword"


class Car(BaseModel):
    """A car."""

    name: str
    colour: Colour = Field(default=Colour.RED, description="of the paint")
    wheels: list[Wheel] = Field(default_factory=list)
    spare: Wheel | None = None
    fuel: Literal["petrol", "power"] = "power"
    part_of: Car | None = None


class Empty(BaseModel):
    pass


@pytest.mark.parametrize("kind", [Wheel, Car, Empty])
def test_a_model_gives_what_openais_client_sends(kind: type[BaseModel]) -> None:
    ours, theirs = response_format(kind), type_to_response_format_param(kind)
    assert _plain(ours) == _plain(theirs)


def test_a_dataclass_is_taken_too() -> None:
    @dataclass
    class Point:
        x: int
        y: int = 0

    schema = response_format(Point)["json_schema"]["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["x", "y"], False)


def test_what_is_no_class_stays_and_another_class_is_the_callers_fault() -> None:
    assert response_format({"type": "json_object"}) == {"type": "json_object"}
    with pytest.raises(BadRequestError, match="int is neither"):
        response_format(int)


def _plain(value: Any) -> Any:
    """Without the defaults, which openai's client leaves in where they are not None."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _plain(item) for name, item in value.items() if name != "default" or isinstance(item, dict)}

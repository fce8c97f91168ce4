"""Vectors as numbers and as base64: little-endian float32 (OpenAI), or signed bytes (Perplexity)."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Sequence
from typing import Any, Literal

Packing = Literal["f", "b"]  # codes of the module array: float32, int8


def unpacked(text: str, packing: Packing = "f") -> list[float]:
    """The numbers. Raises ValueError where it is no such vector."""
    numbers: array[Any] = array(packing)
    numbers.frombytes(base64.b64decode(text, validate=True))
    return list(_little_endian(numbers))


def packed(numbers: Sequence[float]) -> str:
    """The same as float32 in base64."""
    return base64.b64encode(_little_endian(array("f", numbers)).tobytes()).decode("ascii")


def _little_endian(numbers: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers

"""The pools of the Store's tests."""

from __future__ import annotations

from tests.state.conftest import memory, place, shared, valkey

__all__ = ["memory", "place", "shared", "valkey"]

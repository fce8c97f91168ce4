"""A sender for adapters that are tried over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.http.deployed import Straight


@pytest.fixture
async def sender() -> AsyncIterator[Straight]:
    one = Straight()
    yield one
    await one.transport.aclose()

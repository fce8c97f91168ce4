"""No variable of this machine says who or where we are."""

from __future__ import annotations

import pytest

_VARIABLES = (
    "VERTEXAI_PROJECT",
    "VERTEXAI_LOCATION",
    "VERTEXAI_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("NO_GCE_CHECK", "true")

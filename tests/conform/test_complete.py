"""Nothing is left out: each folder of recordings has its file, and what is not ours has a reason."""

from __future__ import annotations

import pytest

from tests.conform.cases import cases, folders, modules
from tests.conform.recordings import MISSING, recordings


def test_each_folder_of_recordings_has_a_providers_file() -> None:
    if not recordings():
        pytest.skip(MISSING)
    known = [folder for module in modules() for folder in folders(module)]
    assert sorted(known) == sorted({recording.provider for recording in recordings()})


def test_what_is_not_ours_has_a_reason() -> None:
    assert [case.recording.id for case in cases() if case.reason == "no reason given"] == []

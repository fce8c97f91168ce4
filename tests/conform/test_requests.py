"""Every recorded request is what we send for its OpenAI-shaped equivalent."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from tests.conform.cases import Case, each, ours
from tests.conform.ours import play


@each(ours())
async def test_our_request_is_the_recorded_one(case: Case) -> None:
    recording = case.recording
    sent = await play(case.ours(), recording)
    assert sent.request.method == recording.method
    assert unquote(sent.request.url.path) == getattr(case.module, "path_of", lambda r: r.path)(recording)
    assert _query(case, dict(sent.request.url.params)) == _query(case, recording.query)
    assert _significant(case, sent.body) == _significant(case, recording.request)


def _query(case: Case, query: Mapping[str, str]) -> Any:
    return getattr(case.module, "significant_query", dict)(dict(query))


def _significant(case: Case, body: Any) -> Any:
    return case.module.significant(copy.deepcopy(body))

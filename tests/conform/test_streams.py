"""A stream says the same wherever its bytes are cut."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_core.http.sse import Event
from router_core.providers import PROVIDERS
from router_core.providers.dialect import Decoder
from tests.conform.cases import Case, each, ours
from tests.conform.ours import Ours, deployment, play

_MADE_UP = re.compile(r"(chatcmpl-|call_)[0-9a-f]{24,32}")  # ids where the provider has none
_CLOCK = {"created"}


def streams() -> Iterator[Case]:
    return (case for case in ours() if case.recording.is_stream and case.recording.status == 200)


@each(streams())
async def test_the_same_chunks_from_single_bytes(case: Case) -> None:
    whole = await play(case.ours(), case.recording)
    single = await play(case.ours(), case.recording, _pieces(case, range(len(case.recording.response_body))))
    assert _steady(single) == _steady(whole)


@each(streams())
@settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_same_chunks_however_it_is_cut(case: Case, data: st.DataObject) -> None:
    cuts = data.draw(st.sets(st.integers(0, len(case.recording.response_body)), max_size=12))
    whole = asyncio.run(play(case.ours(), case.recording))
    cut = asyncio.run(play(case.ours(), case.recording, _pieces(case, cuts)))
    assert _steady(cut) == _steady(whole)


@each(streams())
def test_the_same_events_from_every_two_parts(case: Case) -> None:
    """Each cut within its event and the one before and after it: so long a window suffices, and a whole stream is
    quadratic."""
    framing = _framing(case)
    for window in _windows(framing, case.recording.response_body):
        whole = _events(framing, [window])
        for cut in range(len(window) + 1):
            assert _events(framing, [window[:cut], window[cut:]]) == whole, f"cut at {cut} of {window!r}"


def _framing(case: Case) -> Callable[[], Decoder]:
    call = case.ours()
    one = deployment(call.params)
    return PROVIDERS[one.provider].dialects_of(one)[call.kind].framing


def _windows(framing: Callable[[], Decoder], body: bytes) -> Iterator[bytes]:
    """Every three events in a row."""
    decoder = framing()
    ends = [at for at in range(1, len(body)) if list(decoder.feed(body[at - 1 : at]))]
    bounds = [0, *ends[:-1], len(body)]
    for number in range(max(1, len(bounds) - 3)):
        yield body[bounds[number] : bounds[min(number + 3, len(bounds) - 1)]]


def _events(framing: Callable[[], Decoder], pieces: Iterable[bytes]) -> list[Event]:
    decoder = framing()
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.flush()]


def _pieces(case: Case, cuts: Iterable[int]) -> list[bytes]:
    body = case.recording.response_body
    return [body[first:last] for first, last in pairwise([0, *sorted(set(cuts)), len(body)])]


def _steady(played: Ours) -> Sequence[Any]:
    """What came, without made-up ids and the time."""
    came = [_without(answer.to_dict()) for answer in played.answers]
    return [*came, type(played.error), played.error and played.error.message]


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(one) for name, one in value.items() if name not in _CLOCK}
    if isinstance(value, list):
        return [_without(one) for one in value]
    return _MADE_UP.sub("", value) if isinstance(value, str) else value

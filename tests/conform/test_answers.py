"""Every recorded answer says to us what it says to the provider's own SDK."""

from __future__ import annotations

from router_core.answering.answers import Answer
from tests.conform.cases import Case, each, ours
from tests.conform.ours import play
from tests.conform.reading import seen
from tests.conform.replay import Replay


@each(case for case in ours() if not case.is_error)
async def test_our_answer_is_the_sdks(case: Case, replay: Replay) -> None:
    call = case.ours()
    played = await play(call, case.recording)
    assert played.error is None, played.error
    assert all(isinstance(answer, Answer) for answer in played.answers)
    own = getattr(case.module, "seen", None)
    mine = own(call, played.answers) if own else seen(call.kind, played.answers, played.stream)
    with replay.playing(case.recording) as url:
        theirs = await case.module.oracle(case.recording, url)
    assert mine.plain() == theirs.plain()

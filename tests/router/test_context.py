"""How much input the deployments of a group take: written, known from a list, learned, and forgotten when wrong."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.config import Deployment
from router_core.errors import NoDeploymentAvailable
from router_core.estimating.context import MARGIN, Windows
from router_core.simulator import Upstream
from tests.config.helpers import entry, one
from tests.router.rig import PROMPT, Make
from tests.router.rig import entry as rig_entry

LISTED = 128_000  # gpt-4o


def member(id: str, model: str = "nobody-knows-it", **info: Any) -> Deployment:
    return one(entry(model=f"openai/{model}", model_info={"id": id, **info}))


def test_what_is_written_counts_before_the_list() -> None:
    pytest.importorskip("genai_prices")
    windows = Windows([member("a", "gpt-4o"), member("b", "gpt-4o", max_input_tokens=10), member("c")])
    assert [windows.of(id) for id in "abc"] == [LISTED, 10, None]


def test_litellms_max_tokens_counts_where_it_cannot_be_the_outputs() -> None:
    pytest.importorskip("genai_prices")
    either = [
        member("a", max_tokens=9000),
        member("b", max_tokens=9000, max_output_tokens=9000),
        member("c", "gpt-4o", max_tokens=4096),
    ]
    windows = Windows(either)
    assert [windows.of(id) for id in "abc"] == [9000, None, LISTED]


def test_estimates_are_held_to_what_is_written_and_leniently_to_the_rest() -> None:
    pytest.importorskip("genai_prices")
    windows = Windows([member("listed", "gpt-4o"), member("written", max_input_tokens=LISTED), member("unknown")])
    assert windows.hold(LISTED) == [True, True, True]
    assert windows.hold(LISTED + 1) == [True, False, True]
    assert windows.hold(int(LISTED * MARGIN) + 1) == [False, False, True]
    assert windows.hold(10, least=LISTED + 1) == [False, False, True], "counted by an upstream: no estimate"


def test_a_window_is_learned_and_unlearned() -> None:
    windows = Windows([member("a"), member("b", max_input_tokens=1000)])
    assert windows.learn("a", 8192)
    assert not windows.learn("a", 8192), "nothing new"
    assert not windows.learn("a", 5), "no window is so small"
    assert not windows.learn("b", 2000), "the configuration's is smaller"
    assert windows.learn("b", 500)
    assert (windows.of("a"), windows.of("b")) == (8192, 500)
    assert windows.unlearn("a", 9000)
    assert windows.of("a") is None
    assert not windows.unlearn("b", 400)


def test_equal_answers_have_equal_keys() -> None:
    """`too_small` tells which of the remembered answers holds: it changes exactly where `hold` does."""
    windows = Windows([member(str(size), max_input_tokens=size) for size in (300, 300, 500, 900)])
    keys = {windows.too_small(estimate, least): windows.hold(estimate, least)
            for estimate in range(0, 1000, 50) for least in range(0, 1000, 50)}  # fmt: skip
    for estimate in range(0, 1000, 7):
        for least in range(0, 1000, 11):
            assert keys[windows.too_small(estimate, least)] == windows.hold(estimate, least)


def test_wider_is_a_larger_window_or_another_model_of_unknown_one() -> None:
    windows = Windows([
        member("a", max_input_tokens=1000), member("like-a", max_input_tokens=1000), member("b", max_input_tokens=5000),
        member("other", "another"), member("twin"),
    ])  # fmt: skip
    assert windows.wider("a", {"a"}, 0)
    assert windows.wider("a", {"a", "other"}, 4000)
    assert not windows.wider("a", {"a", "b", "other"}, 0), "the same model of unknown window is no wider"
    assert not windows.wider("a", {"a", "other"}, 6000)
    assert windows.wider("b", {"b"}, 6000), "another model of unknown window may be"
    assert not windows.wider("nobody", set(), 0)


async def test_a_hidden_prompt_that_was_learned_is_reserved(routers: Make, first: Upstream) -> None:
    """The provider counts 500 tokens for a few words: the second call does not fit into what is left of 1000."""
    router = routers([rig_entry(first, "one", tpm=1000)])
    told: dict[str, Any] = {"extra_headers": {"x-sim-input-tokens": "500"}, "max_tokens": 10}
    await router.acompletion("m", PROMPT, **told)
    await router.store.flush()
    with pytest.raises(NoDeploymentAvailable) as caught:
        await router.acompletion("m", PROMPT, **told)
    assert [refusal.reason for refusal in caught.value.refusals] == ["tokens/60"]
    router.flush_cache()
    await router.acompletion("m", PROMPT, **told)

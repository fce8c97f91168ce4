"""Tags decide who may serve a request, as LiteLLM's users know it."""

from __future__ import annotations

import pytest

from router_core.choosing.tags import allowed
from router_core.errors import NoDeploymentAvailable
from router_core.simulator import Upstream
from tests.router.rig import PROMPT, Make, entry

MEMBERS = {
    "f": {"free"},
    "p": {"paid"},
    "b": {"free", "paid"},
    "d": {"default"},
    "x": {"default", "eu"},
    "u": set[str](),
}


def who(wanted: str, match_any: bool = True, without: str = "") -> str:
    """The names of those that may serve; `without`: names left out of the group."""
    members = {name: tags for name, tags in MEMBERS.items() if name not in without}
    fits = allowed([frozenset(tags) for tags in members.values()], wanted.split(), match_any)
    return "".join(name for name, fit in zip(members, fits, strict=True) if fit)


@pytest.mark.parametrize(
    ("wanted", "match_any", "expected"),
    [
        ("", True, "dx"),
        ("free", True, "fb"),
        ("free paid", True, "fpb"),
        ("free paid", False, "b"),
        ("free nobody", True, "fb"),
        ("nobody", True, "dx"),
        ("default", True, "dx"),
        ("!paid free", True, "f"),
        ("!eu", True, "d"),
        ("!eu nobody", True, "d"),
        ("&paid", True, "pb"),
        ("&paid &free", True, "b"),
        ("&paid !free", True, "p"),
        ("&paid free", True, "b"),
        ("! & free", True, "fb"),
        ("&", True, "dx"),
    ],
)
def test_who_may_serve(wanted: str, match_any: bool, expected: str) -> None:
    assert who(wanted, match_any) == expected


@pytest.mark.parametrize(
    ("wanted", "match_any"),
    [("free nobody", False), ("free !free", True), ("eu paid", False), ("&nobody", True), ("&paid nobody", True)],
)
def test_a_tag_that_somebody_carries_is_not_served_by_the_default_pool(wanted: str, match_any: bool) -> None:
    assert who(wanted, match_any) == ""


def test_what_the_default_pool_must_not_serve_nobody_serves() -> None:
    assert who("!default") == ""
    assert who("!default nobody") == ""


def test_without_a_default_pool_everybody_serves_what_asks_for_no_tag() -> None:
    assert who("", without="dx") == "fpbu"
    assert who("!free", without="dx") == "pu"
    assert who("nobody", without="dx") == ""


async def test_tags_count_where_the_router_the_group_or_the_call_says_so(routers: Make, first: Upstream) -> None:
    tagged = [entry(first, "free", tags=["free"]), entry(first, "paid", tags=["paid"])]
    for_group = [entry(first, "one", tags=["free"], info={"enable_tag_filtering": True}), entry(first, "two")]
    metadata = {"tags": ["free"]}
    every = routers(tagged, enable_tag_filtering=True)
    group = routers(for_group)
    none = routers(tagged, pool="none")
    for _ in range(10):
        assert (await every.acompletion("m", PROMPT, metadata=metadata)).deployment == "free"
        assert (await group.acompletion("m", PROMPT, metadata=metadata)).deployment == "one"
        answer = await none.acompletion("m", PROMPT, metadata=metadata, enable_tag_filtering=True)
        assert answer.deployment == "free"
    unfiltered = {(await none.acompletion("m", PROMPT, metadata=metadata)).deployment for _ in range(40)}
    assert unfiltered == {"free", "paid"}


async def test_a_group_may_do_without_tags_that_the_router_asks_for(routers: Make, first: Upstream) -> None:
    models = [entry(first, "one", info={"enable_tag_filtering": False})]
    router = routers(models, enable_tag_filtering=True)
    assert (await router.acompletion("m", PROMPT, tags=["free"])).deployment == "one"


async def test_all_tags_are_needed_where_any_is_not_enough(routers: Make, first: Upstream) -> None:
    models = [entry(first, "free", tags=["free"]), entry(first, "both", tags=["free", "eu"])]
    router = routers(models, enable_tag_filtering=True, tag_filtering_match_any=False)
    for _ in range(10):
        assert (await router.acompletion("m", PROMPT, tags=["free", "eu"])).deployment == "both"
    with pytest.raises(NoDeploymentAvailable, match="paid"):
        await router.acompletion("m", PROMPT, tags=["free", "paid"])

"""Whose limits a call meets, and what a caller is told when budgets are spent."""

from __future__ import annotations

import math
import pickle
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_core.choosing.candidates import Group
from router_core.choosing.limits import MOST_TAGS, Full, is_budget, limit_named, spent, subjects_of
from router_core.errors import BadRequestError, BudgetExceededError, NoDeploymentAvailable
from router_core.options import split
from router_core.plan import Plan, Target
from router_core.providers.base import Call
from router_core.simulator import Upstream
from router_core.state.names import Scope, escape, subject
from router_core.state.records import Refusal, Refused
from router_core.state.views import refusals
from tests.router.rig import PROMPT, Make, entry

NAMES = st.text(st.characters(codec="utf-8"), min_size=1)


def subjects(**arguments: Any) -> tuple[str, ...]:
    options, body = split(dict(arguments))
    target = Target(Group("g", (), None), Call("chat", body))  # type: ignore[arg-type]
    return subjects_of(Plan(target, options, math.inf))


class TestSubjects:
    def test_most_calls_have_none(self) -> None:
        assert subjects(messages=[], temperature=1) == ()
        assert subjects(metadata={"trace": "x"}) == ()

    @pytest.mark.parametrize(
        ("arguments", "found"),
        [
            ({"user": "alice"}, ("user:alice",)),
            ({"user": 17}, ("user:17",)),
            ({"user": "a b|c"}, ("user:a%20b%7Cc",)),
            ({"metadata": {"user_id": "alice"}}, ("user:alice",)),
            ({"user": "alice", "metadata": {"user_id": "bob"}}, ("user:alice",)),
            ({"metadata": {"user_api_key_team_id": "red", "team": "blue"}}, ("team:red",)),
            ({"metadata": {"team_id": "red"}}, ("team:red",)),
            ({"metadata": {"team": "red"}}, ("team:red",)),
            ({"tags": ["a"], "metadata": {"tags": ["b", "a"]}}, ("tag:a", "tag:b")),
            ({"tags": ["!a", "&b", "b"]}, ("tag:b",)),
            ({"user": "u", "tags": ["t"], "metadata": {"team": "x"}}, ("tag:t", "user:u", "team:x")),
            ({"user": True, "metadata": {"team": ["red"]}}, ()),
            ({"user": "", "tags": ["", "!"], "metadata": {"team": ""}}, ()),
        ],
    )
    def test_a_call_has_those_that_its_arguments_name(self, arguments: dict[str, Any], found: tuple[str, ...]) -> None:
        assert subjects(**arguments) == found

    def test_what_cannot_be_a_name_is_the_callers_mistake(self) -> None:
        with pytest.raises(BadRequestError, match="valid text"):
            subjects(user="\ud800")

    def test_tags_are_not_without_end(self) -> None:
        tags = [f"t{number}" for number in range(MOST_TAGS)]
        assert len(subjects(tags=tags)) == MOST_TAGS
        with pytest.raises(BadRequestError, match="at most 32"):
            subjects(tags=[*tags, "more"])


class TestReasons:
    @given(
        st.sampled_from(get_args(Scope)),
        NAMES | NAMES.map(lambda name: f"{name}/cost/86400"),
        st.sampled_from(["requests", "tokens", "input", "output", "cost"]),
        st.sampled_from(["1", "86400", "day@UTC", "month@Europe/Berlin+06:00"]),
    )
    def test_a_reason_tells_its_limit_whatever_the_name(
        self, scope: Scope, name: str, resource: str, window: str
    ) -> None:
        if len(name) <= 256:
            assert limit_named(f"{subject(scope, name)}/{resource}/{window}") == Full(scope, name, resource, window)
            assert limit_named(f"{subject(scope, name)}/concurrent") == Full(scope, name, "concurrent", "")
        assert limit_named(f"{resource}/{window}") == Full(None, "", resource, window)

    @pytest.mark.parametrize("reason", ["cooling", "too_large", "unpriced", "costly/60", "", "user:x"])
    def test_other_reasons_are_no_limits(self, reason: str) -> None:
        assert limit_named(reason) is None
        assert not is_budget(reason)

    def test_budgets_are_limits_of_money(self) -> None:
        assert [is_budget(one) for one in ("cost/86400", "user:a/cost/day@UTC", "user:cost/60/requests/60")] == [
            True,
            True,
            False,
        ]

    def test_each_budget_is_told_once_with_its_amount_and_use_where_the_pool_said_so(self) -> None:
        words = f"a {subject('user', 'al ice')}/cost/86400=10000000000:9980000000 5000 b user:al%20ice/cost/86400 - "
        found = refusals((words + "c cooling - d cost/60=1:1 7").split(" "))
        assert [(one.amount, one.used) for one in found] == [(10**10, 998 * 10**7), (None, None), (None, None), (1, 1)]
        assert found[0] == Refusal("a", "user:al%20ice/cost/86400", 5000.0, 10**10, 998 * 10**7)
        assert spent(found[:2]) == "user:al ice/cost/86400 ($10, $9.98 used)"
        assert spent(found[3:]) == "d/cost/60 ($1e-09, $1e-09 used)"


class TestSpentBudgets:
    async def refused(
        self, routers: Make, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, *found: Refusal
    ) -> NoDeploymentAvailable:
        router = routers([entry(upstream, "a"), entry(upstream, "b")])

        async def refuse(request: object) -> None:
            raise Refused("m", found, 3.5)

        monkeypatch.setattr(router.store, "acquire", refuse)
        with pytest.raises(NoDeploymentAvailable) as caught:
            await router.acompletion("m", PROMPT)
        return caught.value

    async def test_a_call_that_only_budgets_refuse_says_which_how_much_and_when(
        self, routers: Make, first: Upstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whose = f"user:{escape('alice')}/cost/86400"
        error = await self.refused(
            routers, first, monkeypatch,
            Refusal("a", whose, 900.0, 10**10, 9 * 10**9), Refusal("b", "cost/60", 100.0, 2 * 10**9, 10**9),
        )  # fmt: skip
        assert isinstance(error, BudgetExceededError)
        assert (error.kind, error.status_code, error.retry_after, error.earliest) == ("rate_limit", 429, 3.5, 3.5)
        assert (error.max_budget, error.current_cost) == (2.0, 1.0), "of what has room first"
        for part in ("user:alice/cost/86400 ($10, $9 used)", "b/cost/60 ($2, $1 used)", "try again in 3.5 s"):
            assert part in str(error)
        assert pickle.loads(pickle.dumps(error)).max_budget == 2.0

    @pytest.mark.parametrize("other", ["cooling", "requests/60", "too_large", "unpriced"])
    async def test_one_with_another_reason_too_is_no_matter_of_money(
        self, other: str, routers: Make, first: Upstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        error = await self.refused(routers, first, monkeypatch, Refusal("a", "cost/60"), Refusal("b", other))
        assert not isinstance(error, BudgetExceededError)

    async def test_nobody_at_all_is_no_matter_of_money(
        self, routers: Make, first: Upstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not isinstance(await self.refused(routers, first, monkeypatch), BudgetExceededError)
        assert BudgetExceededError("spent").max_budget is None

"""What a prompt is known by: its beginning, as long as it has to be to tell conversations apart and no longer."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest

from router_core.choosing.affinity_prefix import FIRST, MOST, SPAN, Popularity, beginnings, key_of


def chat(*turns: str, system: str = "", **more: Any) -> dict[str, Any]:
    """A conversation: question, answer, question …"""
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns)]
    return {"messages": messages, **more}


def keys(*bodies: dict[str, Any], share: float = 1 / 16) -> list[int | None]:
    popularity = Popularity(share)
    return [key_of(body, "", popularity) for body in bodies]


def words(seed: int, characters: int) -> str:
    random = Random(seed)
    return "".join(random.choices("abcdefgh ", k=characters))


def test_a_conversation_keeps_its_key_and_others_have_others() -> None:
    first = chat("why?", system="s" * 300)
    later = chat("why?", "because", "and then?" * 1000, system="s" * 300)
    other = chat("how?", system="s" * 300)
    assert len(set(keys(first, later, other))) == 2
    assert keys(first) == keys(later)


def test_calls_that_share_a_long_beginning_have_one_key() -> None:
    document = words(1, 5000)
    assert len(set(keys(*(chat(f"question {i}", system=document) for i in range(10))))) == 1
    assert len(set(keys(chat("q", system=document[:1000]), chat("q", system=document[:999] + "X")))) == 2


def test_a_beginning_that_everybody_sends_gives_way_to_longer_ones() -> None:
    """All send the same 5,000 characters: the key becomes the conversation's, and stays it in later turns."""
    popularity, system = Popularity(1 / 16), words(1, 5000)
    found = {i: key_of(chat(f"question {i}", system=system), "", popularity) for i in range(400)}
    late = [found[i] for i in range(200, 400)]
    assert len(set(late)) == 200
    again = [key_of(chat(f"question {i}", "answer", "more?", system=system), "", popularity) for i in range(200, 400)]
    assert again == late


def test_a_popular_document_is_split_and_others_are_not() -> None:
    popularity = Popularity(1 / 16)
    random = Random(4)
    documents = {name: words(name, 3000) for name in range(40)}
    found: dict[int, set[int | None]] = {name: set() for name in documents}
    for i in range(3000):
        name = 0 if random.random() < 0.5 else random.randrange(1, 40)
        key = key_of(chat(f"question {i}", system=documents[name]), "", popularity)
        if i > 1000:
            found[name].add(key)
    assert len(found[0]) > 500
    assert all(len(found[name]) == 1 for name in range(1, 40))


def test_what_all_send_alike_belongs_nowhere() -> None:
    popularity = Popularity(1 / 16)
    found = [key_of(chat("hello"), "", popularity) for _ in range(100)]
    assert found[0] is not None
    assert set(found[40:]) == {None}


def test_popularity_that_is_gone_is_forgotten() -> None:
    popularity = Popularity(1 / 16)
    hot = chat("hello")
    before = [key_of(hot, "", popularity) for _ in range(100)]
    for i in range(3 * SPAN):
        key_of(chat(f"other {i}"), "", popularity)
    assert key_of(hot, "", popularity) == before[0]


def test_what_stays_popular_does_not_flicker() -> None:
    popularity, random = Popularity(1 / 16), Random(9)
    seen = []
    for i in range(10 * SPAN):
        shared = random.random() < 0.08
        key = key_of(chat("the same" if shared else f"other {i}"), "", popularity)
        if shared:
            seen.append(key is None)
    changes = sum(a != b for a, b in pairwise(seen[200:]))
    assert changes <= 2


def test_the_prompt_is_read_in_the_order_in_which_it_is_cached() -> None:
    tools = "t" * FIRST
    bodies = [chat("a", system="x"), chat("b", system="y")]
    with_tools = [key_of(body, tools, Popularity(1.0)) for body in bodies]
    assert len(set(with_tools)) == 1
    shared = "s" * FIRST
    anthropic = [{"system": shared, "messages": [{"role": "user", "content": text}]} for text in "ab"]
    responses = [{"instructions": shared, "input": text} for text in "ab"]
    assert len(set(keys(*anthropic))) == len(set(keys(*responses))) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": None, "tools": None},
        {"messages": [None, 3, {"role": "user"}, {"role": "user", "content": None}]},
        {"prompt": ""},
        {"input": b"bytes"},
        {"messages": [{"role": "user", "content": "\ud800 half a character"}]},
    ],
)
def test_odd_prompts_are_no_errors(body: dict[str, Any]) -> None:
    keys(body, body)


def test_every_form_of_a_prompt_is_told_apart() -> None:
    texts: list[dict[str, Any]] = [
        {"prompt": "one"},
        {"prompt": ["uno", "two"]},
        {"prompt": [1, 2, 3]},
        {"prompt": [[1, 2], [3]]},
    ]
    parts = [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]} for text in ("one", "two", "ab")
    ]
    split = [{"messages": [{"role": "user", "content": [{"type": "text", "text": text} for text in "ab"]}]}]
    assert len({key for body in [*texts, *parts, *split] for key in keys(body)}) == 8


def test_beginnings_double_and_end() -> None:
    text = words(3, 3 * MOST)
    assert len(list(beginnings({"prompt": text}))) == 7  # 1 k to 64 k
    assert len(list(beginnings(chat(text[: FIRST // 2], text)))) == 8
    whole = list(beginnings({"messages": [{"role": "user", "content": text}]}))
    assert whole[:3] == list(beginnings({"messages": [{"role": "user", "content": text[:4200]}]}))[:3]

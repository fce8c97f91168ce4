"""The table of what providers can do is made of what their adapters do, and the file is that table."""

from __future__ import annotations

from router_core.providers import PROVIDERS, matrix


def test_the_file_says_what_the_adapters_do() -> None:
    assert matrix.FILE.read_text(encoding="utf-8") == matrix.markdown(), "make docs"


def test_every_kind_that_a_provider_lists_can_be_written() -> None:
    """Else a kind would be chosen for a deployment that can never make it."""
    for name, provider in PROVIDERS.items():
        for kind in provider.dialects:
            assert matrix.can(provider, kind, {}), (name, kind)


def test_a_mark_is_missing_where_the_parameter_is_refused() -> None:
    rows = matrix.features()
    assert rows["openai"]["logprobs"]
    assert not rows["anthropic"]["logprobs"]
    assert not rows["anthropic"]["n"]

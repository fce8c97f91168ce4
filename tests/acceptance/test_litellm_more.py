"""More of what LiteLLM's README and documentation show of its Router: streams, embeddings, fallbacks, errors, YAML."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import openai
import pytest

from router_core import Router
from router_core.simulator import Behaviour
from tests.acceptance.processes import RemoteUpstream, upstreams
from tests.acceptance.rig import GREETING as MESSAGES
from tests.acceptance.rig import Models

pytestmark = pytest.mark.usefixtures("nothing_shared")


async def test_a_stream_is_read_chunk_by_chunk(model_list: Models) -> None:
    router = Router(model_list=model_list)
    response = await router.acompletion(model="gpt-3.5-turbo", messages=MESSAGES, stream=True)
    parts = [str(chunk.choices[0].delta.content or "") async for chunk in response]
    assert "".join(parts).startswith("tok")
    await router.aclose()


def test_streaming_without_an_event_loop(model_list: Models) -> None:
    router = Router(model_list=model_list)
    parts = [
        str(chunk.choices[0].delta.content or "")
        for chunk in router.completion(model="gpt-3.5-turbo", messages=MESSAGES, stream=True)
    ]
    assert "".join(parts).startswith("tok")
    router.close()


async def test_embeddings_are_read_by_attribute_and_by_item(up: RemoteUpstream) -> None:
    params = {"model": "text-embedding-ada-002", "api_key": "k", "api_base": up.url}
    router = Router(model_list=[{"model_name": "text-embedding-ada-002", "litellm_params": params}])
    response = await router.aembedding(model="text-embedding-ada-002", input=["good morning from litellm"])
    assert len(response.data[0].embedding) > 0
    assert response["data"][0]["embedding"] == response.data[0].embedding
    await router.aclose()


@pytest.mark.slow
async def test_a_fallback_serves_where_the_group_is_down(model_list: Models, up: RemoteUpstream) -> None:
    down, running = model_list
    groups = [{**down, "model_name": "azure/gpt-3.5-turbo"}, running]
    router = Router(model_list=groups, fallbacks=[{"azure/gpt-3.5-turbo": ["gpt-3.5-turbo"]}], set_verbose=False)
    response = await router.acompletion(model="azure/gpt-3.5-turbo", messages=MESSAGES, max_wait=0)
    assert response.model_used == "gpt-3.5-turbo"
    assert response._hidden_params["attempted_fallbacks"] == 1
    tested = await router.acompletion(model="azure/gpt-3.5-turbo", messages=MESSAGES, mock_testing_fallbacks=True)
    assert tested.model_used == "gpt-3.5-turbo"
    await router.aclose()


@pytest.mark.slow
async def test_what_is_too_long_goes_to_the_larger_window() -> None:
    with upstreams(Behaviour(context_tokens=20), Behaviour()) as (small, large):
        router = Router(
            model_list=[_named("gpt-3.5-turbo", small), _named("gpt-3.5-turbo-16k", large)],
            context_window_fallbacks=[{"gpt-3.5-turbo": ["gpt-3.5-turbo-16k"]}],
        )
        long = [{"role": "user", "content": "a long text " * 100}]
        assert (await router.acompletion(model="gpt-3.5-turbo", messages=long)).model_used == "gpt-3.5-turbo-16k"
        assert (await router.acompletion(model="gpt-3.5-turbo", messages=MESSAGES)).model_used == "gpt-3.5-turbo"
        await router.aclose()


def _named(name: str, upstream: RemoteUpstream) -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "k", "api_base": upstream.url}}


@pytest.mark.slow
async def test_except_openai_rate_limit_error() -> None:
    with upstreams(Behaviour(rpm=1)) as (limited,):
        router = Router(model_list=[_named("m", limited)], num_retries=0)
        await router.acompletion(model="m", messages=MESSAGES)
        seen = []
        for _ in range(2):  # the upstream's own 429, then nobody can serve
            try:
                await router.acompletion(model="m", messages=MESSAGES)
            except openai.RateLimitError as error:
                seen.append(error.status_code)
        assert seen == [429, 429]
        await router.aclose()


async def test_a_config_yaml_is_read_and_its_proxys_part_named(
    up: RemoteUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteLLM's config.yaml: what belongs to its proxy is named in one warning."""
    monkeypatch.setenv("OPENAI_API_BASE", up.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    path = tmp_path / "config.yaml"
    path.write_text(
        textwrap.dedent("""
            model_list:
              - model_name: gpt-4o
                litellm_params:
                  model: openai/gpt-4o
                  api_base: os.environ/OPENAI_API_BASE
                  api_key: os.environ/OPENAI_API_KEY
                  weight: 2
                model_info: {id: only}
            router_settings:
              routing_strategy: simple-shuffle
              num_retries: 1
              model_group_alias: {gpt-4: gpt-4o}
            litellm_settings:
              drop_params: true
            general_settings:
              master_key: sk-1234
        """)
    )
    with pytest.warns(UserWarning, match="litellm_settings, general_settings") as warned:
        router = Router.from_yaml(path)
    assert len(warned) == 1
    assert (await router.acompletion(model="gpt-4", messages=MESSAGES)).deployment == "only"
    assert router.settings.num_retries == 1
    await router.aclose()

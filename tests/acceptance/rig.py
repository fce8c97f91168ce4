"""What several of these tests say to a Router."""

from __future__ import annotations

from typing import Any

PROMPT = [{"role": "user", "content": "hello"}]
GREETING = [{"role": "user", "content": "Hey, how's it going?"}]
Models = list[dict[str, Any]]


def entry(url: str, id: str, group: str = "m", *, info: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    """One entry of a model_list; `info`: further keys of its model_info."""
    return {
        "model_name": group,
        "litellm_params": {"model": "openai/sim", "api_base": url, "api_key": f"key-of-{id}", **params},
        "model_info": {"id": id, **(info or {})},
    }

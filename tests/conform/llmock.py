"""llmock: servers nobody here wrote, which speak ten providers' dialects, break on demand and judge their client."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.conform.running import running
from tests.servers import free_port

# provider -> (model with its prefix, path of its base URL at llmock)
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "openai": ("openai/gpt-4o-mini", "/v1"),
    "anthropic": ("anthropic/claude-sonnet-4-5", "/anthropic"),
    "gemini": ("gemini/gemini-2.5-flash", "/gemini/v1beta"),
    "cohere": ("cohere_chat/command-a-03-2025", "/cohere"),
    "mistral": ("mistral/mistral-small-latest", "/mistral/v1"),
    "groq": ("groq/llama-3.3-70b-versatile", "/groq/openai/v1"),
    "together": ("together_ai/meta-llama/Llama-3-70b", "/together/v1"),
    "xai": ("xai/grok-4", "/xai/v1"),
}


@dataclass(frozen=True)
class Server:
    """One instance, for one deployment."""

    name: str
    url: str

    def entry(self, **params: Any) -> dict[str, Any]:
        """Its entry in a model_list."""
        model, path = PROVIDERS[self.name]
        return {
            "model_name": "any",
            "litellm_params": {"model": model, "api_base": self.url + path, "api_key": "sk-any-of-llmock", **params},
            "model_info": {"id": self.name},
        }

    def behave(self, *behaviours: Mapping[str, Any]) -> None:
        """Queue what its next answers are like."""
        self._ask("/_llmock/scenario", {"behaviors": list(behaviours)})

    def verdict(self) -> dict[str, Any]:
        """What it thinks of its client."""
        found: dict[str, Any] = self._ask("/_llmock/verdict")
        return found

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def servers(names: Sequence[str], *arguments: str) -> Iterator[dict[str, Server]]:
    """An instance for each provider; they end with the block."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(_server(name, arguments)) for name in names}


@contextmanager
def _server(name: str, arguments: Sequence[str]) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-c", "from llmock.cli import app; app()", "serve", "--port", str(port), *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("LLMOCK_")}
    server = Server(name, f"http://127.0.0.1:{port}")
    with running(f"llmock for {name}", command, server.verdict, env):
        yield server

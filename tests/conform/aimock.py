"""aimock: a server nobody here wrote, with Bedrock's Converse in true event streams, and Azure's deployments.

`make conform` installs it with npm under build/, where there is npm; ROUTER_CORE_AIMOCK names another folder of it.
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conform.running import running
from tests.servers import free_port

_BUILT = Path(__file__).parents[2] / "build" / "aimock"
CLI = Path(os.environ.get("ROUTER_CORE_AIMOCK", _BUILT)) / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
MISSING = "" if CLI.exists() and shutil.which("node") else f"optional server missing: aimock ({CLI}; it needs npm)"

CLAUDE, NOVA, GPT = "us.anthropic.claude-sonnet-4-6", "us.amazon.nova-lite-v1:0", "gpt-4o-mini"


@dataclass(frozen=True)
class Server:
    """One instance, for all deployments."""

    url: str

    def entry(self, name: str, group: str = "any", **params: Any) -> dict[str, Any]:
        """A deployment of `bedrock`, `nova` or `azure`, for a model_list."""
        own = {
            "bedrock": {"model": f"bedrock/{CLAUDE}", **_KEYS},
            "nova": {"model": f"bedrock_converse/{NOVA}", "api_key": "bedrock-api-key", "aws_region_name": "us-east-1"},
            "azure": {"model": f"azure/{GPT}", "api_key": "azure-api-key", "api_version": "2024-10-21"},
        }
        written = {**own[name], "api_base": self.url, **params}
        return {"model_name": group, "litellm_params": written, "model_info": {"id": name}}

    def asked(self) -> list[dict[str, Any]]:
        """What it was asked, as it keeps it."""
        with urllib.request.urlopen(f"{self.url}/__aimock/journal", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


_KEYS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}


@contextmanager
def serving(folder: Path, fixtures: Sequence[Mapping[str, Any]]) -> Iterator[Server]:
    """A server that answers with `fixtures`, and with an error where none fits; it ends with the block."""
    file, port = folder / "fixtures.json", free_port()
    file.write_text(json.dumps({"fixtures": fixtures}))
    pace = ("--chunk-size", "5", "--latency", "5")  # characters; milliseconds between two pieces of a stream
    command = ["node", str(CLI), "--port", str(port), "--fixtures", str(file), "--strict", *pace]
    server = Server(f"http://127.0.0.1:{port}")
    with running("aimock", command, server.asked):
        yield server

"""The files of deploy/, read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def read(name: str) -> Any:
    """A file with one YAML document."""
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def manifests() -> list[dict[str, Any]]:
    """All Kubernetes objects that kustomization.yaml lists."""
    found = []
    for name in read("kustomization.yaml")["resources"]:
        found += list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))
    return found


def of_kind(*kinds: str) -> dict[str, dict[str, Any]]:
    """Kubernetes objects of these kinds by name."""
    return {one["metadata"]["name"]: one for one in manifests() if one["kind"] in kinds}

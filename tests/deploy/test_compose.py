"""compose.yaml hangs together: keys that are known, files that exist, names and ports that match, commands that run.

Docker is not needed: what the services run is run here by the tests of start.sh, of the worker and of the simulator.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from typer.testing import CliRunner

from router_core.cli import simulate
from router_core.cli.app import app
from router_core.simulator import Behaviour
from tests.deploy.files import DEPLOY, read

COMPOSE: dict[str, Any] = read("compose.yaml")
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"] == "router-core"}
# What the Compose specification knows of a service, as far as it is used or likely.
KEYS = {
    "image", "build", "command", "environment", "volumes", "ports", "expose", "depends_on", "deploy", "healthcheck",
    "restart", "read_only", "cap_drop", "security_opt", "user", "tmpfs", "stop_grace_period", "entrypoint", "networks",
}  # fmt: skip


def test_only_keys_that_compose_knows() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} <= {"name", "services", "volumes", "networks"}
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name


def test_what_is_mounted_and_built_exists() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        if "build" in service:
            context = (DEPLOY / service["build"]["context"]).resolve()
            assert (context / service["build"]["dockerfile"]).is_file()


def test_names_between_services_resolve() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)
    env = SERVICES["worker"]["environment"]
    hosts = {re.sub(r"^.*?//(.*@)?", "", value).split(":")[0] for value in env.values() if "://" in value}
    assert hosts == {"valkey", "simulator-fast", "simulator-slow"}


def test_no_password_is_written_down_and_a_missing_one_is_an_error() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{\w+(.{2})", text)) == {":?"}
    assert "${ROUTER_PASSWORD:?" in SERVICES["worker"]["environment"]["ROUTER_CORE_REDIS_URL"]


def test_there_are_two_workers_and_each_is_scraped_where_it_listens() -> None:
    worker, (job,) = SERVICES["worker"], read("prometheus/prometheus.yml")["scrape_configs"]
    assert worker["deploy"]["replicas"] == 2
    (source,) = job["dns_sd_configs"]
    assert source["names"] == ["worker"]
    assert str(source["port"]) == worker["environment"]["METRICS_PORT"] == worker["expose"][0]


def test_a_worker_gets_more_time_to_end_than_a_call_may_take() -> None:
    seconds = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert seconds > read("config.yaml")["router_settings"]["timeout"]


def test_everything_of_ours_runs_without_rights_it_does_not_need() -> None:
    for service in OURS.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True


@pytest.mark.parametrize("name", ["simulator-fast", "simulator-slow"])
def test_the_simulators_command_is_one_the_command_line_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are parsed by the real command line; only the serving itself is left out."""
    served: dict[str, Any] = {}
    monkeypatch.setattr(simulate, "run", lambda behaviour, **more: served.update(more, behaviour=behaviour))
    program, *words = SERVICES[name]["command"]
    said = CliRunner().invoke(app, words)
    assert program == "router-core"
    assert said.exit_code == 0, said.output
    url = SERVICES["worker"]["environment"][f"UPSTREAM_{name.removeprefix('simulator-').upper()}"]
    assert url == f"http://{name}:{served['port']}/v1"
    assert served["host"] == "0.0.0.0"
    assert isinstance(served["behaviour"], Behaviour)
    assert served["behaviour"].rpm


def test_the_image_has_what_the_commands_need() -> None:
    """Copied folders exist, all extras that the commands use are installed, and the ignore file lets them through."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert {"router_core", "state", "strategies", "pyproject.toml", "deploy/worker.py", "deploy/config.yaml"} <= set(
        copied
    )
    assert all((DEPLOY.parent / name).exists() for name in copied)
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{name}" for name in copied} <= set(allowed)
    assert any("[cli,yaml" in line for line in lines)
    assert any(line.startswith("USER ") and line != "USER root" for line in lines)

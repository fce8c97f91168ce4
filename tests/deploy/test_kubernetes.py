"""The Kubernetes manifests hang together, and no pod has rights it does not need."""

from __future__ import annotations

from typing import Any

from tests.deploy.files import DEPLOY, manifests, of_kind, read

PODS = {name: one["spec"]["template"] for name, one in of_kind("Deployment", "StatefulSet").items()}


def containers() -> list[tuple[str, dict[str, Any]]]:
    return [(name, one) for name, pod in PODS.items() for one in pod["spec"]["containers"]]


def env(container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container["env"]}


def test_every_manifest_is_listed_and_is_an_object() -> None:
    listed = set(read("kustomization.yaml")["resources"])
    assert {f"kubernetes/{path.name}" for path in (DEPLOY / "kubernetes").glob("*.yaml")} == listed
    for one in manifests():
        assert {"apiVersion", "kind", "metadata"} <= set(one)


def test_selectors_choose_the_pods_that_are_made() -> None:
    labels = [pod["metadata"]["labels"] for pod in PODS.values()]
    for one in of_kind("Deployment", "StatefulSet").values():
        assert one["spec"]["selector"]["matchLabels"].items() <= one["spec"]["template"]["metadata"]["labels"].items()
    for one in of_kind("Service").values():
        assert any(one["spec"]["selector"].items() <= label.items() for label in labels)
    for one in of_kind("PodDisruptionBudget").values():
        assert any(one["spec"]["selector"]["matchLabels"].items() <= label.items() for label in labels)
    for one in of_kind("NetworkPolicy").values():
        assert any(one["spec"]["podSelector"]["matchLabels"].items() <= label.items() for label in labels)


def test_ports_by_name_exist() -> None:
    named = {port["name"] for _, one in containers() for port in one["ports"]}
    for service in of_kind("Service").values():
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named
    for policy in of_kind("NetworkPolicy").values():
        for rule in policy["spec"]["ingress"]:
            assert {port["port"] for port in rule["ports"]} <= named


def test_the_worker_is_scraped_where_it_listens() -> None:
    pod = PODS["router-core-worker"]
    (worker,) = pod["spec"]["containers"]
    port = str(worker["ports"][0]["containerPort"])
    assert port == env(worker)["METRICS_PORT"] == pod["metadata"]["annotations"]["prometheus.io/port"]


def test_the_worker_reaches_services_that_exist() -> None:
    (worker,) = PODS["router-core-worker"]["spec"]["containers"]
    services = {f"{name}:{port['port']}" for name, one in of_kind("Service").items() for port in one["spec"]["ports"]}
    urls = [value.rpartition("@")[2].removeprefix("http://") for value in env(worker).values() if "://" in value]
    assert {url.split("/")[0] for url in urls} == services


def test_config_maps_and_keys_of_the_secret_exist() -> None:
    kustomization = read("kustomization.yaml")
    made = {one["name"]: one["files"] for one in kustomization["configMapGenerator"]}
    volumes = [volume for pod in PODS.values() for volume in pod["spec"].get("volumes", ())]
    used = {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}
    assert used == set(made)
    assert all((DEPLOY / file).is_file() for files in made.values() for file in files)
    keys = {
        one["valueFrom"]["secretKeyRef"]["key"]
        for _, container in containers()
        for one in container.get("env", ())
        if "valueFrom" in one
    }
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert all(f"--from-literal={key}=" in readme for key in keys)
    assert "Secret" not in {one["kind"] for one in manifests()}


def test_an_ending_worker_has_time_for_the_longest_call() -> None:
    spec = PODS["router-core-worker"]["spec"]
    before = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] > before + read("config.yaml")["router_settings"]["timeout"]


def test_valkey_has_more_memory_than_it_may_fill() -> None:
    (valkey,) = PODS["router-core-valkey"]["spec"]["containers"]
    text = (DEPLOY / "redis/redis.conf").read_text(encoding="utf-8")
    most = int(text.split("\nmaxmemory ")[1].split("mb")[0])
    assert int(valkey["resources"]["limits"]["memory"].removesuffix("Mi")) >= 1.5 * most
    assert "maxmemory-policy noeviction" in text


def test_no_pod_has_rights_it_does_not_need() -> None:
    """What the namespace's policy `restricted` demands, or nothing would start."""
    for name, pod in PODS.items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for name, container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }, name  # fmt: skip
        assert "memory" in container["resources"]["limits"]


def test_only_workers_reach_valkey() -> None:
    (rule,) = of_kind("NetworkPolicy")["router-core-valkey"]["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "router-core-worker"}}}]


def test_compose_and_kubernetes_run_the_same_commands() -> None:
    services = read("compose.yaml")["services"]
    pods = {name.removeprefix("router-core-"): pod["spec"]["containers"][0] for name, pod in PODS.items()}
    for name, container in pods.items():
        assert container.get("args", container.get("command")) == services[name]["command"]
    ping = services["valkey"]["healthcheck"]["test"][1].replace("$$", "$")
    assert pods["valkey"]["readinessProbe"]["exec"]["command"] == ["sh", "-c", ping]

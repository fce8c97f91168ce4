"""The alerts speak of metrics and labels that exist."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, Histogram

from router_core.metrics import Metrics
from router_core.monitoring.pool_samples import FAMILIES
from router_core.state.store import Store
from tests.deploy.files import DEPLOY, read

RULES = [rule for group in read("prometheus/alerts.yml")["groups"] for rule in group["rules"]]


def exported() -> dict[str, set[str]]:
    """Name of each sample -> its labels, from what is really registered."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, Store("memory://", pool="p"), [("chat", "a")])
    found = {f"{one.name}_total" if one.kind == "counter" else one.name: set(one.labels) for one in FAMILIES}
    for one in vars(metrics._to).values():
        if hasattr(one, "_labelnames"):
            endings = ("_bucket", "_sum", "_count") if isinstance(one, Histogram) else ("", "_total")
            found |= {one._name + ending: set(one._labelnames) for ending in endings}
    metrics.close()
    return found


def test_the_rules_are_complete_and_named_once() -> None:
    assert 4 <= len(RULES) == len({rule["alert"] for rule in RULES})
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "description"} == set(rule["annotations"])
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_every_metric_and_label_of_a_rule_is_exported() -> None:
    known = exported()
    for rule in RULES:
        names = re.findall(r"\brouter_core_\w+", rule["expr"])
        assert names
        assert set(names) <= set(known), rule["alert"]
        for name, matchers in re.findall(r"\b(router_core_\w+)\{([^}]*)\}", rule["expr"]):
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= known[name], rule["alert"]


def test_what_an_alert_says_it_has_kept() -> None:
    """`$labels.x` is empty where the aggregation dropped x."""
    for rule in RULES:
        kept = [set(re.split(r",\s*", found)) for found in re.findall(r"by \(([^)]*)\)", rule["expr"])]
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        assert used <= kept[0], rule["alert"]


def test_the_fleets_gauges_are_not_summed_over_workers() -> None:
    """Every worker tells the same of the pool: sum would count it once per worker."""
    for rule in RULES:
        for function in re.findall(r"(\w+) by \([^)]*\) \(\w*\(?router_core_(?:pool|degraded)", rule["expr"]):
            assert function == "max", rule["alert"]


def test_the_scrape_configuration_reads_the_rules() -> None:
    assert all((DEPLOY / "prometheus" / name).is_file() for name in read("prometheus/prometheus.yml")["rule_files"])

"""Alerts and the dashboard ask for what workers count, and the page says what each alert means."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from streamproc.metrics import REGISTRY

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES = yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "grafana/dashboard.json").read_text("utf-8"))
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
SERIES = re.compile(r"\b((?:streamproc|process)_[a-z_]+)(?:\{([^}]*)\})?")
SUFFIX = re.compile(r"_(?:total|bucket|sum|count|created)$")
DOCUMENTED = re.compile(r"^\| `streamproc_.*$", re.MULTILINE)
PROMTOOL = shutil.which("promtool")


def shown() -> list[str]:
    """Each expression of the dashboard."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def families() -> dict[str, set[str]]:
    """Each metric that a worker has, as it is asked for, with the labels that its samples may carry."""
    found: dict[str, set[str]] = {}
    for collector, names in REGISTRY._collector_to_names.items():
        labels = {"le", *getattr(collector, "_labelnames", ())}
        for name in names:
            found[name] = labels
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            found.setdefault(sample.name, set(sample.labels))
    return found


@pytest.mark.parametrize("expr", [*shown(), *(rule["expr"] for rule in RULES)])
def test_what_is_asked_for_is_counted_with_these_labels(expr: str) -> None:
    known = families()
    asked = SERIES.findall(expr)
    assert asked or expr.startswith(("up{", "sum(up{", "absent(up{"))
    for name, matchers in asked:
        assert name in known, f"no worker has {name}"
        labels = set(re.findall(r"([a-z_]+)\s*[=!]~?", matchers))
        assert labels <= known[name] | {"job", "instance"}
    grouped = {word for by in re.findall(r"\bby \(([^)]*)\)", expr) for word in by.split(", ")}
    assert grouped <= {label for name, _ in asked for label in known[name]}


def test_every_documented_metric_is_on_the_dashboard() -> None:
    documented = {
        name for row in DOCUMENTED.findall(PAGE) for name in re.findall(r"`(streamproc_\w+)", row)
    }
    asked = {SUFFIX.sub("", name) for expr in shown() for name, _ in SERIES.findall(expr)}
    assert len(documented) > 10
    assert {SUFFIX.sub("", name) for name in documented} <= asked


def test_every_alert_has_a_row_that_says_what_to_do() -> None:
    section = PAGE.split("### Alerts")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)
    assert rows == [rule["alert"] for rule in RULES]
    for rule in RULES:
        assert rule["annotations"]["runbook"] == "docs/operations.md#alerts"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_no_panel_lies_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_no_counter_has_a_series_for_when_it_began() -> None:
    assert b"_created" not in generate_latest(REGISTRY)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "alerts.yaml"),
        ("check", "config", "--syntax-only", "prometheus.yaml"),
        ("test", "rules", "alerts_test.yaml"),
    ],
)
def test_prometheus_takes_the_rules_and_each_fires_on_what_it_is_for(words: list[str]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *words], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tried_by_the_rules_tests() -> None:
    tests = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text("utf-8"))["tests"]
    fired = {
        each["alertname"]
        for test in tests
        for each in test["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in RULES}

"""The Helm chart: rendered, valid for Kubernetes, confined, without a secret, and of the same topics and settings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from streamproc.kafka.wanted_topics import wanted_topics
from streamproc.settings import PREFIX, Settings
from streamproc.topics import read_topology
from tests.checkout.test_containers import check_command
from tests.deploy.chart_topics import FILE, chart_topics

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "streamproc"
HELM = shutil.which("helm") or shutil.which("helm", path=str(Path.home() / "go" / "bin"))
needs_helm = pytest.mark.skipif(
    HELM is None, reason="helm is not installed: go install helm.sh/helm/v3/cmd/helm@v3.18.4"
)
KUBERNETES = "1.30"
GIVEN = (CHART.parent / "example-values.yaml").read_text("utf-8")
ALL_OF_IT = {
    "topics.strimzi.enabled": "true",
    "topics.strimzi.cluster": "kafka",
    "topicPrefix": "team.a_",
    "autoscaling.enabled": "true",
    "monitoring.podMonitor": "true",
    "tracing.endpoint": "http://collector:4318",
}
NOT_OF_KUBERNETES = {"ScaledObject", "KafkaTopic", "PodMonitor"}  # their operators bring them


@cache
def rendered(*settings: str) -> list[dict[str, Any]]:
    """What the chart becomes with these values set."""
    done = helm("template", "rel", str(CHART), *settings)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Run helm with what must be given."""
    assert HELM is not None
    version = ["--kube-version", KUBERNETES] if words[0] == "template" else []
    return subprocess.run(
        [HELM, *words, *version, "--values", "-"],
        input=GIVEN,
        env={**os.environ, "HELM_CACHE_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


def with_all() -> list[dict[str, Any]]:
    """What the chart becomes with everything that it can have."""
    return rendered(*(f"--set={name}={value}" for name, value in ALL_OF_IT.items()))


def of_kind(kind: str, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in resources if each["kind"] == kind]


def pods(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The specification of each pod, by the name of its container."""
    specs = [each["spec"]["template"]["spec"] for each in resources if "template" in each["spec"]]
    return {spec["containers"][0]["name"]: spec for spec in specs}


def variables(spec: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in spec["containers"][0]["env"]}


def test_the_chart_s_topics_are_those_of_the_declaration() -> None:
    assert json.loads(FILE.read_text("utf-8")) == chart_topics(), (
        "run: python -m tests.deploy.chart_topics"
    )


def test_the_chart_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_the_values_with_what_must_be_given_fit_their_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    for name, given in yaml.safe_load(GIVEN).items():
        values[name] |= given
    jsonschema.Draft7Validator(schema).validate(values)
    # As large a share of workers as there are partitions.
    assert values["autoscaling"]["maxReplicas"] == max(t.partitions for t in read_topology().topics)


@needs_helm
def test_helm_finds_nothing() -> None:
    done = helm("lint", str(CHART), "--strict")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_helm
@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("kafka.brokers=kafka", "kafka.brokers"),
        ("kafka.brokers=", "kafka.brokers"),
        ("kafka.securityProtocol=TLS", "kafka.securityProtocol"),
        ("kafka.sasl.secret=", "kafka.sasl.secret"),
        ("postgres.worker.secret=", "postgres.worker.secret"),
        ("console.token.secret=", "console.token.secret"),
        ("worker.replica=3", "replica"),
        ("settings.STREAMPROC_POSTGRES_DSN=postgresql://u:p@h/d", "STREAMPROC_POSTGRES_DSN"),
    ],
)
def test_a_wrong_value_is_named(setting: str, named: str) -> None:
    done = helm("template", "rel", str(CHART), f"--set={setting}")
    assert done.returncode != 0
    assert named in done.stderr.replace("/", ".")


@needs_helm
def test_kubernetes_takes_every_resource() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import kubernetes_validate  # noqa: PLC0415 - slow, and only for this
    for resource in [*rendered(), *with_all()]:
        if resource["kind"] not in NOT_OF_KUBERNETES:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)


@needs_helm
def test_each_container_runs_a_command_with_settings_that_exist() -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    found = pods(with_all()) | pods(rendered())
    assert set(found) == {"worker", "console", "schema", "topics"}
    for spec in found.values():
        check_command(spec["containers"][0]["args"])
        ours = {name for name in variables(spec) if name.startswith(PREFIX)}
        assert ours <= known
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in variables(pods(with_all())["worker"])


@needs_helm
def test_every_pod_is_confined() -> None:
    for spec in (pods(with_all()) | pods(rendered())).values():
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= set(container["resources"])


@needs_helm
def test_secrets_are_named_and_each_pod_has_its_own_only() -> None:
    found = pods(rendered())
    for spec in found.values():
        for name, each in variables(spec).items():
            if name.endswith(("PASSWORD", "DSN", "API_KEY", "TOKEN")):
                assert set(each["valueFrom"]) == {"secretKeyRef"}
    logins = {
        name: each["STREAMPROC_POSTGRES_DSN"]["valueFrom"]["secretKeyRef"]["key"]
        for name, spec in found.items()
        if "STREAMPROC_POSTGRES_DSN" in (each := variables(spec))
    }
    assert logins == {"worker": "worker", "schema": "owner", "console": "reader"}
    assert [name for name in found if "STREAMPROC_HELIUS_API_KEY" in variables(found[name])] == [
        "worker"
    ]
    assert not of_kind("Secret", rendered())


@needs_helm
def test_workers_have_stable_names_and_are_asked_how_they_are() -> None:
    worker = pods(rendered())["worker"]
    name = variables(worker)["STREAMPROC_WORKER_ID"]
    assert name["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    (container,) = worker["containers"]
    asked = {
        probe: container[probe]["httpGet"]["path"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    served = (ROOT / "streamproc" / "health.py").read_text("utf-8")
    assert all(f'web.get("{path}"' in served for path in asked.values())
    assert asked["readinessProbe"] == "/healthz/ready"
    (budget,) = of_kind("PodDisruptionBudget", rendered())
    (workers,) = of_kind("StatefulSet", rendered())
    labels = workers["spec"]["template"]["metadata"]["labels"]
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


@needs_helm
def test_lag_scales_the_workers() -> None:
    (scaled,) = of_kind("ScaledObject", with_all())
    (workers,) = of_kind("StatefulSet", with_all())
    assert scaled["spec"]["scaleTargetRef"]["name"] == workers["metadata"]["name"]
    assert "replicas" not in workers["spec"]
    assert "streamproc_lag_records" in scaled["spec"]["triggers"][0]["metadata"]["query"]


@needs_helm
def test_strimzi_makes_the_topics_that_a_worker_asks_for() -> None:
    wanted = wanted_topics(read_topology(), prefix="team.a_", app_id="streamproc")
    made = [each["spec"] for each in of_kind("KafkaTopic", with_all())]
    assert [(each["topicName"], each["partitions"], each["config"]) for each in made] == [
        (topic.name, topic.partitions, dict(topic.config)) for topic in wanted
    ]
    assert not [job for job in of_kind("Job", with_all()) if "topics" in job["metadata"]["name"]]


@needs_helm
def test_who_is_selected_by_no_other_policy_is_asked_by_nobody() -> None:
    policies = {
        each["metadata"]["name"]: each["spec"] for each in of_kind("NetworkPolicy", rendered())
    }
    assert policies["rel-all"]["ingress"] == []
    for component in ("worker", "console"):
        selected = policies[f"rel-{component}"]["podSelector"]["matchLabels"]
        assert selected["app.kubernetes.io/component"] == component
        assert all(rule["from"] for rule in policies[f"rel-{component}"]["ingress"])

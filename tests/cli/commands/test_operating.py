"""Operating an installation on a real broker and Postgres: topics, schema, settings, checks."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from streamproc.topics import read_topology

if TYPE_CHECKING:
    from tests.cli.conftest import Installation

pytestmark = pytest.mark.real


@pytest.fixture
def bare(installation: Installation, topic_prefix: str) -> Installation:
    """An installation whose topics do not exist yet."""
    installation.environment["STREAMPROC_TOPIC_PREFIX"] = f"{topic_prefix}bare-"
    installation.environment["STREAMPROC_APP_ID"] = f"{topic_prefix}bare"
    return installation


@pytest.fixture
def whole(installation: Installation, store_dsn: str) -> Installation:
    """An installation with a migrated store."""
    installation.environment["STREAMPROC_POSTGRES_DSN"] = store_dsn
    return installation


def checks_of(installation: Installation, *options: str) -> dict[str, tuple[str, str]]:
    """The doctor's findings: state and words by what was looked at."""
    done = installation.run("doctor", "--output", "json", *options)
    return {each["what"]: (each["state"], each["found"]) for each in json.loads(done.stdout)}


def test_topics_are_planned_then_created_then_as_declared(bare: Installation) -> None:
    declared = len(read_topology().topics) + len(read_topology().tables)
    planned = json.loads(bare.run("topics", "plan", "--output", "json").stdout)
    assert len(planned["to_create"]) == declared
    assert bare.run("topics", "check").returncode == 1
    created = bare.run("topics", "apply", "--output", "json")
    assert (created.returncode, len(json.loads(created.stdout)["created"])) == (0, declared)
    checked = bare.run("topics", "check")
    assert (checked.returncode, checked.stdout) == (0, "all topics are as declared\n")
    assert "nothing to do" in bare.run("topics", "apply").stdout


def test_people_see_each_topic_that_would_be_created(bare: Installation) -> None:
    shown = bare.run("topics", "plan").stdout
    assert all(topic.name in shown for topic in read_topology().topics)


def test_migrating_twice_changes_nothing(installation: Installation, postgres_dsn: str) -> None:
    installation.environment["STREAMPROC_POSTGRES_DSN"] = postgres_dsn
    first = json.loads(installation.run("db", "migrate", "--output", "json").stdout)["applied"]
    assert first
    second = installation.run("db", "migrate")
    assert (second.returncode, second.stdout) == (0, "the schema is current; nothing to do\n")


def test_settings_are_shown_without_secrets(whole: Installation) -> None:
    whole.environment["STREAMPROC_HELIUS_API_KEY"] = "very-secret"
    shown = whole.run("settings")
    assert shown.returncode == 0
    assert "STREAMPROC_KAFKA_BROKERS" in shown.stdout
    as_json = json.loads(whole.run("settings", "--output", "json").stdout)
    assert as_json["STREAMPROC_HELIUS_API_KEY"] == "**********"
    assert "very-secret" not in shown.stdout


def test_every_wrong_setting_is_named_and_ends_with_2(whole: Installation) -> None:
    whole.environment |= {"STREAMPROC_KAFKA_BROKERS": "x", "STREAMPROC_PRICE_RPM": "many"}
    done = whole.run("settings")
    assert done.returncode == 2
    assert "STREAMPROC_KAFKA_BROKERS" in done.stderr
    assert "STREAMPROC_PRICE_RPM" in done.stderr


def test_the_doctor_finds_a_whole_installation_well(whole: Installation) -> None:
    found = checks_of(whole)
    states = {what: state for what, (state, _) in found.items()}
    assert states | {"embedded stack": ""} == {
        "Python": "ok",
        "settings": "ok",
        "disk": "ok",
        "embedded stack": "",
        "broker": "ok",
        "topics": "ok",
        "Postgres": "ok",
        "schema": "ok",
        "upstream": "skipped",
    }
    assert whole.run("doctor").returncode == 0


def test_the_doctor_names_a_schema_that_is_not_current(
    installation: Installation, postgres_dsn: str
) -> None:
    installation.environment["STREAMPROC_POSTGRES_DSN"] = postgres_dsn
    state, found = checks_of(installation)["schema"]
    assert (state, "streamproc db migrate" in found) == ("failed", True)
    assert installation.run("doctor").returncode == 1


def test_the_doctor_names_topics_that_are_missing(bare: Installation, store_dsn: str) -> None:
    bare.environment["STREAMPROC_POSTGRES_DSN"] = store_dsn
    state, found = checks_of(bare)["topics"]
    assert (state, "streamproc topics apply" in found) == ("failed", True)


def test_the_doctor_survives_servers_that_are_away(whole: Installation) -> None:
    whole.environment |= {
        "STREAMPROC_KAFKA_BROKERS": "127.0.0.1:1",
        "STREAMPROC_POSTGRES_DSN": "postgresql://u:hidden@127.0.0.1:1/x",
    }
    found = checks_of(whole)
    assert found["broker"][0] == "failed"
    assert found["Postgres"][0] == "failed"
    assert "hidden" not in str(found)


def test_the_doctor_shows_wrong_settings_as_failed_checks(whole: Installation) -> None:
    whole.environment["STREAMPROC_PRICE_RPM"] = "many"
    done = whole.run("doctor")
    assert done.returncode == 1
    assert "STREAMPROC_PRICE_RPM" in done.stdout


def test_the_doctor_asks_the_upstream_without_showing_the_key(whole: Installation) -> None:
    whole.environment |= {
        "STREAMPROC_HELIUS_API_KEY": "very-secret",
        "STREAMPROC_HELIUS_RPC_URL": "http://127.0.0.1:1",
    }
    state, found = checks_of(whole, "--upstream")["upstream"]
    assert state == "failed"
    assert "very-secret" not in found


def test_too_little_disk_is_a_failed_check(
    whole: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    def little(_: object) -> Any:  # noqa: ANN401 - the library's own shape
        return Usage(free=1000)

    monkeypatch.setattr(shutil, "disk_usage", little)
    assert checks_of(whole)["disk"][0] == "failed"

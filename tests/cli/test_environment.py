"""Commands find the settings that a running `up` has written, from its folder and from those below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproc.cli.environment import effective_environment, effective_settings, env_file
from streamproc.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two below one where `up` runs, and no settings in the process."""
    for name in ("KAFKA_BROKERS", "POSTGRES_DSN", "APP_ID"):
        monkeypatch.delenv(f"STREAMPROC_{name}", raising=False)
    (tmp_path / ".streamproc").mkdir()
    (tmp_path / ".streamproc" / "env").write_text(
        "STREAMPROC_KAFKA_BROKERS=127.0.0.1:1\nSTREAMPROC_POSTGRES_DSN='postgresql:///up'\n",
        "utf-8",
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return below


def test_the_nearest_written_settings_are_found_from_below(place: Path) -> None:
    assert env_file(place) == place.parent.parent / ".streamproc" / "env"
    assert effective_settings().kafka_brokers == "127.0.0.1:1"


def test_dotenv_beats_what_up_wrote_and_the_process_beats_both(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / ".env").write_text(
        "STREAMPROC_KAFKA_BROKERS=127.0.0.1:2\nSTREAMPROC_APP_ID=file\n", "utf-8"
    )
    assert effective_settings().kafka_brokers == "127.0.0.1:2"
    monkeypatch.setenv("STREAMPROC_KAFKA_BROKERS", "127.0.0.1:3")
    settings = effective_settings()
    assert (settings.kafka_brokers, settings.app_id) == ("127.0.0.1:3", "file")


def test_an_empty_line_hides_nothing(place: Path) -> None:
    (place / ".env").write_text("STREAMPROC_KAFKA_BROKERS=\n", "utf-8")
    assert effective_environment()["STREAMPROC_KAFKA_BROKERS"] == "127.0.0.1:1"


@pytest.mark.usefixtures("place")
def test_given_settings_beat_everything() -> None:
    assert effective_settings(app_id="given").app_id == "given"


def test_without_a_store_only_the_broker_must_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STREAMPROC_POSTGRES_DSN", raising=False)
    monkeypatch.setenv("STREAMPROC_KAFKA_BROKERS", "127.0.0.1:1")
    assert effective_settings(store=False).kafka_brokers == "127.0.0.1:1"
    with pytest.raises(ConfigurationError, match="STREAMPROC_POSTGRES_DSN"):
        effective_settings()

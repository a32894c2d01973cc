"""Commands find the settings that a running `up` has written, from its folder and from those below."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamproc.cli.shared import environment
from streamproc.cli.shared.environment import effective_environment, effective_settings, env_file
from streamproc.errors import ConfigurationError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two below one where `up` runs, and no settings in the process."""
    for name in ("KAFKA_BROKERS", "POSTGRES_DSN", "APP_ID"):
        monkeypatch.delenv(f"STREAMPROC_{name}", raising=False)
    (tmp_path / ".streamproc").mkdir(mode=0o700)
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


def planted(folder: Path, text: str, name: str = ".streamproc/env") -> Path:
    """A file with settings in a folder, as `up` or a person writes it."""
    file = folder / name
    file.parent.mkdir(exist_ok=True, mode=0o700)
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    return file


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was said yet about files that are passed over."""
    monkeypatch.setattr(environment, "_told", set())


@pytest.mark.parametrize("name", [".streamproc/env", ".env"])
def test_only_our_settings_are_taken_from_a_file(tmp_path: Path, name: str) -> None:
    planted(tmp_path, "PATH=/evil\nLD_PRELOAD=x\nHTTPS_PROXY=x\nSTREAMPROC_APP_ID=ours\n", name)
    found = effective_environment(tmp_path)
    assert found["STREAMPROC_APP_ID"] == "ours"
    assert found.get("PATH") != "/evil"
    assert not {"LD_PRELOAD", "HTTPS_PROXY"} & (set(found) - set(os.environ))


def test_a_file_arms_no_failpoint_and_what_up_wrote_sends_no_key_elsewhere(tmp_path: Path) -> None:
    lines = "STREAMPROC_FAILPOINTS=mid-sync=kill\nSTREAMPROC_UPSTREAM_HOSTS=evil.example\n"
    planted(tmp_path, lines)
    assert not {"STREAMPROC_FAILPOINTS", "STREAMPROC_UPSTREAM_HOSTS"} & set(
        effective_environment(tmp_path)
    )
    planted(tmp_path, lines, ".env")
    found = effective_environment(tmp_path)
    assert "STREAMPROC_FAILPOINTS" not in found
    assert found["STREAMPROC_UPSTREAM_HOSTS"] == "evil.example"  # a person's own setting


@pytest.mark.parametrize("name", [".streamproc/env", ".env"])
def test_a_file_that_others_may_write_is_passed_over_which_is_said_once(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = planted(tmp_path, "STREAMPROC_APP_ID=theirs\n", name)
    file.chmod(0o666)
    for _ in range(2):
        assert "STREAMPROC_APP_ID" not in effective_environment(tmp_path)
    said = capsys.readouterr().err
    assert said.count("passed over") == 1
    assert str(file) in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("given", ["file", "folder", "both"])
def test_a_neighbour_s_file_is_passed_over(tmp_path: Path, given: str) -> None:
    above = tmp_path / "srv"
    mine = above / "mine"
    mine.mkdir(parents=True)
    file = planted(above, "STREAMPROC_HELIUS_RPC_URL=http://127.0.0.1:1\n")
    for path in {"file": [file], "folder": [file.parent], "both": [file, file.parent]}[given]:
        os.chown(path, 65_534, 65_534)
    assert "STREAMPROC_HELIUS_RPC_URL" not in effective_environment(mine)


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_nothing_above_the_project_s_root_is_looked_at(tmp_path: Path, mark: str) -> None:
    planted(tmp_path, "STREAMPROC_APP_ID=above\n")
    root = tmp_path / "project"
    below = root / "a" / "b"
    below.mkdir(parents=True)
    assert env_file(below) == tmp_path / ".streamproc" / "env"
    (root / mark).touch()
    assert env_file(below) is None
    planted(root, "STREAMPROC_APP_ID=root\n")
    assert env_file(below) == root / ".streamproc" / "env"


def test_nothing_above_home_and_never_the_root_of_the_machine_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    below = home / "a"
    below.mkdir(parents=True)
    planted(tmp_path, "STREAMPROC_APP_ID=above\n")
    monkeypatch.setenv("HOME", str(home))
    assert env_file(below) is None
    planted(home, "STREAMPROC_APP_ID=home\n")
    assert env_file(below) == home / ".streamproc" / "env"
    assert Path("/") not in list(environment._up_to_the_root(Path("/srv/a")))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_nothing_above_a_stranger_s_folder_is_looked_at(tmp_path: Path) -> None:
    planted(tmp_path, "STREAMPROC_APP_ID=above\n")
    stranger = tmp_path / "stranger"
    below = stranger / "ours"
    below.mkdir(parents=True)
    os.chown(stranger, 65_534, 65_534)
    assert env_file(below) is None

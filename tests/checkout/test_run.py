"""`./run` on machines of every kind, played by programs that say which Python they are and note what they are told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
# All that the script takes from the machine, beside a Python.
NEEDED = ("sh", "dirname", "cat", "cksum", "rm", "mkdir", "chmod", "cp")
TOO_OLD: Final = "#!/bin/sh\nexit 1\n"
# Answers the question whether it fits; makes an environment whose Python is a copy of itself; notes the rest.
FITS: Final = """#!/bin/sh
case "$*" in
    --version) echo "Python 3.12.0" ;;
    -c*ensurepip*) [ -z "${NO_ENSUREPIP:-}" ] ;;
    -c*) exit 0 ;;
    *"-m venv --clear"*)
        echo "$*" >>"$NOTES"
        rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    *) echo "$*" >>"$NOTES"; [ -z "${PIP_FAILS:-}" ] ;;
esac
"""


class Machine:
    """A checkout and a PATH with nothing on it but what is put there."""

    def __init__(self, folder: Path, pythons: dict[str, str]) -> None:
        self.root = folder / "checkout"
        self.root.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.notes = folder / "notes"
        for name in NEEDED:
            (self.bin / name).symlink_to(shutil.which(name) or name)
        for name, text in pythons.items():
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        shutil.copy(ROOT / "run", self.root)
        (self.root / "requirements.lock").write_text("one==1\n")
        (self.root / "pyproject.toml").write_text("")

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """What `./run` does there; called from another folder."""
        return subprocess.run(
            [self.root / "run", *words],
            env={"PATH": str(self.bin), "NOTES": str(self.notes), **environment},
            cwd=self.bin,
            capture_output=True,
            text=True,
            check=False,
        )

    def noted(self) -> list[str]:
        """What the Pythons were told since the last question, in short."""
        if not self.notes.exists():
            return []
        lines = self.notes.read_text().splitlines()
        self.notes.unlink()
        kinds = {"venv": "venv", "--require-hashes": "lock", "--editable": "project"}
        return [kinds[next(word for word in line.split() if word in kinds)] for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, {"python3": FITS})


def test_a_first_start_installs_lock_and_project_and_a_second_start_nothing(
    machine: Machine,
) -> None:
    assert machine.run("setup").returncode == 0
    assert machine.noted() == ["venv", "lock", "project"]
    again = machine.run("setup")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert machine.noted() == []


def test_a_new_lock_is_installed_over_the_old_one(machine: Machine) -> None:
    machine.run("setup")
    machine.noted()
    (machine.root / "requirements.lock").write_text("one==2\n")
    assert machine.run("setup").returncode == 0
    assert machine.noted() == ["lock", "project"]


def test_a_changed_project_file_is_installed_without_the_lock(machine: Machine) -> None:
    machine.run("setup")
    machine.noted()
    (machine.root / "pyproject.toml").write_text("changed\n")
    assert machine.run("setup").returncode == 0
    assert machine.noted() == ["project"]


def test_an_interrupted_installation_is_begun_anew(machine: Machine) -> None:
    failed = machine.run("setup", PIP_FAILS="yes")
    assert failed.returncode == 1
    assert "run this again to try again" in failed.stderr
    assert machine.noted() == ["venv", "lock"]
    assert machine.run("setup").returncode == 0
    assert machine.noted() == ["venv", "lock", "project"]


def test_an_environment_whose_python_is_gone_is_made_anew(machine: Machine) -> None:
    machine.run("setup")
    machine.noted()
    (machine.root / ".venv" / "bin" / "python").unlink()
    assert machine.run("setup").returncode == 0
    assert machine.noted() == ["venv", "lock", "project"]


def test_a_checkout_that_was_moved_is_installed_again(machine: Machine) -> None:
    machine.run("setup")
    machine.noted()
    machine.root = machine.root.rename(machine.root.with_name("elsewhere"))
    assert machine.run("setup").returncode == 0
    assert "lock" in machine.noted()


def test_a_newer_python_under_another_name_is_found_when_python3_is_too_old(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"python3": TOO_OLD, "python3.12": FITS})
    assert machine.run("setup").returncode == 0
    assert machine.noted() == ["venv", "lock", "project"]


def test_a_python_named_by_the_caller_comes_first(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"python3": TOO_OLD, "mine": FITS})
    assert machine.run("setup", PYTHON=str(machine.bin / "mine")).returncode == 0


@pytest.mark.parametrize("pythons", [{}, {"python3": TOO_OLD}], ids=["none", "too old"])
def test_without_a_usable_python_one_sentence_says_what_to_do(
    tmp_path: Path, pythons: dict[str, str]
) -> None:
    done = Machine(tmp_path, pythons).run("demo")
    assert done.returncode == 1
    assert done.stderr.startswith("run: no Python 3.11 to 3.14 found: install one, or name it")
    assert done.stderr.count("\n") == 1


def test_a_python_without_ensurepip_is_named_with_the_package_that_it_lacks(
    machine: Machine,
) -> None:
    done = machine.run("demo", NO_ENSUREPIP="yes")
    assert done.returncode == 1
    assert "python3 cannot make virtual environments" in done.stderr
    assert "apt-get install python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1


def test_other_verbs_go_to_the_program_with_their_arguments_and_the_callers_folder(
    machine: Machine,
) -> None:
    machine.run("setup")
    program = machine.root / ".venv" / "bin" / "streamproc"
    program.write_text('#!/bin/sh\necho "$PWD" "$#" "$@"\nexit 7\n')
    program.chmod(0o755)
    done = machine.run("submit", "two words", "--wait")
    assert done.returncode == 7
    assert done.stdout == f"{machine.bin} 3 submit two words --wait\n"


def test_the_tests_keep_the_bytecode_of_what_they_import(machine: Machine) -> None:
    machine.run("setup")
    python = machine.root / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "${PYTHONDONTWRITEBYTECODE-kept}"\n')
    done = machine.run("test", PYTHONDONTWRITEBYTECODE="1")
    assert (done.returncode, done.stdout) == (0, "kept\n")


def test_help_is_shown_without_installing_anything(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {})
    for words in ((), ("help",), ("--help",)):
        done = machine.run(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert "demo" in done.stdout
    assert not (machine.root / ".venv").exists()


def test_the_script_accepts_the_python_that_runs_these_tests() -> None:
    question = (ROOT / "run").read_text().split('"$1" -c "\n')[1].split('" >/dev/null')[0]
    done = subprocess.run(
        [sys.executable, "-c", question.replace("$2", "venv, ensurepip")], check=False
    )
    assert done.returncode == 0

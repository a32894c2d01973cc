"""Every benchmark that `./run bench` lists says what it does when asked with `--help`."""

from __future__ import annotations

import importlib

import pytest

RUN = importlib.import_module("benchmarks.__main__")
BENCHMARKS = [name for name in RUN.NAMES if name != "__main__"]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # else the runner sets it for good
    with pytest.raises(SystemExit) as ended:
        RUN.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: ./run bench {name}" in capsys.readouterr().out


def test_what_is_no_benchmark_is_answered_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert RUN.main(["nothing"]) == 2
    assert capsys.readouterr().err.rpartition(": ")[2].split() == [
        *(f"{name}," for name in BENCHMARKS[:-1]),
        BENCHMARKS[-1],
    ]

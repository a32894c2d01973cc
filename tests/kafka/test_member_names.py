"""Workers of one machine have different names, and who comes back takes the name that was left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from streamproc.errors import ConfigurationError
from streamproc.kafka.member_names import member_name

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time, pathlib
from streamproc.kafka.member_names import member_name
with member_name(pathlib.Path(sys.argv[1])) as name:
    print(name, flush=True)
    time.sleep(600)
"""


def test_each_takes_the_first_free_name(tmp_path: Path) -> None:
    with ExitStack() as first, member_name(tmp_path) as one:
        two = first.enter_context(member_name(tmp_path))
        with member_name(tmp_path) as three:
            assert [one, two, three] == ["worker-1", "worker-2", "worker-3"]
        first.close()
        with member_name(tmp_path) as again:
            assert again == "worker-2"


def test_a_killed_process_holds_no_name(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "worker-1\n"
    with member_name(tmp_path) as beside:
        assert beside == "worker-2"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with member_name(tmp_path) as after:
        assert after == "worker-1"


def test_a_folder_that_is_none_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError) as caught, member_name(tmp_path / "file"):
        pass
    assert "STREAMPROC_WORKER_IDS_DIR" in str(caught.value)
    assert os.strerror(20) in str(caught.value)

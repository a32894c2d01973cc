"""A copy of the package that declares other topics than ours."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import streamproc
from streamproc.topics import topology_path

if TYPE_CHECKING:
    from collections.abc import Mapping


def redeclared(folder: Path, partitions: Mapping[str, int]) -> str:
    """A copy in which these topics and tables have so many partitions; the folder to import it from."""
    package = folder / "streamproc"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(streamproc.__file__).parent, package, ignore=ignored)
    text = topology_path().read_text(encoding="utf-8")
    for name, count in partitions.items():
        declared = rf"(?ms)(^  {re.escape(name)}:\n.*?^    partitions: )\d+$"
        text, found = re.subn(declared, rf"\g<1>{count}", text, count=1)
        assert found == 1, name
    (package / "topics.yaml").write_text(text, encoding="utf-8")
    return str(folder)

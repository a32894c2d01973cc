"""The broker's jars: fetched once, each checked against its pinned SHA-256, kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import platformdirs

from streamproc import limits
from streamproc.local.guarded import LocalStackError
from streamproc.safety.own_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTIAL = ".partial-"


class Jar(NamedTuple):
    """A pinned jar: its Maven coordinate and the SHA-256 of the file in hex."""

    group: str
    artifact: str
    version: str
    sha256: str

    def file_name(self) -> str:
        """The name in the cache; another pin has another name."""
        return f"{self.artifact}-{self.version}-{self.sha256[:12]}.jar"


def pinned_jars() -> list[Jar]:
    """The jars that the broker needs, as pinned in `jars.txt`."""
    return parse_pins((files("streamproc.local") / "jars.txt").read_text(encoding="utf-8"))


def parse_pins(text: str) -> list[Jar]:
    """The jars of lines `group:artifact:version sha256`; empty lines and `#` comments are left out."""
    jars = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def jar_cache() -> Path:
    """Where jars are kept for all stacks of this user."""
    return Path(platformdirs.user_cache_dir("streamproc")) / "jars"


def classpath(jars: Sequence[Jar], cache: Path, say: Callable[[str], None]) -> list[Path]:
    """The files of all jars, fetched into `cache` where missing; raises LocalStackError when one cannot be had.

    What is there is checked at each start (0.1 s for all): a file that was changed since is said and fetched anew.
    Several processes may do this at once: each fetches into a folder of its own and puts the file in place whole.
    """
    paths = [cache / jar.file_name() for jar in jars]
    with ThreadPoolExecutor(limits.JAR_FETCHES) as pool:
        states = list(pool.map(lambda jar: _state(cache / jar.file_name(), jar), jars))
    for jar in (jar for jar, state in zip(jars, states, strict=True) if state == "changed"):
        say(f"{cache / jar.file_name()} is not what was pinned: it is fetched anew")
    missing = [jar for jar, state in zip(jars, states, strict=True) if state != "as pinned"]
    if missing:
        say(f"fetching {len(missing)} jars of Apache Kafka, once, into {cache}")
        private_folder(cache)
        _sweep(cache)
        with ThreadPoolExecutor(limits.JAR_FETCHES) as pool:
            for _ in pool.map(lambda jar: _fetch(jar, cache), missing):
                pass
    return paths


def _state(path: Path, jar: Jar) -> Literal["missing", "changed", "as pinned"]:
    """Whether a jar is in the cache, and is what was pinned."""
    try:
        return "as pinned" if _sha256(path) == jar.sha256 else "changed"
    except FileNotFoundError:
        return "missing"


def _fetch(jar: Jar, cache: Path) -> None:
    """Put one jar into the cache, or raise LocalStackError after the last try."""
    reason = ""
    for _ in range(limits.JAR_TRIES):
        with tempfile.TemporaryDirectory(dir=cache, prefix=PARTIAL) as folder:
            try:
                got = download(jar, Path(folder))
            except Exception as error:  # noqa: BLE001 - jgo lets through whatever its HTTP client and parser raise
                reason = f"{type(error).__name__}: {error}"
                continue
            found = _sha256(got)
            if found == jar.sha256:
                got.replace(cache / jar.file_name())
                return
            reason = f"its SHA-256 is {found}, not {jar.sha256}"
    coordinate = f"{jar.group}:{jar.artifact}:{jar.version}"
    raise LocalStackError(f"cannot fetch {coordinate} for the embedded broker: {reason}")


def download(jar: Jar, folder: Path) -> Path:
    """Fetch one jar from Maven's central repository into `folder`, unchecked; returns the file."""
    from jgo.maven import MavenContext  # noqa: PLC0415 - slow to import, and not needed once the jars are there

    context = MavenContext(repo_cache=folder, timeout=limits.JAR_TIMEOUT_S)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    return Path(artifact.resolve())


def _sha256(path: Path) -> str:
    """The file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sweep(cache: Path) -> None:
    """Remove folders of fetches that died; those of the last hour may belong to a living process."""
    for folder in cache.glob(f"{PARTIAL}*"):
        try:
            is_old = time.time() - folder.stat().st_mtime > limits.JAR_LEFTOVER_S
        except FileNotFoundError:
            continue
        if is_old:
            shutil.rmtree(folder, ignore_errors=True)

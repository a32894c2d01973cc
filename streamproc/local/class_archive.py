"""The broker's classes, read and verified once: a JVM that maps their archive starts in half of the processor time.

The JVM checks by itself that an archive is of the same JVM and the same jars, and does without it otherwise.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.local.jars import PARTIAL
from streamproc.safety.own_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class ClassArchive:
    """The archive of what a JVM with these jars loads, in `folder`; `java` and `flags` are the JVM's."""

    def __init__(
        self, folder: Path, java: Path, flags: Sequence[str], jars: Sequence[Path]
    ) -> None:
        self._java, self._flags, self._jars = java, flags, jars
        of = "\n".join(map(str, (java, *flags, *jars)))
        self.path = folder / f"kafka-{hashlib.sha256(of.encode()).hexdigest()[:12]}.jsa"

    def is_there(self) -> bool:
        """True when it was made, by this user, of the JVM and the jars as they are now."""
        try:
            found = self.path.stat()
            newest = max(path.stat().st_mtime for path in (self._java, *self._jars))
        except FileNotFoundError:
            return False
        return found.st_uid == os.geteuid() and found.st_mtime > newest

    def flags(self) -> list[str]:
        """What lets a JVM map the archive, once its checksum is found right; nothing when there is none."""
        if not self.is_there():
            return []
        return [f"-XX:SharedArchiveFile={self.path}", "-XX:+VerifySharedSpaces"]

    def make(self, loaded: Path, say: Callable[[str], None]) -> None:
        """Make it of the classes that `loaded` lists; several processes may do so at once.

        Without it everything works, only slower: that it cannot be made is said, not raised.
        """
        say("keeping Kafka's classes for faster starts, once")
        try:
            private_folder(self.path.parent)
            self._sweep()
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=PARTIAL) as folder:
                made = Path(folder) / self.path.name
                subprocess.run(  # noqa: S603 - our own program
                    self._command(loaded, made),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=True,
                    umask=0o077,
                )
                made.replace(self.path)
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"they cannot be kept in {self.path.parent}: {error}")

    def _command(self, loaded: Path, made: Path) -> list[str | Path]:
        """What makes the archive."""
        what = [
            "-Xshare:dump",
            f"-XX:SharedClassListFile={loaded}",
            f"-XX:SharedArchiveFile={made}",
        ]
        return [self._java, *self._flags, *what, "-cp", os.pathsep.join(map(str, self._jars))]

    def _sweep(self) -> None:
        """Remove old archives, of other JVMs most likely; one that is missed is made anew."""
        for archive in self.path.parent.glob("kafka-*.jsa"):
            if time.time() - archive.stat().st_mtime > limits.CLASS_ARCHIVE_KEPT_S:
                archive.unlink(missing_ok=True)


def listing(into: Path) -> str:
    """The flag with which a JVM lists the classes that it loads."""
    return f"-XX:DumpLoadedClassList={into}"

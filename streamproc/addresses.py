"""Addresses in settings: how they must be written, and where they may lead."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

PORT_MAX: Final = 65_535
HOST: Final = re.compile(r"[a-z0-9.:-]+")


def broker_list(text: str) -> str:
    """Return `host:port[,host:port...]` unchanged, or raise ValueError."""
    for part in text.split(","):
        host, _, port = part.strip().rpartition(":")
        if not (host and port.isdigit() and 0 < int(port) <= PORT_MAX):
            raise ValueError("must be host:port, several separated by commas")
    return text


def bind(text: str) -> str:
    """Return `host:port` unchanged (port 0 = any free one), or raise ValueError."""
    host, _, port = text.rpartition(":")
    if not (host and port.isdigit() and int(port) <= PORT_MAX):
        raise ValueError("must be host:port")
    return text


def base_url(text: str) -> str:
    """Return a base without a trailing slash, or raise ValueError: https, or http on this machine."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https URL")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a base URL without query, fragment or credentials")
    if parts.path.strip("/") or not HOST.fullmatch(parts.hostname) or parts.port == 0:
        raise ValueError("must be a scheme, a host and maybe a port, nothing else")
    if parts.scheme == "http" and not is_loopback(text):
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

"""httpx without its command line, which brings rich and pygments along: a tenth of all that a worker would import."""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None: it is not to be had

import httpx  # noqa: E402 - after the line above

__all__ = ["httpx"]

"""An installation without a worker."""

from __future__ import annotations

from tests.cli.conftest import installation

__all__ = ["installation"]

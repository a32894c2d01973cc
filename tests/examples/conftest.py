"""An installation without a worker, for all examples: what they ask is answered from the published examples."""

from __future__ import annotations

from tests.cli.conftest import installation

__all__ = ["installation"]

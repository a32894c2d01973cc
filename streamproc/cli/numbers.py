"""Numbers of the command line: of a range, and numbers indeed."""

from __future__ import annotations

import math

import click


class FiniteRange(click.FloatRange):
    """A float of a range; `nan`, which lies in every range, and infinities are refused."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; raises click.BadParameter."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number

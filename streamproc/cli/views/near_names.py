"""Commands whose name is misspelled: what may be meant."""

from __future__ import annotations

from difflib import get_close_matches

import click


class Group(click.Group):
    """A group that says which command may have been meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named; raises UsageError with the names that look like it."""
        near = get_close_matches(args[0], self.list_commands(ctx))
        if near and self.get_command(ctx, args[0]) is None:
            meant = " or ".join(f"'{name}'" for name in near)
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean {meant}?", ctx)
        return super().resolve_command(ctx, args)

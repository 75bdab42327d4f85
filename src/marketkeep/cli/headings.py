"""
The list of commands under headings, each with its whole sentence; the order is that of a first day with a keep.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

BEGIN = "Begin"
COLLECT = "Collect"
LOOK = "Look"
LOOK_AFTER = "Look after"
_ORDER = (BEGIN, COLLECT, LOOK, LOOK_AFTER)


class Headings(TyperGroup):
    """A group of commands that lists them under the heading each was registered with (`rich_help_panel`)."""

    def list_commands(self, ctx: Any) -> list[str]:
        """By heading, then as registered, groups of commands last."""
        return sorted(self.commands, key=lambda name: (_ORDER.index(self.heading(name)), self._is_group(name)))

    def _is_group(self, name: str) -> bool:
        return isinstance(self.commands[name], TyperGroup)

    def heading(self, name: str) -> str:
        """The heading of a command; the last one where none was given."""
        told = getattr(self.commands[name], "rich_help_panel", None)
        return told if told in _ORDER else _ORDER[-1]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the lists."""
        for heading in _ORDER:
            names = [name for name in self.list_commands(ctx) if self.heading(name) == heading]
            if names:
                with formatter.section(heading):
                    formatter.write_dl([(name, self.commands[name].get_short_help_str(limit=200)) for name in names])

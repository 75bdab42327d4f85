"""
The application: its options, and how it ends. A command parses, calls one library function and shows what came back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from marketkeep.cli.show import ERR, progress
from marketkeep.config import Settings, read_settings
from marketkeep.errors import BadInput, MarketkeepError
from marketkeep.pipeline.workspace import Workspace, open_workspace

app = typer.Typer(
    name="marketkeep",
    help="A market-data keep: every payload kept, every number explained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

DataOption = Annotated[
    Path | None, typer.Option("--data", "-d", help="Folder of the keep [default: MARKETKEEP_DATA, or ./data].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def main() -> None:
    """Run the command line. Ends with 0; 1 for findings and failures; 2 for misuse; 130 when interrupted."""
    try:
        app()
    except MarketkeepError as error:
        ERR.print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)


def settings(data: Path | None) -> Settings:
    """The settings of this process, the option winning over environment and file."""
    return read_settings(data=data)


@contextmanager
def working(chosen: Settings) -> Iterator[Workspace]:
    """The keep opened for work, with progress shown; an interruption says what to do next."""
    try:
        with progress() as watch:
            yield open_workspace(chosen.data, progress=watch, pack_bytes=chosen.pack_bytes)
    except KeyboardInterrupt:
        ERR.print("interrupted: what had been received is kept; run the same command again to go on", markup=False)
        raise typer.Exit(130) from None


def parse_day(text: str | None, option: str) -> date | None:
    """A date option as YYYY-MM-DD. Raises `BadInput`."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a date; write it as YYYY-MM-DD") from None

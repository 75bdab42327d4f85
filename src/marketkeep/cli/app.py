"""
The application that commands register with, and what they share: options, settings, the keep opened for work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import marketkeep
from marketkeep.cli.headings import Headings
from marketkeep.cli.show import ERR, say
from marketkeep.config import Settings, read_settings
from marketkeep.errors import BadInput
from marketkeep.files import Files, Folder, Options, files_at

if TYPE_CHECKING:
    from marketkeep.pipeline.workspace import Workspace

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended."""

app = typer.Typer(
    name="marketkeep",
    cls=Headings,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="PLACE",
        help="The keep: a folder, or s3://bucket/prefix [default: MARKETKEEP_DATA, or ./data].",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Only what the market knew on this day.")
]
RecordedByOption = Annotated[
    str | None,
    typer.Option("--recorded-by", metavar="TIME", help="Only what this keep had received by then (UTC)."),
]
AllRowsOption = Annotated[
    bool, typer.Option("--all-rows", help="Show all rows in a terminal too; a pipe and --json always get all.")
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """
    A market-data keep: every payload kept, every number explained.

    Begin with `marketkeep demo`. Exit codes: 0 when all is well, 1 for failures and findings, 2 for misuse.
    """
    if version:
        say(f"marketkeep {marketkeep.__version__}")
    elif context.invoked_subcommand is None:
        say(context.get_help())


def settings(data: str | Path | None) -> Settings:
    """The settings of this process, the option winning over environment and file."""
    return read_settings(data=data)


def files_of(chosen: Settings, data: str | None = None) -> Files:
    """The files of the keep that is set, or of the one at `data`, used as the settings say."""
    options = Options(
        cache=chosen.cache,
        cache_bytes=chosen.cache_bytes,
        fresh_seconds=chosen.fresh_seconds,
        lease_seconds=chosen.lease_seconds,
        in_flight=chosen.in_flight,
        retries=chosen.retries,
    )
    return files_at(data or chosen.data, options)


def room_of(chosen: Settings) -> Path:
    """The folder on this machine for what is told of sources (calls, quotas): the keep's own, where it is one."""
    files = files_of(chosen)
    return files.root if isinstance(files, Folder) else files.scratch


def place(data: str | None) -> Files:
    """The files of the keep that a command is about."""
    return files_of(settings(data))


@contextmanager
def working(chosen: Settings) -> Iterator[Workspace]:
    """The keep opened for work, with progress shown; an interruption says what to do next."""
    # Who only reads need not wait for what works.
    from marketkeep.cli.progress import progress  # noqa: PLC0415
    from marketkeep.pipeline.workspace import open_workspace  # noqa: PLC0415

    try:
        with progress() as watch:
            yield open_workspace(files_of(chosen), progress=watch, pack_bytes=chosen.pack_bytes)
    except KeyboardInterrupt:
        ERR.print("interrupted: what had been received is kept; run the same command again to go on")
        raise typer.Exit(INTERRUPTED) from None


def parse_day(text: str, option: str) -> date:
    """A date option as YYYY-MM-DD. Raises `BadInput`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a date; write it as YYYY-MM-DD") from None

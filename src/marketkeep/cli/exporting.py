"""
The command that writes a keep in the form of another tool: export.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from marketkeep.cli.answering import Adjustment
from marketkeep.cli.app import AsOfOption, DataOption, RecordedByOption, app, place
from marketkeep.cli.headings import LOOK
from marketkeep.cli.progress import progress
from marketkeep.cli.show import complain, say
from marketkeep.export import Wanted
from marketkeep.export import export as export_keep
from marketkeep.query import Keep


class FormName(StrEnum):
    """A form to export to."""

    csv = "csv"
    parquet = "parquet"
    qlib = "qlib"
    lean = "lean"
    zipline = "zipline"
    nautilus = "nautilus"


@app.command(rich_help_panel=LOOK)
def export(
    out: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A new folder, or an earlier export to replace; or s3://...")
    ],
    to: Annotated[FormName, typer.Option("--to", help="The form to write.")],
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbols", metavar="SYMBOLS", help="One or more with commas between, in any vendor's spelling."),
    ] = None,
    universe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whoever was a member of this index in the range, or all that is held."),
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="First session (YYYY-MM-DD).")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Last session, included.")] = None,
    adjust: Annotated[
        Adjustment | None, typer.Option(help="How prices are adjusted [default: as the form wants them].")
    ] = None,
    minute: Annotated[bool, typer.Option("--minute", help="Minute bars instead of daily ones.")] = False,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    data: DataOption = None,
) -> None:
    """Write bars and actions as files of csv, parquet, qlib, lean, zipline or nautilus."""
    named = tuple(one.strip() for text in symbols or () for one in text.split(",") if one.strip())
    wanted = Wanted(
        symbols=named,
        universe=universe,
        start=start,
        end=end,
        adjust=adjust.value if adjust else None,
        minute=minute,
        as_of=as_of,
        recorded_by=recorded_by,
    )
    keep = Keep(place(data))
    with progress() as shown:
        done = export_keep(keep, to.value, wanted, out, shown)
    say(f"{done.bars:,} bars of {done.symbols:,} symbols written to {done.out}")
    for note in done.notes:
        complain(note, kind="note")

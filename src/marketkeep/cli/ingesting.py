"""
The command that takes in files: ingest.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from marketkeep.cli.app import DataOption, app, parse_day, settings, working
from marketkeep.cli.collecting import end_with_corrupt
from marketkeep.cli.headings import BEGIN
from marketkeep.cli.show import complain, printable, say
from marketkeep.model import Symbol
from marketkeep.pipeline.files import Checked, FileOptions
from marketkeep.pipeline.ingest import Ingested
from marketkeep.pipeline.ingest import ingest as ingest_files


class BasisName(StrEnum):
    """What a file's prices were adjusted for when they were written."""

    as_traded = "as_traded"
    split_adjusted = "split_adjusted"
    adjusted = "adjusted"


@app.command(rich_help_panel=BEGIN)
def ingest(
    files: Annotated[
        list[Path], typer.Argument(help="CSV files (.gz, .zip too), LEAN data files, or folders of them.")
    ],
    symbol: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="The symbol of files that hold one and do not tell it.")
    ] = None,
    basis: Annotated[
        BasisName | None, typer.Option(help="What prices in the files are adjusted for, when the header misleads.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name for where the files are from [default: csv or lean].")
    ] = None,
    members: Annotated[
        str | None,
        typer.Option(metavar="INDEX", help="The files hold members of this index: a list, intervals or changes."),
    ] = None,
    on: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day of a list of members that has no dates (YYYY-MM-DD).")
    ] = None,
    data: DataOption = None,
) -> None:
    """Take in files of daily bars, actions or members; one that cannot be read is refused whole."""
    options = FileOptions(
        str(Symbol.parse(symbol)) if symbol else None,
        basis.value if basis else None,
        source,
        members,
        parse_day(on, "--on") if on else None,
    )
    with working(settings(data)) as work:
        result = ingest_files(work, files, options)
    show_ingested(result, members)
    end_with_corrupt(result.absorbed)


def show_ingested(result: Ingested, index: str | None = None) -> None:
    """How each file was understood and what came of it; with `index` they told of its members."""
    for file, digest in result.taken:
        tally = file.tally
        say(f"{_name(file.path)}: {_counted(file, index)}")
        say(f"  landed as {digest}")
        for part, form in file.parts:
            if len(file.parts) > 1:
                say(f"  {printable(part)}")
            for line in form.describe() if form else []:
                say(f"  {printable(line)}")
        if tally.empty or tally.repeated:
            say(f"  left out: {tally.empty:,} rows without a price, {tally.repeated:,} repeated rows")
    for path in result.held:
        say(f"{_name(path)}: already held; its arrival was noted")
    for path, reason in result.passed_over:
        complain(f"{path}: {reason}", kind="passed over")
    if index is None:
        say(f"published {result.absorbed.bars:,} bars of {len(result.absorbed.symbols):,} symbols")
    else:
        say(f"see them with: marketkeep members {index}")


def _counted(file: Checked, index: str | None) -> str:
    """How much a file told."""
    tally = file.tally
    if any(form is not None and form.name == "lean_map" for _, form in file.parts):
        return f"{tally.rows:,} lines of tickers"
    what = f"{tally.bars:,} bars, {tally.actions:,} actions" if index is None else f"{tally.rows:,} statements"
    return f"{what}, {len(file.symbols):,} symbols"


def _name(path: Path) -> str:
    return printable(path.name)

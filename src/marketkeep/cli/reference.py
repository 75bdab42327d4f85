"""
Commands that read reference data: list-symbols, members, yields.
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from marketkeep.cli.app import AllRowsOption, AsOfOption, DataOption, JsonOption, RecordedByOption, app, place
from marketkeep.cli.headings import LOOK
from marketkeep.cli.show import frame_json, frame_part, say
from marketkeep.query import Keep

# What a person looks for first; the name last, because it is folded where a terminal is narrow.
_SHOWN = (
    *("symbol", "asset_class", "followed", "active", "first_session", "last_session", "exchange", "priority", "start"),
    *("delisting_date", "delisting_reason", "cik", "name"),
)
_SPARE = ("cik", "delisting_reason", "start", "priority", "exchange", "delisting_date", "asset_class", "active")


@app.command("list-symbols", rich_help_panel=LOOK)
def list_symbols(
    all_: Annotated[
        bool, typer.Option("--all", help="Every security of the directories, also those neither followed nor held.")
    ] = False,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """List the symbols the keep follows or holds bars of, or all it knows."""
    known = Keep(place(data)).securities(as_of=as_of, recorded_by=recorded_by)
    listed = known if all_ else known.filter(pl.col("followed") | pl.col("first_session").is_not_null())
    if json_:
        frame_json(listed)
        return
    if listed.is_empty():
        say("no symbol is known yet" if known.is_empty() else "no symbol is followed yet")
    else:
        frame_part(listed.select(_SHOWN), all_rows=all_rows, spare=_SPARE)
    if hidden := known.height - listed.height:
        say(f"{hidden:,} more are known and neither followed nor held; --all lists them", style="dim")


@app.command("members", rich_help_panel=LOOK)
def members(
    index: Annotated[str, typer.Argument(help="sp500, nasdaq100, dow_jones, russell_1000, or a name of your own.")],
    on: Annotated[
        str | None, typer.Option(metavar="DATE", help="Members on this session [default: the newest day known].")
    ] = None,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Everyone who ever was a member, from when to when.")
    ] = False,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """List the members of an index on a day."""
    keep = Keep(place(data))
    # A bad date is refused whichever table is asked for.
    symbols = keep.members(index, on, as_of=as_of, recorded_by=recorded_by)
    known = keep.index_members(index, as_of=as_of, recorded_by=recorded_by)
    if intervals:
        found = known.drop("index")
    else:
        names = known.group_by("symbol").agg(pl.col("name").drop_nulls().last())
        found = pl.DataFrame({"symbol": symbols}, schema={"symbol": pl.String}).join(
            names, on="symbol", how="left", maintain_order="left"
        )
    _show(found, all_rows=all_rows, json_=json_, none=f"no member of {index} is known on that day")


@app.command("yields", rich_help_panel=LOOK)
def yields(
    start: Annotated[str | None, typer.Option(metavar="DATE", help="First day (YYYY-MM-DD).")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Last day, included.")] = None,
    tenor: Annotated[
        str | None, typer.Option(metavar="TENOR", help="One point, such as 10Y; 3M is the risk-free rate.")
    ] = None,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show the treasury yield curve by day, in percent a year."""
    found = Keep(place(data)).treasury_yields(start, end, tenor=tenor, as_of=as_of, recorded_by=recorded_by)
    _show(found, all_rows=all_rows, json_=json_, none="no yields are held of these days")


def _show(frame: pl.DataFrame, *, all_rows: bool, json_: bool, none: str) -> None:
    if json_:
        frame_json(frame)
    elif frame.is_empty():
        say(none)
    else:
        frame_part(frame, all_rows=all_rows, spare=["from_source", "to_source"])

"""
The command that shows corporate actions and how each was judged: corporate-actions.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import polars as pl
import typer

from marketkeep.cli.app import AllRowsOption, AsOfOption, DataOption, JsonOption, RecordedByOption, app, place
from marketkeep.cli.headings import LOOK
from marketkeep.cli.show import frame_json, frame_part, say
from marketkeep.errors import NotFound
from marketkeep.model import Symbol
from marketkeep.query import Keep

_SPARE = ("factor",)


class Status(StrEnum):
    """How an action was judged."""

    confirmed = "confirmed"
    single = "single"
    disputed = "disputed"
    phantom = "phantom"


@app.command("corporate-actions", rich_help_panel=LOOK)
def corporate_actions(
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Only these, in any vendor's spelling [default: all that are held].")
    ] = None,
    status: Annotated[
        list[Status] | None,
        typer.Option(
            metavar="VERDICT", help="Only confirmed, single, disputed or phantom; may be given again [default: all]."
        ),
    ] = None,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show splits and dividends: the verdict, the factor, what each source told, and what witnesses measured."""
    keep = Keep(place(data))
    found = keep.actions(symbols or None, as_of=as_of, recorded_by=recorded_by)
    for name in symbols or ():
        _refuse_unknown(keep, found, name)
    if status:
        found = found.filter(pl.col("status").is_in([one.value for one in status]))
    if json_:
        frame_json(found.sort("symbol", "ex_date", "kind"))
    elif found.is_empty():
        say("no such corporate actions are held" if status or symbols else "no corporate actions are held yet")
    else:
        frame_part(_shown(found), all_rows=all_rows, newest=True, spare=_SPARE)


def _refuse_unknown(keep: Keep, found: pl.DataFrame, text: str) -> None:
    """A symbol without actions is an answer; one that the keep never heard of is a mistake."""
    symbol = str(Symbol.parse(text))
    known = set(found["symbol"]) | set(keep.securities()["symbol"]) | set(keep.ticker_history()["old_symbol"])
    if symbol not in known:
        raise NotFound(f"{symbol}: this keep knows no such symbol; see: marketkeep list-symbols")


def _shown(actions: pl.DataFrame) -> pl.DataFrame:
    """The table for people: a ratio as 4:1, an amount with its currency; claims and witnesses last, to be folded."""
    ratio = pl.format("{}:{}", pl.col("numerator").cast(pl.String), pl.col("denominator").cast(pl.String))
    # A float as text is the shortest that reads back, as it is in the published files.
    amount = pl.concat_str(pl.col("amount").cast(pl.String), pl.col("currency"), separator=" ", ignore_nulls=True)
    value = pl.when(pl.col("numerator").is_not_null()).then(ratio).when(pl.col("amount").is_not_null()).then(amount)
    witnesses = pl.when(pl.col("witnesses") != "").then("witnesses")
    return actions.sort("symbol", "ex_date", "kind").select(
        "symbol",
        "ex_date",
        "kind",
        value=value,
        factor=pl.col("adjustment_factor"),
        status="status",
        evidence=pl.concat_str("told", witnesses, separator="; ", ignore_nulls=True),
    )

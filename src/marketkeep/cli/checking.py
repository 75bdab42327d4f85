"""
Commands that tell how good what is held is: qa-check, view-issues. Both end with 1 when an open error is among what
they look at, so that a scheduler can act on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer

from marketkeep.cli.app import AllRowsOption, AsOfOption, DataOption, JsonOption, RecordedByOption, app, place
from marketkeep.cli.headings import LOOK
from marketkeep.cli.show import frame_json, frame_part, frame_table, json, say
from marketkeep.errors import NotFound
from marketkeep.model import Symbol
from marketkeep.query import Keep


class Severity(StrEnum):
    """How bad a finding is."""

    error = "error"
    warning = "warning"
    info = "info"


class Dataset(StrEnum):
    """What can be checked."""

    daily_bars = "daily_bars"
    minute_bars = "minute_bars"
    actions = "actions"
    facts = "facts"
    fundamentals = "fundamentals"
    index_members = "index_members"
    securities = "securities"


DatasetOption = Annotated[Dataset | None, typer.Option("--dataset", help="Only this dataset.")]


@app.command("qa-check", rich_help_panel=LOOK)
def qa_check(
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Only these, in any vendor's spelling [default: all that is held].")
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option("--symbol", metavar="SYMBOL", help="The same as naming it; may be repeated.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only sessions from this one on.")] = None,
    dataset: DatasetOption = None,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Check all that is held: rows, score, and per check what is open. Exit code 1 when an error is open."""
    keep = Keep(place(data))
    wanted = [*(symbols or ()), *(symbol or ())] or None
    for name in wanted or ():
        _refuse_unknown(keep, name)
    found = keep.quality(
        wanted,
        since,
        dataset=dataset.value if dataset else None,
        now=None if as_of or recorded_by else datetime.now(UTC),
        as_of=as_of,
        recorded_by=recorded_by,
    )
    if json_:
        json(
            {
                "bars": found.bars.to_dicts(),
                "checks": found.checks.to_dicts(),
                "open_errors": found.open_errors,
            }
        )
    else:
        if not found.bars.is_empty():
            frame_table(found.bars)
            say("")
        elif dataset in (None, Dataset.daily_bars, Dataset.minute_bars):
            say("no bars are held of this\n")
        if found.checks.is_empty():
            say("no check has found anything")
        else:
            frame_table(found.checks, spare=["last", "first", "symbols", "dataset"])
        say(f"{found.open_errors or 'no'} open error{'' if found.open_errors == 1 else 's'}")
    if found.open_errors:
        raise typer.Exit(1)


@app.command("view-issues", rich_help_panel=LOOK)
def view_issues(
    severity: Annotated[Severity | None, typer.Option(help="Only this severity.")] = None,
    all_: Annotated[
        bool,
        typer.Option("--all/--open", help="Every finding ever made, also those cured since, instead of open ones."),
    ] = False,
    symbol: Annotated[str | None, typer.Option(metavar="SYMBOL", help="Only this symbol.")] = None,
    dataset: DatasetOption = None,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show what is wrong now, worst first. Exit code 1 when an open error is among what is shown."""
    keep = Keep(place(data))
    if symbol is not None:
        _refuse_unknown(keep, symbol)
    if all_:
        found = keep.findings(symbol, as_of=as_of, recorded_by=recorded_by).drop("batch_id")
    else:
        found = keep.issues(
            symbol,
            info=severity is Severity.info,
            now=None if as_of or recorded_by else datetime.now(UTC),
            as_of=as_of,
            recorded_by=recorded_by,
        )
    if severity is not None:
        found = found.filter(pl.col("severity") == severity.value)
    if dataset is not None:
        found = found.filter(pl.col("dataset") == dataset.value)
    stands = found.filter(pl.col("resolved_at").is_null()) if all_ else found
    if json_:
        frame_json(found)
    elif found.is_empty():
        say("no findings" if all_ else "no open issues")
    else:
        shown = found.select(*_FIRST, pl.exclude(*_FIRST, "detail"), "detail")
        frame_part(shown, all_rows=all_rows, spare=_SPARE)
    if (stands["severity"] == "error").any():
        raise typer.Exit(1)


_FIRST = ("severity", "check", "symbol", "first", "last", "count")
_SPARE = ("resolved_by", "repeated", "resolved_at", "detected_at", "source", "dataset")


def _refuse_unknown(keep: Keep, text: str) -> None:
    """Nothing found about a symbol that was misspelled would read as all being well."""
    symbol = str(Symbol.parse(text.removesuffix("~now")))
    if symbol not in {*keep.securities()["symbol"], *keep.ticker_history()["old_symbol"]}:
        raise NotFound(f"{symbol}: this keep knows no such symbol; see: marketkeep list-symbols")

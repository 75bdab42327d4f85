"""
Commands that ask for rows: query, sql. They show them, or write them as they come.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
import typer

from marketkeep.cli.app import AllRowsOption, AsOfOption, DataOption, JsonOption, RecordedByOption, app, place
from marketkeep.cli.headings import LOOK
from marketkeep.cli.show import ERR, frame_json, frame_part, say
from marketkeep.errors import BadInput
from marketkeep.query import Keep
from marketkeep.query.terminals import Terminals
from marketkeep.stores.lake import records

if TYPE_CHECKING:
    from marketkeep.query import BarsQuery, MinuteBarsQuery

_FORMS = (".csv", ".parquet", ".json")
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write to this .csv, .parquet or .json file instead.")
]


class Adjustment(StrEnum):
    """How prices are adjusted."""

    none = "none"
    splits = "splits"
    all = "all"


class SegmentName(StrEnum):
    """A part of the session."""

    pre = "pre"
    regular = "regular"
    post = "post"


class _Counted(Terminals):
    """A question that counts the rows it hands out, for those who see only the file."""

    def __init__(self, question: Terminals) -> None:
        self._question = question
        self.rows = 0

    def polars(self) -> pl.DataFrame:
        """See `Terminals`."""
        return pl.concat(self._batches())

    def _batches(self) -> Iterator[pl.DataFrame]:
        for frame in self._question._batches():  # noqa: SLF001  it stands in its place
            self.rows += frame.height
            yield frame


@app.command("query", rich_help_panel=LOOK)
def query(
    symbols: Annotated[
        list[str] | None, typer.Argument(help="One or more, in any vendor's spelling; none with --universe for all.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="First session (YYYY-MM-DD).")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Last session, included.")] = None,
    universe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only sessions on which a symbol was a member of this index, as sp500; all for every symbol held.",
        ),
    ] = None,
    fields: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Only these columns beside symbol and date: close,volume.")
    ] = None,
    adjust: Annotated[
        Adjustment, typer.Option(help="Adjust prices for nothing, for splits, or for splits and dividends.")
    ] = Adjustment.none,
    minute: Annotated[bool, typer.Option("--minute", help="Minute bars instead of daily ones.")] = False,
    segment: Annotated[SegmentName | None, typer.Option(help="Minute bars of this part of the session only.")] = None,
    every: Annotated[
        Literal["5m", "15m", "30m", "1h", "session"] | None,
        typer.Option(help="Minute bars put together to so long ones."),
    ] = None,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    explain_plan: Annotated[
        bool, typer.Option("--explain-plan", help="Tell how it would be read, in words, and read nothing.")
    ] = False,
    out: OutOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show daily or minute bars; in a terminal the newest."""
    _check_form(out)
    if not symbols and universe is None:
        raise BadInput("name the symbols to show, or an index with --universe. See: marketkeep query --help")
    minute = minute or segment is not None or every is not None
    if universe is not None and minute:
        raise BadInput("--universe is for daily bars; name the symbols of minute bars")
    keep = Keep(place(data))
    named = None if fields is None else [name.strip() for name in fields.split(",") if name.strip()]
    bars: BarsQuery | MinuteBarsQuery
    if minute:
        bars = keep.minute_bars(
            symbols or (),
            start,
            end,
            fields=named,
            every=every,
            adjust=adjust.value,
            segment=segment.value if segment else None,
            as_of=as_of,
            recorded_by=recorded_by,
        )
    else:
        clocks = {"as_of": as_of, "recorded_by": recorded_by}
        bars = keep.bars(symbols, start, end, universe=universe, fields=named, adjust=adjust.value, **clocks)
    if explain_plan:
        say(bars.explain_plan())
        return
    if out is not None:
        rows = _write(bars, out)
        say(f"{rows:,} bars written to {out}")
    else:
        frame = bars.polars()
        rows = frame.height
        _show_bars(frame, all_rows=all_rows, json_=json_)
    if not rows:
        ERR.print("no session in this range is held; see: marketkeep coverage")


@app.command("sql", rich_help_panel=LOOK)
def sql(
    text: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT over the keep's tables; - reads it.")],
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What $NAME stands for in the query; repeat it.")
    ] = None,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    out: OutOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Answer one SQL query over every table of the keep: show tables lists them, describe TABLE its columns."""
    _check_form(out)
    query = sys.stdin.read() if text == "-" else text
    answer = Keep(place(data)).sql(query, _parameters(param or ()), as_of=as_of, recorded_by=recorded_by)
    if out is not None:
        say(f"{_write(answer, out):,} rows written to {out}")
        return
    frame = answer.polars()
    if json_:
        sys.stdout.write(records.array(",\n".join(records.lines(frame))).decode())
    elif frame.is_empty():
        say("no rows")
    else:
        frame_part(frame, all_rows=all_rows)


def _check_form(out: Path | None) -> None:
    if out is not None and out.suffix not in _FORMS:
        raise BadInput(f"--out {out}: the name must end in {', '.join(_FORMS)}")


def _show_bars(frame: pl.DataFrame, *, all_rows: bool, json_: bool) -> None:
    if json_:
        frame_json(frame)
    else:
        spare = ["feed", "score", "trade_count", "vwap", "date", "segment", "source"] if "ts" in frame.columns else None
        frame_part(frame, all_rows=all_rows, newest=True, spare=spare or ["source", "score"])


def _write(question: Terminals, out: Path) -> int:
    """Write an answer as it comes; how many rows it had."""
    counted = _Counted(question)
    writer = {".csv": counted.csv, ".parquet": counted.parquet, ".json": counted.json}[out.suffix]
    writer(out)
    return counted.rows


def _parameters(given: Sequence[str]) -> Mapping[str, object] | None:
    """NAME=VALUE as SQL takes them: what reads as a number is one, everything else is text."""
    told: dict[str, object] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"--param {one!r} is not NAME=VALUE, such as --param symbol=AAPL")
        told[name.strip()] = _value(value)
    return told or None


def _value(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

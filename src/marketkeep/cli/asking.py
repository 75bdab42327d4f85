"""
Commands that only read: query, explain, coverage, landing show.
"""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from marketkeep.cli.app import AllRowsOption, AsOfOption, DataOption, JsonOption, RecordedByOption, app, settings
from marketkeep.cli.headings import LOOK
from marketkeep.cli.proof import show_proof
from marketkeep.cli.show import ERR, frame_json, frame_part, json, say
from marketkeep.errors import BadInput
from marketkeep.query import BarsQuery, Keep, MinuteBarsQuery
from marketkeep.raw import Landing

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_FORMS = (".csv", ".parquet", ".json")


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


landing = typer.Typer()
app.add_typer(landing, name="landing", help="Show the payloads as they came.", rich_help_panel=LOOK)


@app.command("query", rich_help_panel=LOOK)
def query(
    symbols: Annotated[
        list[str] | None, typer.Argument(help="One or more, in any vendor's spelling; none with --universe for all.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="First session (YYYY-MM-DD).")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Last session, included.")] = None,
    universe: Annotated[
        str | None,
        typer.Option(metavar="INDEX", help="Only sessions on which a symbol was a member of this index, as sp500."),
    ] = None,
    adjust: Annotated[
        Adjustment, typer.Option(help="Adjust prices for nothing, for splits, or for splits and dividends.")
    ] = Adjustment.none,
    minute: Annotated[bool, typer.Option("--minute", help="Minute bars instead of daily ones.")] = False,
    segment: Annotated[SegmentName | None, typer.Option(help="Minute bars of this part of the session only.")] = None,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this .csv, .parquet or .json file instead.")
    ] = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show daily or minute bars; in a terminal the newest."""
    if out is not None and out.suffix not in _FORMS:
        raise BadInput(f"--out {out}: the name must end in {', '.join(_FORMS)}")
    if not symbols and universe is None:
        raise BadInput("name the symbols to show, or an index with --universe. See: marketkeep query --help")
    if universe is not None and (minute or segment is not None):
        raise BadInput("--universe is for daily bars; name the symbols of minute bars")
    keep = Keep(settings(data).data)
    bars: BarsQuery | MinuteBarsQuery
    if minute or segment is not None:
        bars = keep.minute_bars(
            symbols or (),
            start,
            end,
            adjust=adjust.value,
            segment=segment.value if segment else None,
            as_of=as_of,
            recorded_by=recorded_by,
        )
    else:
        clocks = {"as_of": as_of, "recorded_by": recorded_by}
        bars = keep.bars(symbols, start, end, universe=universe, adjust=adjust.value, **clocks)
    frame = bars.polars()
    if frame.is_empty():
        ERR.print("no session in this range is held; see: marketkeep coverage")
    if out is not None:
        _write(bars, frame, out)
        say(f"{frame.height:,} bars written to {out}")
    elif json_:
        frame_json(frame)
    else:
        spare = ["feed", "score", "trade_count", "vwap", "date", "segment", "source"] if "ts" in frame.columns else None
        frame_part(frame, all_rows=all_rows, newest=True, spare=spare or ["source", "score"])


def _write(bars: BarsQuery | MinuteBarsQuery, frame: pl.DataFrame, out: Path) -> None:
    # What was read is written, so that the count told is that of the file.
    read = replace(bars, _read=lambda _: frame)
    writer = {".csv": read.csv, ".parquet": read.parquet, ".json": read.json}[out.suffix]
    writer(out)


@app.command("explain", rich_help_panel=LOOK)
def explain(
    symbol: Annotated[str, typer.Argument(help="Symbol, in any vendor's spelling.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="Session (YYYY-MM-DD).")],
    field: Annotated[
        str,
        typer.Argument(
            help="open, high, low, close, volume, adj_close, score or source; action for those of that ex-date."
        ),
    ] = "close",
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Prove one cell: who said what, who won, what its score lost, and which actions adjust it."""
    proof = Keep(settings(data).data).explain(symbol, day, field, as_of=as_of, recorded_by=recorded_by)
    if json_:
        json(asdict(proof))
    else:
        show_proof(proof)


@app.command("coverage", rich_help_panel=LOOK)
def coverage(
    minute: Annotated[bool, typer.Option("--minute", help="Minute bars instead of daily ones.")] = False,
    as_of: AsOfOption = None,
    recorded_by: RecordedByOption = None,
    all_rows: AllRowsOption = False,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show what is held of each symbol: sessions, first, last, missing and mean score."""
    dataset = "minute_bars" if minute else "daily_bars"
    found = Keep(settings(data).data).coverage(dataset, as_of=as_of, recorded_by=recorded_by)
    _show(found, all_rows=all_rows, json_=json_, none="no bars are held yet")


def _show(frame: pl.DataFrame, *, all_rows: bool, json_: bool, none: str) -> None:
    if json_:
        frame_json(frame)
    elif frame.is_empty():
        say(none)
    else:
        frame_part(frame, all_rows=all_rows)


@landing.callback()
def _payloads() -> None:
    """Show the payloads as they came."""


@landing.command("show")
def landing_show(
    digest: Annotated[str, typer.Argument(help="sha256:<hex>, as explain prints it.")],
    facts: Annotated[bool, typer.Option("--facts", help="Print where it came from instead of the payload.")] = False,
    data: DataOption = None,
) -> None:
    """Print a payload exactly as it came, to the byte."""
    known = _DIGEST.fullmatch(digest)
    if known is None:
        raise BadInput(f"{digest!r} is not a digest; give sha256: and 64 hexadecimal digits, as explain prints it")
    root = settings(data).data
    Keep(root)
    store = Landing(root)
    if facts:
        json(asdict(store.describe(f"sha256:{known[1]}")))
        return
    with store.open(f"sha256:{known[1]}") as stream:
        while piece := stream.read(1 << 20):
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


COMMANDS = frozenset({"query", "explain", "coverage", "landing"})
"""The commands of this module: those that can be run without what collects being imported."""

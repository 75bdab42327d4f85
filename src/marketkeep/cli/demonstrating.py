"""
The demo: a keep from real bars in one command, offline from the sample package or live from Yahoo.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from marketkeep.cli.app import app, room_of, settings, working
from marketkeep.cli.collecting import show_outcome
from marketkeep.cli.headings import BEGIN
from marketkeep.cli.ingesting import show_ingested
from marketkeep.cli.show import frame_table, say
from marketkeep.config import Settings
from marketkeep.errors import BadInput, NotFound
from marketkeep.model import Policy
from marketkeep.pipeline.collecting.means import open_means
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.ingest import ingest_sample
from marketkeep.pipeline.securities import add_symbols
from marketkeep.query import Keep
from marketkeep.stores.lake import Lake, layout

LIVE = ("SPY", "AAPL", "MSFT", "GOOGL", "AMZN")
_MARK = ".demo"
_ALIKE = 3
_BARS = ["date", "open", "high", "low", "close", "volume"]


@app.command(rich_help_panel=BEGIN)
def demo(
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to make the keep; an earlier demo there is replaced.")
    ] = Path("demo-data"),
    live: Annotated[
        bool, typer.Option("--live", help="Two years of SPY, AAPL, MSFT, GOOGL and AMZN from Yahoo.")
    ] = False,
) -> None:
    """Make a small keep from real bars and show what is in it; needs no network."""
    _make(folder)
    chosen = settings(folder)
    if live:
        _live(chosen)
    else:
        with working(chosen) as work:
            result = ingest_sample(work)
        show_ingested(result)
    _show(folder)


def _make(folder: Path) -> None:
    """An empty keep, in place of an earlier demo only: a keep that somebody uses is never taken away."""
    if (folder / _MARK).exists():
        shutil.rmtree(folder)
    elif (folder / layout.MARKER).exists():
        raise BadInput(f"{folder} is a keep that no demo made; give another folder")
    Lake(folder).create(Policy())
    (folder / _MARK).touch()


def _live(chosen: Settings) -> None:
    with working(chosen) as work, open_means(room_of(chosen), chosen, work.clock, ("yahoo",)) as means:
        today = work.clock().date()
        add_symbols(work, LIVE, start=date(today.year - 2, today.month, min(today.day, 28)))
        outcome = update(work, means, datasets=("daily_bars", "actions"))
    show_outcome(outcome)
    if not Keep(chosen.data).symbols():
        raise NotFound("nothing came from Yahoo, so there is nothing to show; `marketkeep demo` needs no network")


def _show(folder: Path) -> None:
    keep = Keep(folder)
    say("")
    say("\n".join([f"{folder}/", *_tree(folder, "  ", whole=True)]))
    say("")
    frame_table(keep.coverage(), "coverage")
    if "AAPL" in keep.symbols():
        _show_prices(keep, "AAPL", folder)


def _show_prices(keep: Keep, symbol: str, folder: Path) -> None:
    traded, adjusted = keep.bars(symbol).polars(), keep.bars(symbol, adjust="all").polars()
    for bars, how in ((traded, "as traded"), (adjusted, "adjusted for splits and dividends")):
        say("")
        frame_table(bars.tail(5).select(_BARS), f"{symbol}, the last five sessions, {how}")
    dividends = keep.actions(symbol).filter(pl.col("kind") == "dividend", pl.col("ex_date") > traded["date"].min())
    if dividends.is_empty():
        return
    last = dividends.row(-1, named=True)
    row = traded["date"].search_sorted(last["ex_date"])
    around = traded.select("date", "open", "close").with_columns(
        adjusted_open=adjusted["open"], adjusted_close=adjusted["close"]
    )
    say("")
    told = f"{last['amount']:g} a share on {last['ex_date']}" if last["amount"] else f"on {last['ex_date']}"
    frame_table(around.slice(row - 1, 3), f"{symbol} around its last dividend, {told}")
    say("")
    say(f"try: marketkeep explain {symbol} {around['date'][row - 1]} adj_close --data {folder}")
    say(f"     marketkeep query {symbol} --adjust all --data {folder}")


def _tree(folder: Path, indent: str, *, whole: bool = False) -> Iterator[str]:
    """What was written: of many beside each other, unless `whole`, the first two and the last."""
    children = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    gone = 0 if whole else max(len(children) - _ALIKE, 0)
    for number, child in enumerate(children):
        if gone and 2 <= number < len(children) - 1:
            if number == 2:
                yield f"{indent}... {gone} more"
            continue
        name = child.name if len(child.name) <= 40 else f"{child.name[:20]}...{child.name[-16:]}"
        if child.is_file():
            yield f"{indent}{name}  {child.stat().st_size:,} bytes"
        else:
            yield f"{indent}{name}/"
            yield from _tree(child, indent + "  ")

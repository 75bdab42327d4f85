"""
The demo: a keep from real bars in one command, offline from the sample package or live from Yahoo.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.tree import Tree

from marketkeep.cli.app import app, settings, working
from marketkeep.cli.collecting import show_outcome
from marketkeep.cli.ingesting import show_ingested
from marketkeep.cli.show import OUT, frame_table, say
from marketkeep.config import Settings
from marketkeep.model import Policy
from marketkeep.pipeline.client import make_client, make_source
from marketkeep.pipeline.ingest import ingest_sample
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.update import update
from marketkeep.query import Keep
from marketkeep.stores.lake import Lake, layout

LIVE = ("SPY", "AAPL", "MSFT", "GOOGL", "AMZN")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where to make the keep; an earlier demo there is replaced.")] = Path("demo-data"),
    live: Annotated[bool, typer.Option("--live", help="Two years of SPY, AAPL, MSFT, GOOGL and AMZN from Yahoo.")] = False,
) -> None:
    """Make a small keep from real bars and show what is in it."""
    if (folder / layout.MARKER).exists():
        shutil.rmtree(folder)
    Lake(folder).create(Policy())
    chosen = settings(folder)
    if live:
        _live(chosen)
    else:
        with working(chosen) as work:
            result = ingest_sample(work)
        show_ingested(result)
    _show(folder)


def _live(chosen: Settings) -> None:
    with working(chosen) as work, make_client(chosen, work.clock) as client:
        today = work.clock().date()
        add_symbols(work, LIVE, start=date(today.year - 2, today.month, min(today.day, 28)))
        outcome = update(work, make_source(chosen, "yahoo"), client, workers=chosen.workers)
    show_outcome(outcome)


def _show(folder: Path) -> None:
    keep = Keep(folder)
    say("")
    OUT.print(_tree(folder))
    say("")
    frame_table("coverage", keep.coverage())
    if "AAPL" in keep.symbols():
        columns = ["date", "open", "high", "low", "close", "volume"]
        for adjust, title in (("none", "AAPL as traded, last five sessions"), ("all", "AAPL adjusted for splits and dividends")):
            say("")
            frame_table(title, keep.bars("AAPL", adjust=adjust).polars().tail(5).select(columns))
    say("")
    say(f"try: marketkeep query AAPL --data {folder} --start 2013-02-25 --adjust all")
    say(f"     marketkeep explain AAPL 2012-08-08 adj_close --data {folder}")


def _tree(folder: Path) -> Tree:
    """The written files, long runs of alike ones in one line."""
    tree = Tree(f"{folder}/")
    for top in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        _branch(tree, top)
    return tree


def _branch(tree: Tree, path: Path) -> None:
    if path.is_file():
        tree.add(f"{path.name}  {path.stat().st_size:,} bytes")
        return
    branch = tree.add(f"{path.name}/")
    children = sorted(path.iterdir())
    shown = children if len(children) <= 6 else [*children[:2], children[-1]]
    for child in shown:
        if child is children[-1] and len(shown) < len(children):
            branch.add(f"... {len(children) - len(shown)} more alike")
        _branch(branch, child)

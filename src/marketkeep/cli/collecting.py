"""
Commands that change a keep: init, add-symbol, update, backfill, repair, rebuild.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from marketkeep.cli.app import DataOption, app, parse_day, settings, working
from marketkeep.cli.headings import BEGIN, COLLECT, LOOK_AFTER
from marketkeep.cli.show import complain, printable, say
from marketkeep.config import Settings
from marketkeep.model import Policy
from marketkeep.pipeline.absorb import Absorbed
from marketkeep.pipeline.client import make_client, make_source
from marketkeep.pipeline.collect import Fetcher
from marketkeep.pipeline.rebuild import rebuild as rebuild_keep
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.update import Outcome, symbols_of
from marketkeep.pipeline.update import backfill as backfill_keep
from marketkeep.pipeline.update import repair as repair_keep
from marketkeep.pipeline.update import update as update_keep
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import Lake, layout

SourceOption = Annotated[str, typer.Option("--source", metavar="NAME", help="The source to collect from.")]
_NAMED = 10


@app.command(rich_help_panel=BEGIN)
def init(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of the new keep [default: MARKETKEEP_DATA, or ./data].")
    ] = None,
) -> None:
    """Make an empty keep."""
    chosen = settings(folder)
    if (chosen.data / layout.MARKER).exists():
        say(f"{chosen.data} is a keep already; nothing was changed")
        return
    Lake(chosen.data).create(Policy())
    say(f"made a keep in {chosen.data}; next: marketkeep add-symbol, then update; or marketkeep ingest")


@app.command("add-symbol", rich_help_panel=BEGIN)
def add_symbol(
    symbols: Annotated[list[str], typer.Argument(help="Symbols to follow, such as AAPL BRK.B BTC-USD.")],
    start: Annotated[str | None, typer.Option(metavar="DATE", help="Collect from this day on (YYYY-MM-DD).")] = None,
    data: DataOption = None,
) -> None:
    """Follow symbols: the daily update collects them from their start on."""
    names = symbols_of(symbols)
    first = parse_day(start, "--start") if start else None
    with working(settings(data)) as work:
        add_symbols(work, names, start=first)
    told = ", ".join(names) if len(names) <= _NAMED else f"{len(names):,} symbols"
    say(f"following {told} from {first or work.policy.start}; collect with: marketkeep update")


@app.command(rich_help_panel=COLLECT)
def update(source: SourceOption = "yahoo", data: DataOption = None) -> None:
    """Bring every followed symbol up to its last final session."""
    chosen = settings(data)
    asked = make_source(chosen, source)
    _collect(chosen, lambda work, client, workers: update_keep(work, asked, client, workers=workers))


@app.command(rich_help_panel=COLLECT)
def backfill(
    start: Annotated[str, typer.Option(metavar="DATE", help="First day (YYYY-MM-DD).")],
    end: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day, included [default: the last final session].")
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option("--symbol", "-s", metavar="SYMBOL", help="Only this symbol (repeatable).")
    ] = None,
    source: SourceOption = "yahoo",
    data: DataOption = None,
) -> None:
    """Fill the missing sessions of a range."""
    first, last = parse_day(start, "--start"), parse_day(end, "--end") if end else None
    names = symbols_of(symbol) if symbol else None
    chosen = settings(data)
    asked = make_source(chosen, source)
    _collect(
        chosen,
        lambda work, client, workers: backfill_keep(
            work, asked, client, start=first, end=last, symbols=names, workers=workers
        ),
    )


@app.command(rich_help_panel=COLLECT)
def repair(
    days: Annotated[int, typer.Option(metavar="N", min=1, help="How many calendar days back.")] = 30,
    source: SourceOption = "yahoo",
    data: DataOption = None,
) -> None:
    """Ask again for recent sessions that are missing, whatever was answered before."""
    chosen = settings(data)
    asked = make_source(chosen, source)
    _collect(chosen, lambda work, client, workers: repair_keep(work, asked, client, days=days, workers=workers))


@app.command(rich_help_panel=LOOK_AFTER)
def rebuild(data: DataOption = None) -> None:
    """Make everything published again from raw; the same bytes come out."""
    with working(settings(data)) as work:
        absorbed = rebuild_keep(work)
    say(f"rebuilt {absorbed.bars:,} bars of {len(absorbed.symbols):,} symbols from {absorbed.batches:,} raw batches")
    end_with_corrupt(absorbed)


Collecting = Callable[[Workspace, Fetcher, int], Outcome]


def _collect(chosen: Settings, act: Collecting) -> None:
    with working(chosen) as work, make_client(chosen, work.clock) as client:
        outcome = act(work, client, chosen.workers)
    show_outcome(outcome)
    end_with_corrupt(outcome.absorbed)
    if outcome.collected.failed:
        raise typer.Exit(1)


def show_outcome(outcome: Outcome) -> None:
    """What a collecting run came to, in a few lines."""
    done = outcome.collected
    if not done.planned:
        say(_why_nothing(outcome.missing_before))
        return
    say(
        f"{outcome.cured:,} of {outcome.missing_before:,} missing sessions filled: {done.planned:,} requests planned, "
        f"{done.sent:,} sent, {done.rows:,} rows received"
    )
    if done.faults:
        say("met on the way: " + ", ".join(f"{code} x{count}" for code, count in sorted(done.faults.items())))
    for symbol, reason in sorted(done.nothing.items()):
        say(f"{symbol}: {printable(reason)}")
    for symbol, reason in sorted(done.failed.items()):
        complain(f"{symbol}: {reason}; the next update asks again", kind="failed")


def _why_nothing(missing: int) -> str:
    if missing:
        return f"nothing to ask: the source has answered for all {missing:,} missing sessions; repair asks again"
    return "up to date: no session of a followed symbol is missing (follow more with marketkeep add-symbol)"


def end_with_corrupt(absorbed: Absorbed) -> None:
    """Name batches that were found damaged; then the exit code is 1."""
    for error in absorbed.corrupt:
        complain(str(error))
    if absorbed.corrupt:
        raise typer.Exit(1)

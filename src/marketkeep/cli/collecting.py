"""
Commands that change a keep: init, add-symbol, update, backfill, repair, rebuild.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from marketkeep.cli.app import DataOption, app, files_of, parse_day, room_of, settings, working
from marketkeep.cli.headings import BEGIN, COLLECT, LOOK_AFTER
from marketkeep.cli.repairing import show_plan, show_repaired
from marketkeep.cli.show import complain, printable, say
from marketkeep.errors import BadInput
from marketkeep.model import Policy, Symbol
from marketkeep.pipeline.collecting.filling import Outcome
from marketkeep.pipeline.collecting.means import Means, open_means
from marketkeep.pipeline.collecting.repair import Repaired, plan_repair
from marketkeep.pipeline.collecting.repair import repair as repair_keep
from marketkeep.pipeline.collecting.universe import ALL_US, follow_universe
from marketkeep.pipeline.collecting.update import backfill as backfill_keep
from marketkeep.pipeline.collecting.update import symbols_of
from marketkeep.pipeline.collecting.update import update as update_keep
from marketkeep.pipeline.publishing.absorb import Absorbed
from marketkeep.pipeline.rebuild import rebuild as rebuild_keep
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.spark import open_engine
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import Lake, layout

SourceOption = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="NAME", help="Only this source (repeatable) [default: all that can be used]."),
]
DatasetOption = Annotated[
    list[str] | None, typer.Option("--dataset", metavar="NAME", help="Only this dataset (repeatable).")
]
_PRICES = ["daily_bars", "actions"]
_NAMED = 10


class Priority(StrEnum):
    """Who is asked for first where calls are few."""

    high = "high"
    medium = "medium"
    low = "low"


class EngineName(StrEnum):
    """Who does the pieces of a large work."""

    local = "local"
    spark = "spark"


@app.command(rich_help_panel=BEGIN)
def init(
    folder: Annotated[
        str | None,
        typer.Argument(help="Folder of the new keep, or s3://bucket/prefix [default: MARKETKEEP_DATA, or ./data]."),
    ] = None,
) -> None:
    """Make an empty keep."""
    chosen = settings(folder)
    files = files_of(chosen)
    if files.exists(layout.MARKER):
        say(f"{chosen.data} is a keep already; nothing was changed")
        return
    Lake(files).create(Policy())
    say(f"made a keep in {chosen.data}; next: marketkeep add-symbol, then update; or marketkeep ingest")


@app.command("add-symbol", rich_help_panel=BEGIN)
def add_symbol(
    symbols: Annotated[list[str] | None, typer.Argument(help="Symbols to follow, such as AAPL BRK.B BTC-USD.")] = None,
    index: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Follow the members of sp500, nasdaq100, dow_jones, russell_1000, your own."),
    ] = None,
    all_us: Annotated[bool, typer.Option("--all-us", help="Follow all that the US exchanges list.")] = False,
    crypto: Annotated[
        list[str] | None, typer.Option(metavar="PAIR", help="Follow a crypto pair, such as BTC-USD (repeatable).")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="Collect from this day on (YYYY-MM-DD).")] = None,
    priority: Annotated[
        Priority | None,
        typer.Option(help="Who is asked for first where calls are few [default: high; low for crypto]."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Follow symbols, or all of a kind: the daily update collects them from their start on."""
    names, pairs = symbols_of(symbols or []), symbols_of(crypto or [])
    universes = [*(index or []), *([ALL_US] if all_us else [])]
    if not (names or pairs or universes):
        raise BadInput("add-symbol: give symbols, --index NAME, --all-us or --crypto PAIR")
    if odd := [pair for pair in pairs if Symbol(pair).asset_class != "crypto"]:
        raise BadInput(f"--crypto {odd[0]}: not a crypto pair; write it as BTC-USD")
    pairs += [name for name in names if Symbol(name).asset_class == "crypto"]
    names = [name for name in names if name not in pairs]
    first = parse_day(start, "--start") if start else None
    with working(settings(data)) as work:
        if universes:
            follow_universe(work, universes, first)
        for some, usual in ((names, Priority.high), (pairs, Priority.low)):
            if some:
                add_symbols(work, some, start=first, priority=(priority or usual).value)
    told = [*(names + pairs if len(names + pairs) <= _NAMED else [f"{len(names + pairs):,} symbols"]), *universes]
    say(f"following {', '.join(told)} from {first or work.policy.start}; collect with: marketkeep update")


@app.command(rich_help_panel=COLLECT)
def update(source: SourceOption = None, dataset: DatasetOption = None, data: DataOption = None) -> None:
    """Bring every followed symbol up to its last final session, and the reference data up to today."""
    _collect(data, source, lambda work, means: update_keep(work, means, datasets=dataset))


@app.command(rich_help_panel=COLLECT)
def backfill(
    start: Annotated[str, typer.Option(metavar="DATE", help="First day (YYYY-MM-DD).")],
    end: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day, included [default: the last final session].")
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option("--symbol", "-s", metavar="SYMBOL", help="Only this symbol (repeatable).")
    ] = None,
    source: SourceOption = None,
    dataset: DatasetOption = None,
    second_opinion: Annotated[
        bool, typer.Option("--second-opinion", help="Ask each source for its own word on what is held from another.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Fill the missing sessions of a range: daily bars and actions, or the datasets named."""
    first, last = parse_day(start, "--start"), parse_day(end, "--end") if end else None
    names = symbols_of(symbol) if symbol else None
    _collect(
        data,
        source,
        lambda work, means: backfill_keep(
            work,
            means,
            start=first,
            end=last,
            symbols=names,
            datasets=dataset or _PRICES,
            second_opinion=second_opinion,
        ),
    )


@app.command(rich_help_panel=COLLECT)
def repair(
    days: Annotated[int, typer.Option(metavar="N", min=1, help="How many calendar days back.")] = 30,
    symbol: Annotated[
        list[str] | None, typer.Option("--symbol", "-s", metavar="SYMBOL", help="Only this symbol (repeatable).")
    ] = None,
    source: SourceOption = None,
    dataset: DatasetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be asked of whom; ask nothing.")] = False,
    data: DataOption = None,
) -> None:
    """Ask again for recent sessions that are missing, and all sources about what was found wrong."""
    names = symbols_of(symbol) if symbol else None
    chosen = settings(data)
    with working(chosen) as work, open_means(room_of(chosen), chosen, work.clock, source or ()) as means:
        if dry_run:
            show_plan(plan_repair(work, means, days=days, datasets=dataset, symbols=names), days)
            return
        outcome = repair_keep(work, means, days=days, datasets=dataset, symbols=names)
    if outcome.steps or outcome.collected.planned:
        show_outcome(outcome)
    show_repaired(outcome, days)
    _end(outcome)


@app.command(rich_help_panel=LOOK_AFTER)
def rebuild(
    engine: Annotated[
        EngineName, typer.Option("--engine", help="Who does it: this process, or the workers of a Spark cluster.")
    ] = EngineName.local,
    master: Annotated[
        str | None,
        typer.Option("--master", metavar="URL", help="Spark's master, such as yarn or local[4] [default: Spark's]."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Make everything published again from raw; the same bytes come out, whoever does it."""
    with working(settings(data)) as work, open_engine(engine.value, master) as chosen:
        absorbed = rebuild_keep(replace(work, engine=chosen))
    say(f"rebuilt {absorbed.bars:,} bars of {len(absorbed.symbols):,} symbols from {absorbed.batches:,} raw batches")
    end_with_corrupt(absorbed)


def _collect(data: str | None, names: list[str] | None, act: Callable[[Workspace, Means], Outcome]) -> None:
    chosen = settings(data)
    with working(chosen) as work, open_means(room_of(chosen), chosen, work.clock, names or ()) as means:
        outcome = act(work, means)
    show_outcome(outcome)
    _end(outcome)


def _end(outcome: Outcome) -> None:
    end_with_corrupt(outcome.absorbed)
    if outcome.collected.failed:
        raise typer.Exit(1)


def show_outcome(outcome: Outcome) -> None:
    """What a collecting run came to, in a few lines."""
    done = outcome.collected
    for dataset, why in sorted(outcome.left_out.items()):
        say(f"{dataset}: not collected; {printable(why)}")
    if not done.planned:
        say(_why_nothing(outcome, resting=bool(done.notes)))
    else:
        by_source = ", ".join(f"{name} {count:,}" for name, count in sorted(done.by_source.items()))
        if outcome.missing_before:
            say(f"{outcome.cured:,} of {outcome.missing_before:,} missing sessions filled")
        say(f"{done.planned:,} requests planned, {done.sent:,} sent ({by_source}), {done.rows:,} rows received")
    if done.faults:
        say("met on the way: " + ", ".join(f"{code} x{count}" for code, count in sorted(done.faults.items())))
    for source, note in sorted(done.notes.items()):
        say(f"{source}: {printable(note)}")
    _name_some(done.nothing, lambda symbol, reason: say(f"{symbol}: {printable(reason)}"))
    _name_some(
        done.failed,
        lambda symbol, reason: complain(f"{symbol}: {reason}; the next update asks again", kind="failed"),
    )


def _name_some(told: dict[str, str], show: Callable[[str, str], None]) -> None:
    """The first of many, so that an outage does not fill the screen; the journal has all."""
    for symbol, reason in sorted(told.items())[:_NAMED]:
        show(symbol, reason)
    if len(told) > _NAMED:
        say(f"and {len(told) - _NAMED:,} more like these; the run's journal names each")


def _why_nothing(outcome: Outcome, *, resting: bool) -> str:
    missing = outcome.missing_before
    if missing and resting:
        return f"nothing could be asked: what has the {missing:,} missing sessions is at rest"
    if missing:
        again = "" if isinstance(outcome, Repaired) else "; repair asks again"
        return f"nothing to ask now: no source at hand has more of the {missing:,} sessions missing{again}"
    return "up to date: no session of a followed symbol is missing (follow more with marketkeep add-symbol)"


def end_with_corrupt(absorbed: Absorbed) -> None:
    """Name batches that were found damaged; then the exit code is 1."""
    for error in absorbed.corrupt:
        complain(str(error))
    if absorbed.corrupt:
        raise typer.Exit(1)

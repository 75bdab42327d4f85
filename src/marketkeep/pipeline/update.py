"""
The three ways to collect: the daily update, a backfill and a repair. Each is gap planning over its own window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from marketkeep.errors import BadRange, NotFound
from marketkeep.model import Request, Source, Symbol
from marketkeep.pipeline.absorb import Absorbed
from marketkeep.pipeline.collect import Collected, Fetcher, collect
from marketkeep.pipeline.gaps import Window, expected_end, missing, plan
from marketkeep.pipeline.run import run
from marketkeep.pipeline.workspace import Workspace

_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a collecting run came to; `cured` counts sessions that were missing before and are held now."""

    run_id: str
    collected: Collected
    absorbed: Absorbed
    missing_before: int
    missing_after: int

    @property
    def cured(self) -> int:
        """Sessions filled by this run."""
        return self.missing_before - self.missing_after


def update(work: Workspace, source: Source, client: Fetcher, *, workers: int) -> Outcome:
    """Bring every followed symbol up to its last final session, from its start on."""
    return _collect(work, "update", source, client, _windows(work, None), workers)


def backfill(
    work: Workspace,
    source: Source,
    client: Fetcher,
    *,
    start: date,
    end: date | None = None,
    symbols: Sequence[str] | None = None,
    workers: int,
) -> Outcome:
    """
    Fill sessions [start, end] of the symbols (all that are followed when none are named).

    `end` is included; it and `start` may be any days. Raises `BadRange` when start lies after end.
    """
    if end is not None and start > end:
        raise BadRange(start, end)
    windows = [
        Window(one.symbol, start, min(one.end, end + timedelta(days=1)) if end else one.end)
        for one in _windows(work, symbols)
    ]
    return _collect(work, "backfill", source, client, windows, workers)


def repair(work: Workspace, source: Source, client: Fetcher, *, days: int, workers: int) -> Outcome:
    """Ask again for every session of the last `days` calendar days that is missing, whatever was answered before."""
    today = work.clock().astimezone(_NEW_YORK).date()
    windows = [
        Window(one.symbol, max(one.start, today - timedelta(days=days)), one.end, settled=False)
        for one in _windows(work, None)
    ]
    return _collect(work, "repair", source, client, windows, workers)


def _windows(work: Workspace, symbols: Sequence[str] | None) -> list[Window]:
    """From each symbol's start to its last final session."""
    now = work.clock()
    followed = work.lake.securities().filter(pl.col("followed"))
    if symbols is not None:
        known = set(work.lake.securities()["symbol"])
        if unknown := [one for one in symbols if one not in known]:
            raise NotFound(
                f"{', '.join(unknown)}: not in this keep; add with: marketkeep add-symbol {' '.join(unknown)}"
            )
        followed = work.lake.securities().filter(pl.col("symbol").is_in(list(symbols)))
    return [
        Window(symbol, start or work.policy.start, expected_end(symbol, work.policy, now))
        for symbol, start in followed.select("symbol", "start").iter_rows()
    ]


def _collect(
    work: Workspace, step: str, source: Source, client: Fetcher, windows: Sequence[Window], workers: int
) -> Outcome:
    with run(work, step, {"source": source.name, "symbols": len(windows)}) as one:
        now = work.clock()
        requests = _plan(work, source, windows, now)
        before = _count_missing(work, source, windows, now)
        collected = collect(one, source, requests, client, workers=workers)
    return Outcome(one.run_id, collected, one.absorbed, before, _count_missing(work, source, windows, now))


def _plan(work: Workspace, source: Source, windows: Sequence[Window], now: datetime) -> list[Request]:
    return plan(work.lake.catalog(), windows, source, work.policy, now, now.astimezone(_NEW_YORK).date())


def _count_missing(work: Workspace, source: Source, windows: Sequence[Window], now: datetime) -> int:
    catalog = work.lake.catalog()
    return sum(
        len(missing(catalog, Window(one.symbol, one.start, one.end, settled=False), source.name, work.policy, now))
        for one in windows
    )


def symbols_of(texts: Sequence[str]) -> list[str]:
    """Canonical symbols of what a user typed, each once, in order. Raises `BadSymbol`."""
    return list(dict.fromkeys(str(Symbol.parse(text)) for text in texts))

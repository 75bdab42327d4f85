"""
What publishing minutes tells beside the bars: the totals of each session, and what was found of its rows and of it.

Both are one file for many symbols, so they are gathered and written in few steps. Totals rest on the minutes alone, the
comparison with the daily bars on both: it is made at the end for every session of which either side was touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from marketkeep.checks.minute_days import compare_days
from marketkeep.model import FINDINGS, MINUTE_DAYS
from marketkeep.pipeline.publishing.findings import known_findings
from marketkeep.pipeline.workspace import Workspace
from marketkeep.stores.lake import layout
from marketkeep.stores.lake.minute_days import load_days, months_held

ROWS, DAYS = "minute_bars", "minute_days"
"""The folders of findings about minutes: of their rows, and of sessions laid beside their daily bars."""

_SESSION = {"symbol": pl.String, "date": pl.Date}
_KEY = list(_SESSION)
_MOST = 500_000
_SYMBOLS_AT_ONCE = 200

Spans = Mapping[str, tuple[date, date] | None]


@dataclass(frozen=True, slots=True)
class SessionsTold:
    """
    Sessions (symbol and date) that were looked at whole: all their versions as `MINUTE_DAYS` rows, and all findings of
    their rows.
    """

    sessions: pl.DataFrame
    days: pl.DataFrame
    found: pl.DataFrame


@dataclass(slots=True)
class MinuteDays:
    """
    One run's totals and findings of minute sessions; `end` when all bars, daily ones too, have been published.

    Cut short it leaves files that are partly new; the same sessions come again with the batches that are not yet in the
    catalog, and are then replaced whole.
    """

    work: Workspace
    touched: list[pl.DataFrame] = field(default_factory=list)
    _waiting: list[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]] = field(default_factory=list)
    _size: int = 0

    def add(self, told: SessionsTold) -> None:
        """Take in what sessions come to. What was known of them gives way."""
        sessions, days, found = told.sessions, told.days, told.found
        self.touched.append(sessions.select(_KEY))
        self._waiting.append((sessions.select(_KEY), days, found))
        self._size += sessions.height + days.height + found.height
        if self._size > _MOST:
            self._write()

    def end(self, daily: Spans) -> None:
        """Write what waits, and compare anew the sessions that were taken in and those of `daily` bars by symbol."""
        self._write()
        sessions = pl.concat([pl.DataFrame(schema=_SESSION), *self.touched]).unique()
        months = months_held(self.work.files)
        symbols = sorted({*sessions["symbol"].unique(), *(daily if months else ())})
        # Those looked at whole lie together: for them every month is opened, for others only a few.
        symbols.sort(key=lambda symbol: symbol in daily and daily[symbol] is None)
        for at in range(0, len(symbols), _SYMBOLS_AT_ONCE):
            some = symbols[at : at + _SYMBOLS_AT_ONCE]
            mine = sessions.filter(pl.col("symbol").is_in(some))
            self._compare(mine, _table({symbol: daily[symbol] for symbol in some if symbol in daily}), months)

    def _write(self) -> None:
        if not self._waiting:
            return
        sessions, days, found = (pl.concat(frames) for frames in zip(*self._waiting, strict=True))
        self._waiting, self._size = [], 0
        for month in sessions["date"].dt.truncate("1mo").unique().sort():
            self._replace_days(month, sessions, days.filter(pl.col("date").dt.truncate("1mo") == month))
        replace_sessions(self.work, ROWS, found, sessions)

    def _replace_days(self, month: date, sessions: pl.DataFrame, days: pl.DataFrame) -> None:
        known = load_days(self.work.files, month)
        whole = pl.concat([known.join(sessions, on=_KEY, how="anti"), days]).sort(*MINUTE_DAYS.key)
        path = layout.minute_days(month)
        if whole.is_empty():
            self.work.lake.drop(path)
        elif not whole.equals(known):
            self.work.lake.put_frame(path, whole)

    def _compare(self, sessions: pl.DataFrame, daily: pl.DataFrame, months: Iterable[date]) -> None:
        """Compare the sessions of some symbols: those named, and all held ones within the spans of `daily` bars."""
        symbols = sorted({*sessions["symbol"], *daily["symbol"]})
        spans = pl.concat([sessions.select("symbol", pl.col("date").alias("from"), pl.col("date").alias("to")), daily])
        first, last = (spans.select(pl.col("from").min(), pl.col("to").max())).row(0)
        near = [MINUTE_DAYS.empty()]
        for month in (one for one in months if first.replace(day=1) <= one <= last):
            days = load_days(self.work.files, month, symbols)
            inside = days.join(daily, on="symbol").filter(pl.col("date").is_between("from", "to"))
            looked = pl.concat([inside.select(_KEY), sessions]).unique()
            near.append(days.join(looked, on=_KEY, how="semi", maintain_order="left"))
        whole = pl.concat(near).sort(*MINUTE_DAYS.key)
        found = compare_days(whole, self._daily(whole), self.work.policy.thresholds)
        replace_sessions(self.work, DAYS, found, pl.concat([whole.select(_KEY), sessions]).unique())

    def _daily(self, days: pl.DataFrame) -> pl.DataFrame:
        """The daily bars of the years of these sessions."""
        return self.work.lake.years(days.select("symbol", pl.col("date").dt.year()).unique().iter_rows())


def _table(spans: Spans) -> pl.DataFrame:
    rows = [(symbol, *(span or (date.min, date.max))) for symbol, span in spans.items()]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "from": pl.Date, "to": pl.Date}, orient="row")


def replace_sessions(work: Workspace, folder: str, found: pl.DataFrame, sessions: pl.DataFrame) -> None:
    """Keep what was found of these sessions (symbol and date) in place of what was known of them; the rest stays."""
    for year in sessions["date"].dt.year().unique().sort():
        path = layout.findings(folder, year)
        known = known_findings(work, folder, year)
        fresh = found.filter(pl.col("first").dt.year() == year)
        kept = known.join(sessions, left_on=["symbol", "first"], right_on=_KEY, how="anti")
        whole = pl.concat([kept, fresh]).sort(*FINDINGS.key, "detail")
        if whole.is_empty():
            work.lake.drop(path)
        elif not whole.equals(known):
            work.lake.put_frame(path, whole)

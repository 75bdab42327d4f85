"""
From raw rows to gold, as one pure function: undo the basis, check, resolve. The rebuild, the update, `recorded_by`
reads and `explain` all come through here, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.gold.actions import resolve_actions
from marketkeep.gold.basis import as_traded
from marketkeep.gold.resolve import resolve
from marketkeep.model import UTC, Policy, Symbol

_CALENDARS = {calendar.name: calendar for calendar in map(calendar_for, ("equity", "crypto"))}
_NO_SESSIONS = pl.DataFrame(schema={"calendar": pl.String, "date": pl.Date, "session_close": UTC})

CheckBars = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""`checks.check_bars`; handed in, because rooms of one line do not import each other."""


@dataclass(frozen=True, slots=True)
class Gold:
    """
    What raw rows came to: the chosen `bars` (no factors yet), the `actions` (no factors yet), and every row `checked`.
    """

    bars: pl.DataFrame
    actions: pl.DataFrame
    checked: pl.DataFrame


def promote(raw_bars: pl.DataFrame, raw_actions: pl.DataFrame, policy: Policy, check: CheckBars) -> Gold:
    """
    Gold of these raw rows (with lineage beside them, as `BatchStore.rows` gives them), whatever their order of arrival.
    """
    actions = resolve_actions(raw_actions, policy)
    ordered = raw_bars.sort("symbol", "date", "fetched_at", "batch_id", "payload", maintain_order=True)
    rows = with_calendar(as_traded(ordered, raw_actions))
    checked = check(rows, session_table(rows, policy.final_after))
    return Gold(resolve(checked, policy), actions, checked)


def with_calendar(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the name of each symbol's calendar."""
    symbols = rows["symbol"].unique().to_list()
    names = [calendar_for(Symbol(symbol).asset_class).name for symbol in symbols]
    table = pl.DataFrame({"symbol": symbols, "calendar": names}, schema={"symbol": pl.String, "calendar": pl.String})
    return rows.join(table, on="symbol", how="left", maintain_order="left")


def session_table(rows: pl.DataFrame, lag: timedelta) -> pl.DataFrame:
    """The sessions around `rows`: calendar, date, session_close and final_from (the close plus `lag`), in UTC."""
    spans = rows.group_by("calendar").agg(first=pl.col("date").min(), last=pl.col("date").max()).sort("calendar")
    frames = [_NO_SESSIONS]
    for name, first, last in spans.iter_rows():
        calendar = _CALENDARS[name]
        start, stop = max(first, calendar.first), min(last, calendar.last) + timedelta(days=1)
        if start < stop:
            sessions = calendar.frame(start, stop).rename({"session": "date", "close": "session_close"})
            frames.append(sessions.select(pl.lit(name).alias("calendar"), "date", "session_close"))
    return pl.concat(frames).with_columns(final_from=pl.col("session_close") + lag)

"""
What is missing of bars: sessions of a symbol, sessions of the market, and sessions since the last bar.

Which sessions there should be is the calendar's word alone: half days have bars, unscheduled closures and days before
a listing have none (trap 46). A session that many symbols lack at once is told once, of the market (trap 19).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from marketkeep.calendars import XNYS, calendar_for
from marketkeep.checks.standing import Standing
from marketkeep.model import ISSUES, Symbol, Thresholds
from marketkeep.model.tables import Dtype

GAP = Standing("gap", "warning", "Sessions between the first and the last bar of a symbol have no bar.")
MARKET_HOLE = Standing("market_hole", "warning", "Many symbols that traded then lack one session; told once for all.")
NOT_FRESH = Standing("not_fresh", "warning", "A symbol that is followed has had no bar for some sessions.")
COVERAGE_CHECKS = (GAP, MARKET_HOLE, NOT_FRESH)

_TURNS: dict[str, Dtype] = {
    "calendar": pl.String,
    "before": pl.Date,
    "first": pl.Date,
    "between": pl.List(pl.Date),
}
_HOLES: dict[str, Dtype] = {"dataset": pl.String, "symbol": pl.String, "day": pl.Date}


def bridged(entries: pl.DataFrame) -> pl.DataFrame:
    """
    `CATALOG` rows whose spans reach back to the end of the one before, the sessions between told as missing.

    An entry tells what it lacks between its own first and last date only: a session missing at the turn of the year
    lies in none. Months of minute bars are joined where they follow each other; between others nothing was expected.
    """
    minute = pl.col("dataset") == "minute_bars"
    months = pl.col("period") // 100 * 12 + pl.col("period") % 100
    of = ["dataset", "symbol"]
    ordered = entries.sort(*of, "period").with_columns(
        before=pl.when(~minute | (months - months.shift().over(of) == 1)).then(pl.col("last").shift().over(of))
    )
    known = ordered.join(_calendars(entries), on="symbol", how="left", maintain_order="left")
    turns = known.filter(pl.col("first") - pl.col("before") > pl.duration(days=1))
    days = [
        (calendar, before, first, _between(calendar, before, first))
        for calendar, before, first in turns.select("calendar", "before", "first").unique().iter_rows()
    ]
    table = pl.DataFrame(days, schema=_TURNS, orient="row").filter(pl.col("between").list.len() > 0)
    met = known.join(table, on=["calendar", "before", "first"], how="left", maintain_order="left")
    return met.with_columns(
        first=pl.coalesce(pl.col("between").list.first(), "first"),
        missing=pl.concat_list(pl.col("between").fill_null([]), "missing"),
    ).select(entries.columns)


def _between(calendar: str, before: date, first: date) -> list[date]:
    """The sessions behind one date and before another."""
    of = XNYS if calendar == XNYS.name else calendar_for("crypto")
    return of.sessions(before + timedelta(days=1), first)


def holes(entries: pl.DataFrame, thin: pl.DataFrame | None = None) -> pl.DataFrame:
    """
    Sessions that symbols lack: dataset, symbol, day, each once.

    `entries` are `CATALOG` rows, `bridged`; `thin` has further ones of that form, there but as good as missing.
    """
    missing = entries.select("dataset", "symbol", day="missing").explode("day").drop_nulls("day")
    more = pl.DataFrame(schema=_HOLES) if thin is None else thin.select(list(_HOLES))
    return pl.concat([missing, more]).unique().sort("dataset", "symbol", "day")


def market_holes(found: pl.DataFrame, entries: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """
    Of these holes the sessions that too many symbols lack: dataset, calendar, day, lacking and trading (counts).

    A symbol traded then when the session lies within an entry of its dataset. No row for fewer than `hole_least`
    symbols, or less than `hole_share` of those that traded.
    """
    lacking = (
        found.join(_calendars(found), on="symbol")
        .group_by("dataset", "calendar", "day")
        .agg(lacking=pl.col("symbol").n_unique().cast(pl.Int64))
        .filter(pl.col("lacking") >= thresholds.hole_least)
    )
    spans = entries.select("dataset", "symbol", "first", "last").join(_calendars(entries), on="symbol")
    counted = [lacking.head(0).with_columns(trading=pl.lit(0, dtype=pl.Int64))]
    for (dataset, calendar), mine in lacking.partition_by("dataset", "calendar", as_dict=True).items():
        of = spans.filter((pl.col("dataset") == dataset) & (pl.col("calendar") == calendar))
        counted.append(mine.with_columns(_trading(mine["day"], of)))
    whole = pl.concat(counted)
    return whole.filter(pl.col("lacking") >= thresholds.hole_share * pl.col("trading")).sort("dataset", "day")


def gaps(found: pl.DataFrame, market: pl.DataFrame) -> pl.DataFrame:
    """`ISSUES` rows, one per dataset and symbol with holes that are not the market's."""
    own = found.join(_calendars(found), on="symbol").join(market, on=["dataset", "calendar", "day"], how="anti")
    grouped = own.group_by("dataset", "symbol").agg(
        first=pl.col("day").min(), last=pl.col("day").max(), count=pl.len().cast(pl.Int64)
    )
    one = pl.format("the session of {} has no bar", "first")
    several = pl.format("{} sessions between {} and {} have no bar", "count", "first", "last")
    told = grouped.with_columns(detail=pl.when(pl.col("count") == 1).then(one).otherwise(several))
    return GAP.found(told.sort("dataset", "symbol"))


def market_gaps(market: pl.DataFrame) -> pl.DataFrame:
    """`ISSUES` rows of what `market_holes` returned, one per session, `count` the symbols that lack it."""
    told = market.with_columns(
        first="day",
        last="day",
        count="lacking",
        detail=pl.format("{} of {} symbols that traded on {} lack the session", "lacking", "trading", "day"),
    )
    return MARKET_HOLE.found(told)


def not_fresh(held: pl.DataFrame, now: datetime, lag: timedelta, thresholds: Thresholds) -> pl.DataFrame:
    """
    `ISSUES` rows of symbols whose last bar lies more than `fresh_sessions` sessions behind the last that is final.

    `held` has dataset, symbol and last (date held) of what should be fresh. A session is final `lag` past its close;
    `now` is an instant (UTC).
    """
    found = [ISSUES.empty()]
    for (name,), mine in held.join(_calendars(held), on="symbol").partition_by("calendar", as_dict=True).items():
        calendar = XNYS if name == XNYS.name else calendar_for("crypto")
        final = calendar.last_final(now, lag)
        start = max(calendar.first, mine.select(pl.col("last").min()).item())
        closed = np.array(calendar.sessions(start, max(start, final + timedelta(days=1))), dtype="datetime64[D]")
        behind = len(closed) - np.searchsorted(closed, mine["last"].to_numpy(), side="right")
        late = mine.with_columns(count=pl.Series(behind, dtype=pl.Int64)).filter(
            pl.col("count") > thresholds.fresh_sessions
        )
        told = late.with_columns(
            first="last", detail=pl.format("the last bar is of {}; {} sessions have closed since", "last", "count")
        )
        found.append(NOT_FRESH.found(told.sort("dataset", "symbol")))
    return pl.concat(found)


def _calendars(rows: pl.DataFrame) -> pl.DataFrame:
    symbols = rows["symbol"].unique().sort().to_list()
    names = [calendar_for(Symbol(symbol).asset_class).name for symbol in symbols]
    return pl.DataFrame({"symbol": symbols, "calendar": names}, schema={"symbol": pl.String, "calendar": pl.String})


def _trading(days: pl.Series, spans: pl.DataFrame) -> pl.Series:
    """How many spans [first, last] each day lies within; a symbol's spans do not overlap."""
    begun = np.searchsorted(spans["first"].sort().to_numpy(), days.to_numpy(), side="right")
    over = np.searchsorted(spans["last"].sort().to_numpy(), days.to_numpy(), side="left")
    return pl.Series("trading", begun - over, dtype=pl.Int64)


def held_last(entries: pl.DataFrame) -> pl.DataFrame:
    """Of each dataset and symbol the last date held."""
    return entries.group_by("dataset", "symbol").agg(last=pl.col("last").max()).sort("dataset", "symbol")

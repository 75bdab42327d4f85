"""
From raw minute bars to gold, as one pure function: check, choose one source and feed a session, undo the basis.

A session is taken whole from one source and one feed: volumes of a single venue and of the whole tape must not stand
side by side in one series. What lost stays in raw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from marketkeep.calendars import UTC_DAYS, XNYS, Calendar
from marketkeep.gold.basis import as_traded
from marketkeep.gold.promote import with_calendar
from marketkeep.model import MINUTE_BARS, UTC, Policy, Symbol

CheckMinutes = Callable[[pl.DataFrame], pl.DataFrame]
"""`checks.check_minutes`; handed in, because rooms of one line do not import each other."""

CONSOLIDATED = "sip"
"""The feed made from all venues: it goes before any other."""

MINUTE_PRICES = ("open", "high", "low", "close", "vwap")
_CALENDARS = {calendar.name: calendar for calendar in (XNYS, UTC_DAYS)}
# Trading hours in hours after local midnight; what trades around the clock has no others than its day.
_TRADING_HOURS = {XNYS.name: (4, 20), UTC_DAYS.name: (0, 24)}
_NO_HOURS = pl.DataFrame(
    schema={"calendar": pl.String, "date": pl.Date}
    | dict.fromkeys(("day_from", "day_to", "hours_from", "hours_to", "session_open", "session_close"), UTC)
)


@dataclass(frozen=True, slots=True)
class MinuteGold:
    """
    What raw minute bars came to: the chosen `bars` as `MINUTE_BARS` rows, the same rows as they were `chosen`, with
    lineage and marks, and every row `checked`, as delivered.
    """

    bars: pl.DataFrame
    chosen: pl.DataFrame
    checked: pl.DataFrame


def promote_minutes(
    raw_bars: pl.DataFrame, raw_actions: pl.DataFrame, policy: Policy, check: CheckMinutes
) -> MinuteGold:
    """
    Gold of these raw minute bars (with lineage beside them, as `BatchStore.rows` gives them), whatever their order.

    All that raw holds of a session must be among them; `raw_actions` are all of their symbols'.
    """
    if raw_bars.is_empty():
        checked = check(_with_hours(raw_bars, policy.final_after))
        return MinuteGold(MINUTE_BARS.empty(), checked, checked)
    version = ("fetched_at", "batch_id", "payload")
    ordered = raw_bars.sort("symbol", "ts", "source", "feed", *version, maintain_order=True)
    checked = check(_with_hours(ordered, policy.final_after))
    chosen = split_undone(choose(checked, policy), raw_actions)
    return MinuteGold(MINUTE_BARS.conform(_with_segment(chosen).select(list(MINUTE_BARS.schema))), chosen, checked)


def choose(checked: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """
    The rows of the source and feed that win each symbol's session, sorted by symbol and ts.

    Of each source, feed and minute the newest version that passed the hard checks stands. The consolidated feed goes
    before others, then the better ranked source, then the one with more minutes, then the first by name. `checked` is
    sorted by symbol, ts, source and feed, then by time received.
    """
    offer = ["symbol", "date", "source", "feed"]
    standing = checked.filter(~pl.col("hard")).unique(
        ["symbol", "ts", "source", "feed"], keep="last", maintain_order=True
    )
    offers = standing.group_by(offer).agg(minutes=pl.len())
    if offers.select(pl.struct("symbol", "date").is_duplicated().any()).item():
        offers = offers.join(_ranks(offers, policy), on=["symbol", "source"])
        best = offers.sort(
            "symbol",
            "date",
            pl.col("feed") != CONSOLIDATED,
            "rank",
            pl.col("minutes").cast(pl.Int64).neg(),
            "source",
            "feed",
        ).unique(["symbol", "date"], keep="first", maintain_order=True)
        standing = standing.join(best.select(offer), on=offer, how="semi")
    return standing.sort("symbol", "ts")


def _ranks(offers: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The rank of each source for each symbol, by its class of assets."""
    pairs = offers.select("symbol", "source").unique().sort("symbol", "source")
    known = {symbol: Symbol(symbol).asset_class for symbol in pairs["symbol"].unique()}
    ranks = [policy.rank(source, "minute_bars", known[symbol]) for symbol, source in pairs.iter_rows()]
    return pairs.with_columns(rank=pl.Series(ranks, dtype=pl.Int32))


def split_undone(chosen: pl.DataFrame, raw_actions: pl.DataFrame) -> pl.DataFrame:
    """Minute bars as traded, sorted by symbol and ts: the splits are undone that sources had applied."""
    adjusted = pl.col("basis") != "as_traded"
    scaled = chosen.filter(adjusted)
    if scaled.is_empty():
        return chosen
    undone = as_traded(scaled, raw_actions, MINUTE_PRICES)
    return pl.concat([chosen.filter(~adjusted), undone]).sort("symbol", "ts")


def _with_segment(bars: pl.DataFrame) -> pl.DataFrame:
    before, after = pl.col("ts") < pl.col("session_open"), pl.col("ts") >= pl.col("session_close")
    named = pl.when(before).then(pl.lit("pre")).when(after).then(pl.lit("post")).otherwise(pl.lit("regular"))
    return bars.with_columns(segment=named)


def _with_hours(bars: pl.DataFrame, lag: timedelta) -> pl.DataFrame:
    """
    `bars` with the bounds of their date, of its trading hours and of its session, and when each is final: `lag` past
    the end of the session and of the minute itself, for after the close minutes are still to come.
    """
    rows = with_calendar(bars)
    days = rows.select("calendar", "date").unique()
    frames = [_NO_HOURS]
    for (name,), mine in days.partition_by("calendar", as_dict=True).items():
        frames.append(_hours(_CALENDARS[str(name)], mine["date"].sort()))
    hours = pl.concat(frames)
    ends = pl.max_horizontal("session_close", pl.col("ts") + pl.duration(minutes=1))
    return rows.join(hours, on=["calendar", "date"], how="left", maintain_order="left").with_columns(
        final_from=ends + lag
    )


def _hours(calendar: Calendar, days: pl.Series) -> pl.DataFrame:
    opens, closes = _TRADING_HOURS[calendar.name]
    midnight = pl.col("date").cast(pl.Datetime("us"))
    edges = {"day_from": 0, "day_to": 24, "hours_from": opens, "hours_to": closes}
    table = pl.DataFrame({"date": days}).select(
        pl.lit(calendar.name).alias("calendar"),
        "date",
        *(
            (midnight + pl.duration(hours=hours))
            .dt.replace_time_zone(calendar.zone.key)
            .dt.convert_time_zone("UTC")
            .alias(name)
            for name, hours in edges.items()
        ),
    )
    inside = days.filter((days >= calendar.first) & (days <= calendar.last))
    if inside.is_empty():
        sessions = calendar.frame(calendar.first, calendar.first)
    else:
        first, last = inside[0], inside[-1]
        sessions = calendar.frame(first, last + timedelta(days=1))
    known = sessions.rename({"session": "date", "open": "session_open", "close": "session_close"})
    return table.join(known, on="date", how="left", maintain_order="left")

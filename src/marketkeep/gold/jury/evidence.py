"""
Evidence for the jury: what bars and share counts measure around ex-dates, before anyone weighs it.

Prices as traded are a witness of their own. Those of a source that had adjusted them were undone by what it tells
itself, so they are heard only on what they cannot have from that: a step that is there although nothing was undone, or
none that is there after undoing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from marketkeep.gold.jury.steps import EVIDENCE_DAYS, levels, near, over, pairs, positive
from marketkeep.model.tables import Dtype

SHARE_DAYS = 200
"""Calendar days on either side of an ex-date within which a share count is evidence."""

BARS: dict[str, Dtype] = {
    "symbol": pl.String,
    "date": pl.Date,
    "source": pl.String,
    "basis": pl.String,
    "basis_date": pl.Date,
    "hard": pl.Boolean,
    "open": pl.Float64,
    "close": pl.Float64,
    "adj_close": pl.Float64,
    "delivered": pl.Float64,
    "batch_id": pl.String,
    "payload": pl.UInt32,
}
SHARES: dict[str, Dtype] = {"symbol": pl.String, "on": pl.Date, "shares": pl.Float64}


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What the jury may look at. `bars` has the columns of `BARS` (others are ignored): every candidate row, prices as
    traded, `delivered` and `adj_close` as they came, sorted by symbol and date, then by time received. `shares` has
    those of `SHARES`: counts of the issuer's shares, such as those on cover pages, in any order.
    """

    bars: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BARS))
    shares: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SHARES))


class Step(NamedTuple):
    """
    The step of one source's prices over a day: price before / price after, as traded; `level` is that of the sessions
    around.

    `day` is the later session. `undone` is what undoing multiplied the earlier price by, beside the later one;
    `whole` says that these prices had nothing of the day's split in them. `shift` is 0 over the day asked for, -1 or 1
    for the session before or after.
    """

    source: str
    day: date
    step: float
    level: float
    undone: float
    whole: bool
    shift: int


class Adjusted(NamedTuple):
    """The step of one source's own adjusted closes over a day, and its close before, as traded; split taken out."""

    source: str
    factor: float
    close: float


def split_steps(bars: pl.DataFrame, days: pl.DataFrame) -> dict[tuple[str, date], list[Step]]:
    """By symbol and day what each source's prices do over it and over the sessions beside it."""
    close_by = near(bars, days).filter(~pl.col("hard"))
    standing = close_by.unique(["symbol", "date", "source"], keep="last", maintain_order=True)
    priced = standing.with_columns(first=pl.coalesce("open", "close"), undo=pl.col("close") / pl.col("delivered"))
    usable = priced.filter(positive("close"), positive("first"), pl.col("undo").is_finite())
    found = pairs(usable, ["symbol", "source"], ["close", "undo", "basis_date", "basis"]).select(
        "symbol",
        "source",
        "date",
        "date_before",
        "close",
        "^(date|close)-?[1-3]$",
        step=pl.col("close_before") / pl.col("first"),
        undone=pl.col("undo_before") / pl.col("undo"),
        plain=pl.col("basis_before") == "as_traded",
        basis_date="basis_date_before",
    )
    at = over(found, days)
    edge = at.select("symbol", "source", "day", edge_before="date_before", edge="date")
    key = ["symbol", "source"]
    earlier = edge.join(found, left_on=[*key, "edge_before"], right_on=[*key, "date"]).rename({"edge_before": "date"})
    later = edge.join(found, left_on=[*key, "edge"], right_on=[*key, "date_before"])
    names = ("symbol", "day", "source", "date", "step", "undone", "plain", "basis_date")
    columns = [*map(pl.col, names), levels().alias("level")]
    window = pl.duration(days=EVIDENCE_DAYS)
    beside = pl.concat(
        [
            at.select(*columns, shift=pl.lit(0)),
            earlier.filter(pl.col("day") - pl.col("date_before") <= window).select(*columns, shift=pl.lit(-1)),
            later.filter(pl.col("date") - pl.col("day") <= window).select(*columns, shift=pl.lit(1)),
        ]
    )
    # What was received before a split had nothing of it: its own day of basis says so.
    whole = pl.col("plain") | (pl.col("basis_date").is_not_null() & (pl.col("basis_date") < pl.col("day")))
    rows = beside.with_columns(whole=whole.fill_null(value=False)).sort("symbol", "day", "source", "shift")
    steps: dict[tuple[str, date], list[Step]] = {}
    for symbol, day, *facts in rows.select("symbol", "day", *Step._fields[:1], "date", *Step._fields[2:]).iter_rows():
        steps.setdefault((symbol, day), []).append(Step(*facts))
    return steps


def adjusted_steps(bars: pl.DataFrame, days: pl.DataFrame) -> dict[tuple[str, date], list[Adjusted]]:
    """
    By symbol and day (with `ratio`, the split of that day) the step of each source's adjusted closes over it.

    Of each source the newest payload that has rows on both sides counts, because adjusted closes of different payloads
    cannot be compared.
    """
    told = near(bars, days).filter(~pl.col("hard"), positive("adj_close"), positive("delivered"))
    rows = told.with_row_index("row").with_columns(share=pl.col("adj_close") / pl.col("delivered"))
    by = ["symbol", "source", "batch_id", "payload"]
    found = over(pairs(rows.filter(positive("close")), by, ["share", "close"]), days)
    newest = found.sort("row").unique(["symbol", "day", "source"], keep="last", maintain_order=True)
    ratios = days.unique(["symbol", "day"], keep="first", maintain_order=True)
    # Adjusted closes of prices as traded hold the split too.
    split = pl.when(pl.col("basis") == "as_traded").then("ratio").otherwise(1.0)
    stepped = newest.join(ratios, on=["symbol", "day"]).with_columns(
        factor=pl.col("share_before") / pl.col("share") * split
    )
    steps: dict[tuple[str, date], list[Adjusted]] = {}
    wanted = stepped.sort("symbol", "day", "source").select("symbol", "day", "source", "factor", "close_before")
    for symbol, day, *facts in wanted.iter_rows():
        steps.setdefault((symbol, day), []).append(Adjusted(*facts))
    return steps


def share_steps(shares: pl.DataFrame, symbols: set[str]) -> dict[str, list[tuple[date, float]]]:
    """By symbol its share counts, sorted by day; of several on one day the largest."""
    mine = shares.filter(pl.col("symbol").is_in(list(symbols)) & (pl.col("shares") > 0))
    one = mine.group_by("symbol", "on").agg(pl.col("shares").max()).sort("symbol", "on")
    counts: dict[str, list[tuple[date, float]]] = {}
    for symbol, day, count in one.select("symbol", "on", "shares").iter_rows():
        counts.setdefault(symbol, []).append((day, count))
    return counts


def share_ratio(
    counts: list[tuple[date, float]], ex_date: date, since: date | None, until: date | None
) -> float | None:
    """
    Shares after / shares before an ex-date by the nearest counts within `SHARE_DAYS`, none of them beyond the splits
    `since` and `until` on either side; None where one is missing.
    """
    reach = timedelta(days=SHARE_DAYS)
    first = max(ex_date - reach, since) if since else ex_date - reach
    last = min(ex_date + reach, until - timedelta(days=1)) if until else ex_date + reach
    before = [count for day, count in counts if first <= day < ex_date]
    after = [count for day, count in counts if ex_date <= day <= last]
    return after[0] / before[-1] if before and after else None

"""
From raw rows to gold, as pure functions: undo the basis, check, resolve, judge the actions, adjust, check in context.

The rebuild, the update, `recorded_by` reads and `explain` all come through here, so they cannot disagree. `promote`
does it for symbols of which all rows are at hand; an update, which has only some, does it in the same three steps:
`sift` over the rows it has loaded, `judge` and `with_factors` over what is published beside them, and `weigh`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import polars as pl

from marketkeep.calendars import calendar_for
from marketkeep.gold.basis import as_traded
from marketkeep.gold.factors import adjust, with_factors
from marketkeep.gold.jury import Evidence, judge, told_actions
from marketkeep.gold.resolve import CANDIDATE, DATASET, resolve
from marketkeep.model import UTC, Policy, Symbol, Thresholds

_CALENDARS = {calendar.name: calendar for calendar in map(calendar_for, ("equity", "crypto"))}
_NO_SESSIONS = pl.DataFrame(schema={"calendar": pl.String, "date": pl.Date, "session_close": UTC})


class BarChecks(Protocol):
    """The room `checks`; handed in, because rooms of one line do not import each other."""

    def check_bars(self, bars: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
        """Marks by what a row and its payload tell alone."""

    def reject_absurd(self, checked: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
        """Marks of rows that no other source supports and that lie far from all around them."""

    def bar_context(self, bars: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
        """What lies around each bar of gold."""

    def check_series(
        self, checked: pl.DataFrame, context: pl.DataFrame, thresholds: Thresholds, tolerance: float | pl.Expr
    ) -> pl.DataFrame:
        """Marks by what lies around a row; sources agree within `tolerance`."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """Every row `checked` by itself, numbered by `candidate`, and the `bars` that won, with `status`; no factors."""

    checked: pl.DataFrame
    bars: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Gold:
    """
    What raw rows came to: the `bars` that won, with factors, `adj_close`, `status` and final score; the `actions` with
    verdicts and factors; and every row `checked`, by itself and in context.
    """

    bars: pl.DataFrame
    actions: pl.DataFrame
    checked: pl.DataFrame


def promote(
    raw_bars: pl.DataFrame,
    raw_actions: pl.DataFrame,
    policy: Policy,
    checks: BarChecks,
    shares: pl.DataFrame | None = None,
) -> Gold:
    """
    Gold of these raw rows (with lineage beside them, as `BatchStore.rows` gives them), whatever their order of arrival.

    They are all that is known of their symbols. `shares` are counts of shares (symbol, on, shares) as witnesses.
    """
    sifted = sift(raw_bars, raw_actions, policy, checks)
    evidence = Evidence(sifted.checked) if shares is None else Evidence(sifted.checked, shares)
    judged = judge(told_actions(raw_actions, policy), evidence, policy)
    events = with_factors(judged, sifted.bars)
    series = adjust(sifted.bars, events)
    checked = weigh(sifted.checked, series, policy, checks)
    return Gold(reweighed(series, checked).drop(CANDIDATE), events, checked.drop(CANDIDATE))


def sift(raw_bars: pl.DataFrame, raw_actions: pl.DataFrame, policy: Policy, checks: BarChecks) -> Sifted:
    """
    Check each row by itself and against those of all sources within ten days, and choose one a session.

    What comes out for a date rests on the raw rows within that distance of it, and on all actions.
    """
    ordered = raw_bars.sort("symbol", "date", "fetched_at", "batch_id", "payload", maintain_order=True)
    rows = with_calendar(as_traded(ordered.with_columns(delivered="close"), raw_actions))
    checked = checks.check_bars(rows, session_table(rows, policy.final_after))
    checked = checks.reject_absurd(checked, policy.thresholds).with_row_index(CANDIDATE)
    return Sifted(checked, resolve(checked, policy))


def weigh(checked: pl.DataFrame, series: pl.DataFrame, policy: Policy, checks: BarChecks) -> pl.DataFrame:
    """`checked` rows looked at in context of the gold around them: `series` are adjusted bars, sorted."""
    kinds = {symbol: Symbol(symbol).asset_class for symbol in checked["symbol"].unique()}
    shares = {symbol: policy.tolerance_of(DATASET, kind) for symbol, kind in kinds.items()}
    tolerance = pl.col("symbol").replace_strict(shares, return_dtype=pl.Float64) if shares else pl.lit(0.0)
    context = checks.bar_context(series, policy.thresholds)
    return checks.check_series(checked, context, policy.thresholds, tolerance)


def reweighed(bars: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    """The winners among `checked` rows (by `candidate`) with the marks and score these have now."""
    final = checked.select(CANDIDATE, "failed", "score")
    return bars.drop("failed", "score").join(final, on=CANDIDATE, how="left", maintain_order="left")


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

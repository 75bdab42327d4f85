"""
Issues: what is wrong now. Findings tell what happened and what became of it; an issue is a finding that is still open,
or a fault of what stands published: sessions missing, bars that stopped coming, actions that sources tell differently,
members and securities that cannot be right.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import polars as pl

from marketkeep.calendars import XNYS, calendar_for
from marketkeep.checks.actions import action_issues
from marketkeep.checks.coverage import bridged, gaps, held_last, holes, market_gaps, market_holes, not_fresh
from marketkeep.checks.membership import membership_issues
from marketkeep.checks.reference import reference_issues
from marketkeep.model import ISSUES, Policy, Symbol
from marketkeep.model.new_york import new_york_date
from marketkeep.query import market_time
from marketkeep.query.clocks import Clocks, end_of
from marketkeep.query.coverage import securities as securities_of
from marketkeep.query.holdings import cut
from marketkeep.query.states import State

_BARS = ("daily_bars", "minute_bars")
_THIN = "minutes_incomplete"
"""A session whose minutes are a handful is as good as missing."""
_DAYS_APART = 7
"""Findings of one kind no further apart than this are read as one run."""


def issues(
    state: State, policy: Policy, clocks: Clocks, *, now: datetime | None = None, info: bool = False
) -> pl.DataFrame:
    """
    `ISSUES` rows, worst first; what is information only where `info`.

    Whether bars are fresh is told only when `now`, an instant (UTC), is given; `as_of` a day it is no later than that.
    """
    if now is not None and clocks.as_of is not None:
        now = min(now, end_of(clocks.as_of))
    found = open_findings(state, clocks)
    worked_out = pl.concat(_worked_out(state, policy, clocks, found, now))
    kept = _without_thin(_still_lacking(found, state), worked_out)
    # What a check of rows has told of an action already is not told again.
    fresh = worked_out.join(kept, on=["check", "symbol", "first"], how="anti", nulls_equal=True)
    told = pl.concat([in_runs(kept), fresh])
    return sorted_worst_first(told if info else told.filter(pl.col("severity") != "info"))


def open_findings(state: State, clocks: Clocks) -> pl.DataFrame:
    """`FINDINGS` rows that are not resolved."""
    return market_time.findings_on(state.findings(), clocks.as_of).filter(pl.col("resolved_at").is_null())


def in_runs(findings: pl.DataFrame) -> pl.DataFrame:
    """
    `FINDINGS` rows as `ISSUES` rows: those of one check, symbol and source at most a week apart are one line, with the
    first one's detail.
    """
    same = ["check", "severity", "dataset", "symbol", "source"]
    ordered = findings.sort(*same, "first", "last", "detected_at", maintain_order=True)
    apart = (pl.col("first") - pl.col("last").shift().over(same)).dt.total_days()
    # What has no date is a line of its own.
    begins = (apart > _DAYS_APART).fill_null(value=True)
    runs = ordered.with_columns(run=begins.cum_sum()).group_by(*same, "run", maintain_order=True)
    lines = runs.agg(
        pl.col("first").min(),
        pl.col("last").max(),
        pl.col("count").sum(),
        pl.col("detail").first(),
        pl.col("detected_at").min(),
    )
    return ISSUES.conform(lines.drop("run"))


def sorted_worst_first(found: pl.DataFrame) -> pl.DataFrame:
    """Errors before warnings before information; then by symbol, first day and check."""
    order = pl.col("severity").replace_strict({"error": 0, "warning": 1, "info": 2}, return_dtype=pl.Int8)
    return found.sort(order, "symbol", "first", "check", "source", maintain_order=True)


def _worked_out(
    state: State, policy: Policy, clocks: Clocks, found: pl.DataFrame, now: datetime | None
) -> list[pl.DataFrame]:
    """What no payload is to blame for, as `ISSUES` rows."""
    entries = bridged(pl.concat([cut(state.entries(dataset), clocks.as_of) for dataset in _BARS]))
    thin = found.filter(pl.col("check") == _THIN).select("dataset", "symbol", day="first")
    lacking = holes(entries, thin)
    market = market_holes(lacking, entries, policy.thresholds)
    missing = lacking.join(thin, on=["dataset", "symbol", "day"], how="anti")
    tickers = market_time.tickers_on(state.tickers(), clocks.as_of)
    securities = securities_of(state, clocks.as_of)
    members = market_time.members_on(state.members(), clocks.as_of)
    # A member is told under its last ticker, which may not be what it is published under.
    known = pl.concat([securities["symbol"], entries["symbol"], tickers["ticker"]]).unique()
    whole = [
        market_gaps(market),
        gaps(missing, market),
        membership_issues(members, known, policy.thresholds),
        reference_issues(securities, tickers, None if now is None else new_york_date(now)),
        action_issues(market_time.actions_on(state.actions(), clocks.as_of)),
    ]
    if now is not None:
        followed = securities.filter(pl.col("followed") & pl.col("active")).select("symbol")
        wanted = entries.filter(pl.col("dataset").is_in(list(policy.datasets)))
        held = held_last(wanted).join(followed, on="symbol", how="semi")
        whole.append(not_fresh(held, now, policy.final_after, policy.thresholds))
    return whole


def _still_lacking(found: pl.DataFrame, state: State) -> pl.DataFrame:
    """
    Findings without errors about bars that nothing is missing for: what was refused of a session that has its bars
    from elsewhere, or of a day that is no session, is no fault of what is published.
    """
    refused = (pl.col("severity") == "error") & pl.col("dataset").is_in(list(_BARS)) & pl.col("first").is_not_null()
    errors = found.filter(refused)
    if errors.is_empty():
        return found
    entries = pl.concat([state.entries(dataset) for dataset in _BARS])
    asked = errors.select("dataset", "symbol", day="first").unique()
    within = asked.join(entries.select("dataset", "symbol", "first", "last", "missing"), on=["dataset", "symbol"])
    held = within.filter(
        pl.col("day").is_between("first", "last") & ~pl.col("missing").list.contains(pl.col("day"))
    ).select(asked.columns)
    lacking = asked.join(held, on=asked.columns, how="anti")
    sessions = [XNYS.is_session(day) if name == XNYS.name else True for name, day in _named_days(lacking)]
    stands = lacking.filter(pl.Series(sessions, dtype=pl.Boolean)).rename({"day": "first"})
    kept = errors.join(stands, on=stands.columns, how="semi", maintain_order="left")
    return pl.concat([kept, found.filter(~refused)])


def _named_days(rows: pl.DataFrame) -> Iterator[tuple[str, date]]:
    for symbol, day in rows.select("symbol", "day").iter_rows():
        yield calendar_for(Symbol(symbol).asset_class).name, day


def _without_thin(found: pl.DataFrame, worked_out: pl.DataFrame) -> pl.DataFrame:
    """Findings without those of thin sessions that are told of the market."""
    days = worked_out.filter((pl.col("check") == "market_hole") & (pl.col("dataset") == "minute_bars"))
    told = (pl.col("check") == _THIN) & pl.col("first").is_in(days["first"].implode())
    return found.filter(~told.fill_null(value=False))

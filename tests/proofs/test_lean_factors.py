"""Factors against LEAN's own factor files: real closes, dividends and splits, through the whole pipeline."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import prod
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from proofs.keeps import make_keep
from proofs.lean_files import FactorRow, factor_rows, in_force

SINCE = date(2009, 1, 1)
# LEAN writes seven decimals, which leaves this much room for one step, and for all of them together.
STEP = {"AAPL": 1e-6, "IBM": 1e-6, "SPY": 1e-4}
# SPY's steps do not cancel out: LEAN has most of its distributions as whole cents, rounded up (0.9802 as 0.99), so the
# product drifts by 4.9e-4 in twelve years. `test_spys_drift_is_leans_cents` holds that nothing else is behind it.
WHOLE = {"AAPL": 1e-6, "IBM": 1e-6, "SPY": 5e-4}
# Told by LEAN's files only, which go on to 2021-03-31: Alpha Vantage's end on 2020-11-25. Left out, and nothing else.
AFTER = {
    "AAPL": [date(2021, 2, 5)],
    "IBM": [date(2021, 2, 9)],
    "SPY": [date(2020, 12, 18), date(2021, 3, 19)],
}


@dataclass(frozen=True, slots=True)
class Event:
    """What LEAN tells of one ex-date: the step of both factors, and all that lies behind it up to the anchor."""

    ex_date: date
    before: date
    step: float
    whole: float


def told_until(path: Path) -> date:
    """The last date of an Alpha Vantage file, whose rows are newest first."""
    with gzip.open(path, "rt") as file:
        return date.fromisoformat(next(csv.DictReader(file))["timestamp"])


def events(rows: list[FactorRow], sessions: list[date], anchor: date) -> tuple[list[Event], list[date]]:
    """LEAN's events since 2009, up to the anchor and behind it; factors are those up to the anchor."""
    following = dict(pairwise(sessions))
    base = in_force(rows, anchor).both
    found, behind = [], []
    for row, after in pairwise(rows):
        if row.session not in following or following[row.session] < SINCE:
            continue
        ex_date = following[row.session]
        if ex_date > anchor:
            behind.append(ex_date)
        else:
            found.append(Event(ex_date, row.session, row.both / after.both, row.both / base))
    return found, behind


@pytest.fixture(scope="module")
def keep(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """LEAN's closes before Alpha Vantage's, and Alpha Vantage's dividends and splits."""
    made = make_keep(tmp_path_factory.mktemp("factors") / "keep", priority=("lean", "csv"))
    made.take(*(alpha_vantage(corpus, symbol) for symbol in STEP))
    made.take(*(corpus / f"lean/daily/{symbol.lower()}.zip" for symbol in STEP))
    return made.open()


def alpha_vantage(corpus: Path, symbol: str) -> Path:
    """The recorded daily-adjusted file of a symbol."""
    return corpus / f"alpha_vantage/daily_adjusted_csv/daily_adjusted_{symbol}.csv.gz"


def steps(keep: marketkeep.Keep, symbol: str) -> dict[date, float]:
    """Our factor of each ex-date since 2009, a split and a dividend of one day multiplied."""
    rows = keep.actions(symbol).filter(pl.col("ex_date") >= SINCE)
    assert rows["adjustment_factor"].null_count() == 0
    found: dict[date, float] = {}
    for ex_date, factor in rows.select("ex_date", "adjustment_factor").rows():
        found[ex_date] = found.get(ex_date, 1.0) * factor
    return found


def off(ours: float, theirs: float) -> float:
    """The relative difference."""
    return abs(ours / theirs - 1)


@pytest.mark.parametrize("symbol", STEP)
def test_factors_equal_leans(keep: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    Every event since 2009 has LEAN's ex-date, LEAN's factor, and LEAN's cumulative factor up to one common anchor.
    """
    bars = keep.bars(symbol).polars()
    assert bars["source"].unique().to_list() == ["lean"]
    lean = factor_rows(corpus / f"lean/factor_files/{symbol.lower()}.csv")
    anchor = told_until(alpha_vantage(corpus, symbol))
    expected, behind = events(lean, bars["date"].to_list(), anchor)
    assert behind == AFTER[symbol]
    ours = steps(keep, symbol)
    assert list(ours) == [event.ex_date for event in expected]
    single = {event.ex_date: off(ours[event.ex_date], event.step) for event in expected}
    whole = {
        event.ex_date: off(prod(factor for ex_date, factor in ours.items() if ex_date >= event.ex_date), event.whole)
        for event in expected
    }
    worst = max(single, key=lambda ex_date: single[ex_date])
    print(
        f"{symbol}: {len(expected)} events since 2009, worst step off by {single[worst]:.1e} ({worst}), "
        f"worst cumulative off by {max(whole.values()):.1e}; left out, behind {anchor}: {', '.join(map(str, behind))}"
    )
    assert max(single.values()) <= STEP[symbol]
    assert max(whole.values()) <= WHOLE[symbol]


@pytest.mark.parametrize("symbol", STEP)
def test_published_adj_close_is_leans(keep: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    The adj_close that is published for every session since 2009 is the close times LEAN's factors up to the anchor.
    """
    lean = factor_rows(corpus / f"lean/factor_files/{symbol.lower()}.csv")
    anchor = told_until(alpha_vantage(corpus, symbol))
    base = in_force(lean, anchor).both
    rows = keep.bars(symbol, SINCE, anchor).polars().select("date", "close", "adj_close").rows()
    worst = max(off(adjusted, close * in_force(lean, day).both / base) for day, close, adjusted in rows)
    print(f"{symbol}: {len(rows)} sessions since 2009, worst adj_close off by {worst:.1e}")
    assert len(rows) > 2990
    assert worst <= WHOLE[symbol]


@pytest.fixture(scope="module")
def leans_own(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """LEAN's closes and the actions read off LEAN's own factor files."""
    made = make_keep(tmp_path_factory.mktemp("own") / "keep")
    for symbol in STEP:
        made.take(corpus / f"lean/daily/{symbol.lower()}.zip", corpus / f"lean/factor_files/{symbol.lower()}.csv")
    return made.open()


@pytest.mark.parametrize("symbol", STEP)
def test_leans_own_amounts_give_leans_factors(leans_own: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    With the amounts that LEAN had, every published adj_close since 1998 is the close times LEAN's factors.
    """
    lean = factor_rows(corpus / f"lean/factor_files/{symbol.lower()}.csv")
    rows = leans_own.bars(symbol).polars().select("date", "close", "adj_close").rows()
    worst: dict[bool, float] = {}
    for day, close, adjusted in rows:
        since = day >= SINCE
        worst[since] = max(worst.get(since, 0.0), off(adjusted, close * in_force(lean, day).both))
    print(f"{symbol}, LEAN's amounts: worst adj_close off by {worst[True]:.1e} since 2009, {worst[False]:.1e} before")
    assert worst[True] <= 1e-6
    # LEAN wrote Apple's 1/56, in force until 2005, with six significant digits.
    assert worst[False] <= (3e-6 if symbol == "AAPL" else 1e-6)


def test_spys_drift_is_leans_cents(keep: marketkeep.Keep, leans_own: marketkeep.Keep) -> None:
    """
    Where SPY's factors differ from LEAN's, the amounts do, by less than a cent each, and ours are the finer ones.
    """
    anchor = date(2020, 11, 25)
    paid, had = (
        {row[0]: row[1] for row in one.actions("SPY").select("ex_date", "amount").rows() if SINCE <= row[0] <= anchor}
        for one in (keep, leans_own)
    )
    assert list(paid) == list(had)
    apart = {day: had[day] - paid[day] for day in paid}
    late = [day for day in had if day >= date(2013, 1, 1)]
    cents = [day for day in late if round(had[day], 2) == had[day]]
    above = sum(apart[day] > 0 for day in cents)
    print(
        f"SPY: LEAN's amounts lie {min(apart.values()):+.4f} to {max(apart.values()):+.4f} from those paid; "
        f"since 2013 {len(cents)} of {len(late)} are whole cents, {above} of them above"
    )
    assert all(abs(one) < 0.01 for one in apart.values())
    assert sum(round(amount, 2) == amount for amount in paid.values()) < 5


def test_splits_are_exact_ratios(keep: marketkeep.Keep) -> None:
    """
    Apple's splits are 7:1 and 4:1 exactly, although the file writes the first as 7.00000700001.
    """
    splits = keep.actions("AAPL").filter((pl.col("kind") == "split") & (pl.col("ex_date") >= SINCE))
    told = splits.select("ex_date", "numerator", "denominator", "adjustment_factor", "witnesses").rows()
    assert told == [
        (date(2014, 6, 9), 7, 1, 1 / 7, "csv=7.00000700001 (as_traded)"),
        (date(2020, 8, 31), 4, 1, 0.25, "csv=4.0 (as_traded)"),
    ]


@pytest.mark.parametrize("symbol", STEP)
def test_how_far_the_vendors_own_adjustment_is(keep: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    Alpha Vantage's own adjustment carries its rounding: how far it lies from ours is told, and only held to 1e-3.

    Factors are compared, not prices: the closes here are LEAN's, and on some days the two tell different ones.
    """
    theirs = dict(vendor_factors(alpha_vantage(corpus, symbol)))
    ours = keep.bars(symbol, SINCE, max(theirs)).polars().select("date", pl.col("adj_close") / pl.col("close")).rows()
    differences = {day: off(factor, theirs[day]) for day, factor in ours if day in theirs}
    worst = max(differences, key=lambda day: differences[day])
    near = sum(difference <= 1e-4 for difference in differences.values())
    print(
        f"{symbol}: Alpha Vantage's factors against ours, {len(differences)} sessions since 2009: "
        f"worst {differences[worst]:.1e} ({worst}), {near} within 1e-4"
    )
    assert len(differences) == len(ours)
    assert differences[worst] < 1e-3


def vendor_factors(path: Path) -> Iterator[tuple[date, float]]:
    """Date and adjusted close over close of an Alpha Vantage file."""
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            yield date.fromisoformat(row["timestamp"]), float(row["adjusted_close"]) / float(row["close"])

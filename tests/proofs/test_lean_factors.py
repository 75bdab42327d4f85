"""Factors against LEAN's own factor files: real closes, dividends and splits, through the whole pipeline."""

from __future__ import annotations

import csv
import gzip
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

SYMBOLS = ("AAPL", "IBM", "SPY")
# The day after Alpha Vantage's first bars.
SINCE = date(1999, 11, 2)
# LEAN writes seven decimals, which leaves this much room for one step, and for all of them together.
ROOM = 1e-6
# Steps that LEAN rounds more: Apple's 1/56 and 1/28 have six significant digits.
ROUNDED = {"AAPL": {date(2000, 6, 21): 3e-6, date(2005, 2, 28): 3e-6}}
# SPY's steps do not cancel out: LEAN has its distributions in tenths of a cent, since 2013 most in whole cents, rounded
# up (0.9802 as 0.99), so the product drifts by 5e-4. `test_spys_steps_differ_by_leans_amounts` holds that nothing else
# is behind it.
WHOLE = {"AAPL": 3e-6, "IBM": 1e-6, "SPY": 6e-4}
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
    """LEAN's events since `SINCE`, up to the anchor and behind it; factors are those up to the anchor."""
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
    made.take(*(alpha_vantage(corpus, symbol) for symbol in SYMBOLS))
    made.take(*(corpus / f"lean/daily/{symbol.lower()}.zip" for symbol in SYMBOLS))
    return made.open()


def alpha_vantage(corpus: Path, symbol: str) -> Path:
    """The recorded daily-adjusted file of a symbol."""
    return corpus / f"alpha_vantage/daily_adjusted_csv/daily_adjusted_{symbol}.csv.gz"


def steps(keep: marketkeep.Keep, symbol: str) -> dict[date, float]:
    """Our factor of each ex-date, a split and a dividend of one day multiplied."""
    rows = keep.actions(symbol).filter(pl.col("ex_date") >= SINCE)
    assert rows["adjustment_factor"].null_count() == 0
    found: dict[date, float] = {}
    for ex_date, factor in rows.select("ex_date", "adjustment_factor").rows():
        found[ex_date] = found.get(ex_date, 1.0) * factor
    return found


def off(ours: float, theirs: float) -> float:
    """The relative difference."""
    return abs(ours / theirs - 1)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_factors_equal_leans(keep: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    Every event since Alpha Vantage's first bar has LEAN's ex-date, LEAN's factor, and LEAN's cumulative factor up to
    one common anchor.
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
        f"{symbol}: {len(expected)} events since {SINCE}, worst step off by {single[worst]:.1e} ({worst}), "
        f"worst cumulative off by {max(whole.values()):.1e}; left out, behind {anchor}: {', '.join(map(str, behind))}"
    )
    if symbol != "SPY":
        assert all(apart <= ROUNDED.get(symbol, {}).get(ex_date, ROOM) for ex_date, apart in single.items())
    assert max(whole.values()) <= WHOLE[symbol]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_published_adj_close_is_leans(keep: marketkeep.Keep, corpus: Path, symbol: str) -> None:
    """
    The adj_close that is published for every session is the close times LEAN's factors up to the anchor.
    """
    lean = factor_rows(corpus / f"lean/factor_files/{symbol.lower()}.csv")
    anchor = told_until(alpha_vantage(corpus, symbol))
    base = in_force(lean, anchor).both
    rows = keep.bars(symbol, SINCE, anchor).polars().select("date", "close", "adj_close").rows()
    worst = max(off(adjusted, close * in_force(lean, day).both / base) for day, close, adjusted in rows)
    print(f"{symbol}: {len(rows)} sessions since {SINCE}, worst adj_close off by {worst:.1e}")
    assert len(rows) > 5290
    assert worst <= WHOLE[symbol]


@pytest.fixture(scope="module")
def leans_own(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """LEAN's closes and the actions read off LEAN's own factor files."""
    made = make_keep(tmp_path_factory.mktemp("own") / "keep")
    for symbol in SYMBOLS:
        made.take(corpus / f"lean/daily/{symbol.lower()}.zip", corpus / f"lean/factor_files/{symbol.lower()}.csv")
    return made.open()


def test_spys_steps_differ_by_leans_amounts(keep: marketkeep.Keep, leans_own: marketkeep.Keep) -> None:
    """
    Where SPY's factors differ from LEAN's, the amounts do, by less than a cent each: event by event the factors are
    apart by what the amounts are, over the close, and by nothing else. Ours are the finer ones.
    """
    anchor = date(2020, 11, 25)
    columns = ("ex_date", "amount", "adjustment_factor")
    paid, had = (
        {row[0]: row[1:] for row in one.actions("SPY").select(columns).rows() if SINCE <= row[0] <= anchor}
        for one in (keep, leans_own)
    )
    assert list(paid) == list(had)
    apart = {day: had[day][0] - paid[day][0] for day in paid}
    for day, (amount, factor) in paid.items():
        close = amount / (1 - factor)
        assert had[day][1] == pytest.approx(factor - apart[day] / close, abs=ROOM), day
    differing = sum(abs(had[day][1] / paid[day][1] - 1) > ROOM for day in paid)
    tenths = sum(round(had[day][0], 3) == had[day][0] for day in had if day < date(2013, 1, 1))
    late = [had[day][0] for day in had if day >= date(2013, 1, 1)]
    cents = sum(round(amount, 2) == amount for amount in late)
    ours = sum(round(amount, 2) == amount for amount, _ in paid.values())
    print(
        f"SPY: {differing} of {len(paid)} steps differ; LEAN's amounts lie {min(apart.values()):+.4f} to "
        f"{max(apart.values()):+.4f} from those paid; until 2013 {tenths} of {len(had) - len(late)} are "
        f"tenths of a cent, from then on {cents} of {len(late)} whole cents; of ours {ours} are"
    )
    assert all(abs(one) < 0.01 for one in apart.values())


def test_splits_are_exact_ratios(keep: marketkeep.Keep) -> None:
    """
    Apple's splits are 2:1, 2:1, 7:1 and 4:1 exactly, although the file writes the third as 7.00000700001.
    """
    splits = keep.actions("AAPL").filter((pl.col("kind") == "split") & (pl.col("ex_date") >= SINCE))
    told = splits.select("ex_date", "numerator", "denominator", "adjustment_factor", "told").rows()
    assert told == [
        (date(2000, 6, 21), 2, 1, 0.5, "csv=2.0"),
        (date(2005, 2, 28), 2, 1, 0.5, "csv=2.0"),
        (date(2014, 6, 9), 7, 1, 1 / 7, "csv=7.00000700001"),
        (date(2020, 8, 31), 4, 1, 0.25, "csv=4.0"),
    ]

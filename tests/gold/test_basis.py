"""Undoing what sources had applied: as-traded prices and volumes come back exact, whatever the chain of splits."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketkeep.calendars import XNYS
from marketkeep.gold import as_traded
from raw_rows import Row, actions, bar, bars, cash, split

PRICES = ["open", "high", "low", "close"]
# AAPL as the tape had it, around its 7:1 on 2014-06-09 and its 4:1 on 2020-08-31: open, high, low, close, volume.
TRADED = {
    date(2014, 6, 5): (646.20, 649.37, 642.61, 647.35, 10850200.0),
    date(2014, 6, 6): (649.90, 651.26, 644.47, 645.57, 12497800.0),
    date(2014, 6, 9): (92.70, 93.88, 91.75, 93.70, 75415000.0),
    date(2020, 8, 28): (504.05, 505.77, 498.31, 499.23, 46907479.0),
    date(2020, 8, 31): (127.58, 131.00, 126.00, 129.04, 225702688.0),
}
AAPL_SPLITS = (split("2014-06-09", 7, source="yahoo"), split("2020-08-31", 4, source="yahoo"))
# What Yahoo's chart said of some of them, with the float32 noise it says it with.
YAHOO_SAID = {
    date(2014, 6, 6): {"open": 23.210714340209961, "close": 23.056072235107422},
    date(2014, 6, 9): {"open": 23.174999237060547, "close": 23.424999237060547},
    date(2020, 8, 28): {"open": 126.01249694824219, "close": 124.80750274658203},
    date(2020, 8, 31): {"open": 127.58000183105469, "close": 129.03999328613281},
}


def delivered(day: date, traded: tuple[float, ...], ratio: Fraction, **told: Any) -> Row:
    """A bar as Yahoo delivers it: prices divided by later splits, as float32; volume multiplied."""
    prices = {name: float(np.float32(value / float(ratio))) for name, value in zip(PRICES, traded, strict=False)}
    basis = {"basis": "split_adjusted", "source": "yahoo"}
    return bar(day, **prices, **{"volume": float(round(traded[4] * float(ratio))), **basis, **told})


def later_ratio(day: date, splits: tuple[Row, ...]) -> Fraction:
    """Product of the ratios of the splits behind a day."""
    ratio = Fraction(1)
    for one in splits:
        if one["ex_date"] > day:
            ratio *= Fraction(one["numerator"], one["denominator"])
    return ratio


def traded_rows(frame: pl.DataFrame) -> list[tuple[float, ...]]:
    """Open, high, low, close and volume of each row."""
    return frame.select(*PRICES, "volume").rows()


def test_apple_comes_back_to_the_cent() -> None:
    """
    Trap 1: AAPL delivered as float32 and divided by 28 and by 4 is the tape's, to the exact cent and share.
    """
    rows = [delivered(day, told, later_ratio(day, AAPL_SPLITS)) for day, told in TRADED.items()]
    made = as_traded(bars(*rows), actions(*AAPL_SPLITS))
    assert traded_rows(made) == list(TRADED.values())


def test_yahoos_own_digits_come_back_to_the_cent() -> None:
    """
    Trap 1: the digits Yahoo sent for AAPL's days around both splits decode to the tape's prices.
    """
    rows = [
        bar(day, **told, high=None, low=None, basis="split_adjusted", source="yahoo")
        for day, told in YAHOO_SAID.items()
    ]
    made = as_traded(bars(*rows), actions(*AAPL_SPLITS))
    assert made.select("open", "close").rows() == [(TRADED[day][0], TRADED[day][3]) for day in YAHOO_SAID]
    assert made["high"].null_count() == len(rows)


def test_only_splits_known_at_the_call_are_undone() -> None:
    """
    Trap 1: a row fetched before a split was not divided by it; `basis_date` tells.
    """
    day, traded = date(2014, 6, 6), TRADED[date(2014, 6, 6)]
    old = delivered(day, traded, Fraction(7), basis_date=date(2020, 8, 30))
    new = delivered(day, traded, Fraction(28), basis_date=date(2020, 8, 31), at=1)
    assert traded_rows(as_traded(bars(old, new), actions(*AAPL_SPLITS))) == [traded, traded]


def test_split_is_in_force_from_its_ex_date() -> None:
    """
    A bar of the ex-date itself has traded new shares: nothing is undone there.
    """
    row = bar("2020-08-31", 129.04, basis="split_adjusted", source="yahoo")
    assert as_traded(bars(row), actions(*AAPL_SPLITS))["close"].item() == 129.04


# Prices below 20,000 are known to the cent in float32 after any ratio, so that a cent more or less is told apart.
CENTS = st.integers(1, 2_000_000).map(lambda cents: cents / 100)
RATIOS = st.sampled_from([(7, 1), (28, 1), (4, 1), (3, 2), (1, 8), (1, 15), (1046, 1000), (1, 3), (20, 1)])


@given(CENTS, RATIOS)
@example(1123.42, (1046, 1000))
@example(0.01, (1, 15))
@settings(max_examples=300)
def test_cents_survive_any_ratio(price: float, ratio: tuple[int, int]) -> None:
    """
    Trap 34: divided by an odd ratio such as 1046:1000 and narrowed to float32, a price comes back to the exact cent.
    """
    exact = Fraction(*ratio)
    row = bar(
        "2020-01-02", float(np.float32(price / float(exact))), basis="split_adjusted", high=None, low=None, open=None
    )
    made = as_traded(bars(row), actions(split("2020-01-06", *ratio)))
    assert made["close"].item() == price


def test_chain_of_reverse_splits() -> None:
    """
    Trap 35: seven reverse splits bring a 2.37 dollar share to 48 million; it comes back to the cent.
    """
    days = XNYS.sessions(date(2016, 8, 1), date(2016, 8, 10))
    chain = tuple(split(day, 1, old, source="yahoo") for day, old in zip(days, (20, 30, 7, 4, 7, 7, 25), strict=True))
    traded = (2.41, 2.55, 2.30, 2.37, 1_234_567.0)
    ratio = later_ratio(date(2016, 7, 29), chain)
    assert 1 / ratio == 20_580_000
    row = delivered(date(2016, 7, 29), traded, ratio, volume=1_234_567.0 / 20_580_000)
    made = as_traded(bars(row), actions(*chain))
    assert made.select(PRICES).row(0) == traded[:4]
    assert made["volume"].item() == pytest.approx(1_234_567.0, rel=1e-12)


def test_volume_is_undone_to_whole_shares_only_where_whole_were_told() -> None:
    """
    Trap 24: volume is float64; a fractional one stays fractional, a whole one comes back whole, unknown stays unknown.
    """
    told = [400.0, 402.0, 1.5, None, 0.0]
    rows = [bar(date(2020, 8, 24) + timedelta(i), 1.0, volume=v, basis="split_adjusted") for i, v in enumerate(told)]
    made = as_traded(bars(*rows), actions(split("2020-08-31", 4)))
    assert made["volume"].to_list() == [100.0, 100.0, 0.375, None, 0.0]


@given(st.floats(1e-6, 1e9), st.floats(0, 1e12))
def test_values_with_nothing_to_undo_stay(price: float, volume: float) -> None:
    """
    Trap 65: what came as traded and is no float32 (prices over 10,000, decimal strings) is not touched by a bit.
    """
    if float(np.float32(price)) == price:
        return
    row = bar("2020-01-02", price, open=price / 3, high=None, low=None, volume=volume)
    made = as_traded(bars(row), actions(split("2020-08-31", 4)))
    assert made.select("close", "volume").row(0) == (price, volume)


@pytest.mark.parametrize("told", [129.04, 0.0023, 93.7, 1.0, 437.5, 12.0625, 15.15625, 100_000.0])
def test_float32_is_read_as_what_was_printed(told: float) -> None:
    """
    A float32 is read as the shortest decimal that gives it, sixteenths of a dollar included.
    """
    row = bar("2020-01-02", float(np.float32(told)), high=None, low=None, basis="split_adjusted")
    assert as_traded(bars(row), actions())["close"].item() == told


def test_source_is_undone_by_its_own_splits() -> None:
    """
    A source that tells of splits is undone by its own; one that tells of none by those of others.
    """
    rows = (
        bar("2020-01-02", 10.0, basis="split_adjusted", source="a"),
        bar("2020-01-02", 10.0, basis="split_adjusted", source="b"),
        bar("2020-01-02", 10.0, basis="split_adjusted", source="c"),
        bar("2020-01-02", 10.0, basis="split_adjusted", source="c", symbol="MSFT"),
    )
    told = actions(split("2020-02-03", 2, source="a"), split("2020-02-03", 3, source="b"))
    assert as_traded(bars(*rows), told)["close"].to_list() == [20.0, 30.0, 20.0, 10.0]


def test_splits_corrected_by_their_source_are_undone_as_corrected() -> None:
    """
    Of a source's versions of one split the newest counts, whatever the order of rows.
    """
    row = bar("2020-01-02", 10.0, basis="split_adjusted")
    for told in (
        (split("2020-02-03", 2), split("2020-02-03", 3, at=1)),
        (
            split("2020-02-03", 3, at=1),
            split("2020-02-03", 2),
        ),
    ):
        assert as_traded(bars(row), actions(*told))["close"].item() == 30.0


def test_columns_and_order_stay() -> None:
    """
    Only prices and volume change; rows, their order and all other columns stay.
    """
    rows = bars(bar("2020-01-03"), bar("2020-01-02", None), bar("2020-01-03", source="b"))
    made = as_traded(rows, actions())
    assert made.columns == rows.columns
    assert made.drop(*PRICES, "volume").equals(rows.drop(*PRICES, "volume"))
    assert as_traded(bars(), actions()).is_empty()


# --- fully adjusted prices -------------------------------------------------------------------------------------------


def auto_adjusted(days: list[date], closes: list[float], told: list[Row], *, source: str, at: int = 0) -> list[Row]:
    """
    Bars as yfinance's `auto_adjust=True` gives them: split-adjusted prices times the product of 1 - D / previous close
    over later dividends, where dividends are scaled by later splits too.
    """
    splits = tuple(one for one in told if one["kind"] == "split")
    plain = [close / float(later_ratio(day, splits)) for day, close in zip(days, closes, strict=True)]
    paid: dict[date, float] = {}
    for one in told:
        if one["kind"] != "split":
            paid[one["ex_date"]] = paid.get(one["ex_date"], 0.0) + one["amount"]
    rows: list[Row] = []
    factor = 1.0
    for index in reversed(range(len(days))):
        scale = factor / float(later_ratio(days[index], splits))
        prices = {name: closes[index] * part * scale for name, part in zip(PRICES, (0.99, 1.02, 0.97, 1), strict=True)}
        rows.append(bar(days[index], **prices, basis="adjusted", source=source, at=at))
        if index and days[index] in paid:
            factor *= 1 - paid[days[index]] / plain[index - 1]
    return rows[::-1]


def test_adjusted_prices_are_undone() -> None:
    """
    Bars adjusted for two splits and four payments, two of them on one day, come back as traded to one in 10^9.
    """
    days = XNYS.sessions(date(2020, 1, 2), date(2020, 12, 31))
    closes = [round(100 + 20 * np.sin(i / 9) + i / 7, 2) for i in range(len(days))]
    told = [
        cash(days[20], 0.82, basis="split_adjusted"),
        split(days[40], 4),
        cash(days[60], 1.37, basis="split_adjusted"),
        cash(days[60], 2.5, basis="split_adjusted", kind="special_dividend"),
        split(days[100], 1, 10),
        cash(days[150], 3.2, basis="split_adjusted"),
    ]
    rows = auto_adjusted(days, closes, told, source="csv")
    made = as_traded(bars(*rows), actions(*told))
    for name, part in zip(PRICES, (0.99, 1.02, 0.97, 1), strict=True):
        assert made[name].to_list() == pytest.approx([close * part for close in closes], rel=1e-9)


def test_adjusted_prices_are_undone_by_their_own_payload() -> None:
    """
    A later payload telling the same dividends again does not take them away from the rows of an earlier one, and the
    same payload received twice had applied them once.
    """
    days = XNYS.sessions(date(2020, 1, 2), date(2020, 3, 31))
    closes = [50.0 + i for i in range(len(days))]
    told = [cash(days[10], 1.0, basis="split_adjusted"), cash(days[30], 2.0, basis="split_adjusted")]
    first = auto_adjusted(days, closes, told, source="csv")
    again = [{**row, "at": 1} for row in told[1:]]
    later = [cash(row["ex_date"], row["amount"], basis="split_adjusted", at=1) for row in again]
    twice = [{**row, "batch_id": "batch-again", "fetched_at": row["fetched_at"] + timedelta(minutes=9)} for row in told]
    made = as_traded(bars(*first), actions(*told, *later, *twice))
    assert made["close"].to_list() == pytest.approx(closes, rel=1e-9)


def test_adjusted_rows_of_others_are_left() -> None:
    """
    A payload that tells of no dividend had none applied that could be undone.
    """
    row = bar("2020-01-02", 10.0, basis="adjusted", source="other")
    assert as_traded(bars(row), actions(cash("2020-01-03", 1.0)))["close"].item() == 10.0

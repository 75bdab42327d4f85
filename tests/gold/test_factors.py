"""Factors: what an action multiplies earlier prices by, when it is applied, and that they make the adjusted close."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.gold import adjust, with_factors
from marketkeep.model import ACTIONS, Policy
from raw_rows import Row, actions, cash, resolve_actions, split

DAYS = [date(2024, 3, 4) + timedelta(days) for days in range(5)]
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = DAYS


def closes(*values: float, days: list[date] = DAYS) -> pl.DataFrame:
    """Bars of one symbol with these closes, as traded, one a day from Monday on."""
    schema = {"symbol": pl.String, "date": pl.Date, "close": pl.Float64}
    return pl.DataFrame([("AAPL", *told) for told in zip(days, values, strict=False)], schema=schema, orient="row")


def told(*rows: Row) -> pl.DataFrame:
    """The verdicts on raw actions."""
    return resolve_actions(actions(*rows), Policy())


def factor(bars: pl.DataFrame, *rows: Row) -> Any:
    """The factor of the one action."""
    return with_factors(told(*rows), bars)["adjustment_factor"].item()


def test_cash_factor_is_of_the_close_before() -> None:
    """
    Trap 37: a dividend multiplies earlier prices by 1 - D / close of the session before its ex-date.
    """
    bars = closes(50, 40, 10, 10, 10)
    assert factor(bars, cash(WEDNESDAY, 2.0)) == 1 - 2 / 40
    assert factor(bars.filter(pl.col("date") != TUESDAY), cash(WEDNESDAY, 2.0)) == 1 - 2 / 50
    assert factor(bars.filter(pl.col("date") != WEDNESDAY), cash(WEDNESDAY, 2.0)) == 1 - 2 / 40


def test_split_factor_is_the_exact_ratio_turned() -> None:
    """
    A split multiplies earlier prices by old shares over new.
    """
    assert factor(closes(50, 40, 10), split(WEDNESDAY, 4)) == 0.25
    assert factor(closes(50, 40, 10), split(WEDNESDAY, 1046, 1000)) == 1000 / 1046
    assert factor(closes(1, 1, 10), split(WEDNESDAY, 1, 10)) == 10.0


def test_dividend_with_a_split_on_its_ex_date() -> None:
    """
    Both on one ex-date: the amount is per new share, so the close before is brought to new shares first.
    """
    made = with_factors(told(split(WEDNESDAY, 4), cash(WEDNESDAY, 0.5)), closes(50, 40, 10))
    assert dict(made.select("kind", "adjustment_factor").rows()) == {"dividend": 1 - 0.5 / 10, "split": 0.25}
    adjusted = adjust(closes(50, 40, 10), made)
    assert adjusted["adj_close"].to_list() == pytest.approx([50 * 0.25 * 0.95, 9.5, 10.0])


@pytest.mark.parametrize("before", [[], [split(WEDNESDAY, 2)]])
def test_payments_of_one_day_make_one_step(before: list[Row]) -> None:
    """
    A dividend, a special one and a capital gain of one ex-date take 1 - (D1 + D2 + D3) / close together.
    """
    rows = [
        cash(WEDNESDAY, amount, kind=kind)
        for kind, amount in (("dividend", 1.0), ("special_dividend", 5.0), ("capital_gain", 2.0))
    ]
    made = adjust(closes(50, 40, 10), with_factors(told(*before, *rows), closes(50, 40, 10)))
    base = 40 / 2 ** len(before)
    assert made["dividend_factor"].to_list() == pytest.approx([1 - 8 / base, 1 - 8 / base, 1.0])


@pytest.mark.parametrize("amount", [40.0, 41.0, 1e9])
def test_dividend_at_or_above_the_close_is_refused(amount: float) -> None:
    """
    Trap 39: cash at or above the close before it is refused: no factor, a dispute, and the reason among witnesses.
    """
    made = with_factors(told(cash(WEDNESDAY, amount)), closes(50, 40, 10)).row(0, named=True)
    assert made["adjustment_factor"] is None
    assert made["status"] == "disputed"
    assert made["witnesses"].endswith("refused: not below the close before the ex-date")
    assert made["amount"] == amount


def test_dividend_just_below_the_close_is_applied() -> None:
    """
    Trap 39: one cent below the close is odd but possible.
    """
    assert factor(closes(50, 40, 10), cash(WEDNESDAY, 39.99)) == pytest.approx(0.01 / 40)


@pytest.mark.parametrize(
    ("day", "applies"),
    [
        (MONDAY - timedelta(3), False),
        (MONDAY, False),
        (TUESDAY, True),
        (FRIDAY, True),
        (FRIDAY + timedelta(1), False),
        (FRIDAY + timedelta(99), False),
    ],
)
@pytest.mark.parametrize("make", [lambda day: split(day, 4), lambda day: cash(day, 1.0)])
def test_action_needs_bars_before_and_from_its_ex_date(day: date, applies: bool, make: Any) -> None:
    """
    An action before the first bar, on it, or after the last one has no factor: it multiplies nothing or is yet to come.
    """
    assert (factor(closes(50, 40, 30, 20, 10), make(day)) is not None) == applies


def test_without_bars_or_amount_there_is_no_factor() -> None:
    """
    No bars, a spin-off, or an amount in dispute: nothing is applied.
    """
    bars = closes(50, 40, 10)
    assert factor(closes(), split(WEDNESDAY, 4)) is None
    assert factor(bars, split(WEDNESDAY, 1, 5, kind="spin_off")) is None
    assert factor(bars, cash(WEDNESDAY, 1.0, basis="unknown")) is None
    assert with_factors(ACTIONS.empty(), bars).equals(ACTIONS.empty())


def test_factor_told_is_kept() -> None:
    """
    A factor that a source's own step told is not computed again from the amount read off it.
    """
    assert factor(closes(50, 40, 10), cash(WEDNESDAY, 2.0, factor=0.9512)) == 0.9512


def test_factors_multiply_over_later_ex_dates() -> None:
    """
    split_factor and dividend_factor of a day are the products over ex-dates later than the day.
    """
    bars = closes(50, 40, 10, 12, 6)
    made = adjust(bars, with_factors(told(split(WEDNESDAY, 4), cash(THURSDAY, 1.0), split(FRIDAY, 2)), bars))
    assert made["split_factor"].to_list() == [0.125, 0.125, 0.5, 0.5, 1.0]
    assert made["dividend_factor"].to_list() == [0.9, 0.9, 0.9, 1.0, 1.0]
    assert made["adj_close"].to_list() == pytest.approx([50 * 0.1125, 40 * 0.1125, 10 * 0.45, 6.0, 6.0])


@pytest.mark.parametrize(
    ("upto", "splits", "payments"),
    [(None, 0.125, 0.9), (FRIDAY, 0.125, 0.9), (THURSDAY, 0.25, 0.9), (WEDNESDAY, 0.25, 1.0), (TUESDAY, 1.0, 1.0)],
)
def test_actions_up_to_a_day(upto: date | None, splits: float, payments: float) -> None:
    """
    With `upto`, ex-dates after that day are not applied; the day itself is.
    """
    bars = closes(50, 40, 10, 12, 6)
    made = with_factors(told(split(WEDNESDAY, 4), cash(THURSDAY, 1.0), split(FRIDAY, 2)), bars)
    first = adjust(bars, made, upto=upto).row(0, named=True)
    assert (first["split_factor"], first["dividend_factor"]) == (splits, payments)


def test_four_for_one_keeps_the_market_value() -> None:
    """
    Trap 33: over a split, price x shares is what it was; adjusted closes make no step.
    """
    bars = closes(400, 400, 100, 100)
    made = adjust(bars, with_factors(told(split(WEDNESDAY, 4)), bars))
    assert made["adj_close"].to_list() == [100.0] * 4


@given(
    st.lists(st.floats(0.01, 1e6), min_size=5, max_size=5),
    st.lists(
        st.one_of(
            st.builds(split, st.sampled_from(DAYS), st.integers(1, 50), st.integers(1, 50)),
            st.builds(cash, st.sampled_from(DAYS), st.floats(1e-4, 50)),
        ),
        max_size=6,
    ),
)
def test_adjusted_close_is_the_product(values: list[float], rows: list[Row]) -> None:
    """
    close x split_factor x dividend_factor = adj_close, never negative, and the last bar is as traded.
    """
    bars = closes(*values)
    made = adjust(bars, with_factors(told(*rows), bars))
    for close, split_factor, dividend_factor, adjusted in made.select(
        "close", "split_factor", "dividend_factor", "adj_close"
    ).iter_rows():
        assert adjusted == close * split_factor * dividend_factor
        assert adjusted > 0
    assert made["adj_close"][-1] == values[-1]

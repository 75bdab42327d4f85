"""Factors laid over bars by their steps: the floats that gold reckons row by row, to the last bit."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.gold import adjust, factor_steps
from marketkeep.model import ACTIONS
from marketkeep.query.bars import Adjust, scale
from marketkeep.query.panel_bars import adjusted
from marketkeep.query.panel_steps import Factors, Steps, first_not_before, spans

DAY = date(2024, 1, 1)
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
PRICES = ("open", "high", "low", "close")


@st.composite
def markets(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame]:
    """
    Bars and actions of a few symbols, at random; some actions are not applied, some fall on a day.
    """
    rows = []
    for symbol in draw(st.lists(st.sampled_from(SYMBOLS), min_size=1, unique=True).map(sorted)):
        for day in sorted(draw(st.sets(st.integers(0, 30), max_size=20))):
            price = draw(st.floats(0.01, 1e5))
            rows.append((symbol, DAY + timedelta(days=day), *[price] * 4, draw(st.none() | st.floats(0, 1e9))))
    names = ["symbol", "date", *PRICES, "volume"]
    kinds = [pl.String, pl.Date, *[pl.Float64] * 5]
    bars = pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")
    told = draw(
        st.lists(
            st.tuples(
                st.sampled_from(SYMBOLS),
                st.integers(-5, 40).map(lambda at: DAY + timedelta(days=at)),
                st.sampled_from(["split", "dividend", "special_dividend"]),
                st.none() | st.floats(0.01, 50),
            ),
            unique_by=lambda one: one[:3],
            max_size=25,
        )
    )
    schema = {name: ACTIONS.schema[name] for name in ("symbol", "ex_date", "kind", "adjustment_factor")}
    actions = pl.DataFrame(told, schema=schema, orient="row")
    texts = {name: pl.lit("") for name in ("status", "told", "witnesses")}
    return bars, ACTIONS.conform(actions.sort("symbol", "ex_date", "kind").with_columns(**texts))


def laid(bars: pl.DataFrame, steps: Steps) -> Factors:
    """
    The factors over bars sorted by symbol and date.
    """
    runs = bars["symbol"].rle().struct.unnest()
    counts, days = runs["len"].cast(pl.Int64).to_numpy(), bars["date"].cast(pl.Int32).to_numpy()
    return steps.over(runs["value"].to_list(), counts, days)


@given(markets(), st.sampled_from(["none", "splits", "all"]))
@settings(max_examples=300, deadline=None)
def test_the_same_floats_as_gold(market: tuple[pl.DataFrame, pl.DataFrame], how: Adjust) -> None:
    """
    adj_close, adjusted prices and volumes are bit for bit those of gold, whatever the bars and actions.
    """
    bars, actions = market
    expected = scale(adjust(bars, actions), how)
    factors = laid(bars, Steps(factor_steps(actions)))
    names = [*PRICES, "volume"]
    found = pl.DataFrame([adjusted(bars.get_column, name, factors, how) for name in names])
    close = adjusted(bars.get_column, "adj_close", factors, how)
    assert found.equals(expected.select(names))
    assert close.equals(expected["adj_close"])


@pytest.mark.parametrize("symbols", [1, 3])
def test_a_step_ends_before_its_day(symbols: int) -> None:
    """
    A bar on the ex-date no longer has the factor, the one before it has; symbols without steps have 1.
    """
    steps = Steps(pl.DataFrame({"symbol": ["AAA"], "until": [DAY], "split_factor": [0.5], "dividend_factor": [1.0]}))
    days = np.array([-1, 0, 1] * symbols, np.int32) + np.int32((DAY - date(1970, 1, 1)).days)
    found = steps.over(SYMBOLS[:symbols], np.full(symbols, 3), days)
    assert found.dividend is None
    assert found.split is not None
    assert found.split.tolist() == [0.5, 1.0, 1.0] + [1.0] * 3 * (symbols - 1)


def test_no_rows_have_no_factors() -> None:
    """
    Of nothing there are no factors, however many symbols and steps.
    """
    steps = Steps(pl.DataFrame({"symbol": ["AAA"], "until": [DAY], "split_factor": [0.5], "dividend_factor": [0.9]}))
    for symbols in ([], ["AAA"], ["AAA", "BBB"]):
        found = steps.over(symbols, np.zeros(len(symbols), np.int64), np.zeros(0, np.int32))
        assert all(one is None or len(one) == 0 for one in (found.split, found.dividend))


@given(st.lists(st.lists(st.integers(0, 50), max_size=12).map(sorted), max_size=8), st.integers(0, 50))
def test_first_not_before_is_a_search_in_each_span(parts: list[list[int]], day: int) -> None:
    """
    In each of many spans it finds the place that a search in that span alone finds.
    """
    days = np.array([one for part in parts for one in part], np.int32)
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    begins = ends - np.array([len(part) for part in parts], np.int64)
    wanted = np.full(len(parts), day, np.int32)
    found = first_not_before(days, begins, ends, wanted)
    assert (found - begins).tolist() == [int(np.searchsorted(part, day)) for part in parts]
    assert days[spans(begins, ends - begins)].tolist() == days.tolist()


def test_later_than_names_who_has_a_step_to_come() -> None:
    """
    A symbol whose last ex-date is that day has none to come.
    """
    until = [DAY, DAY + timedelta(days=1)]
    table = pl.DataFrame({"symbol": ["AAA", "BBB"], "until": until, "split_factor": 0.5, "dividend_factor": 1.0})
    assert Steps(table).later_than(DAY) == ["BBB"]

"""
What holds of gold whatever is told: factors make the adjusted close, choosing again chooses the same, the order of what
came does not matter, and what is refused leaves no trace.
"""

from __future__ import annotations

import random
from datetime import timedelta
from math import prod

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep import checks
from marketkeep.calendars import XNYS
from marketkeep.gold import Gold, promote, sift
from marketkeep.gold.resolve import CANDIDATE, resolve
from marketkeep.model import Policy
from raw_rows import RECEIVED, Row, actions, bar, bars, cash, split

DAYS = XNYS.sessions(RECEIVED.date() - timedelta(days=120), RECEIVED.date() - timedelta(days=60))
POLICY = Policy(priority=("a", "b", "c"))
VALUES = ["symbol", "date", "open", "high", "low", "close", "volume", "source"]
SOURCES = st.sampled_from(("a", "b", "c"))
OFTEN = settings(max_examples=30, deadline=None)


def _level(day: int) -> float:
    """A price that drifts, so that days can be told apart."""
    return round(20 + 0.05 * day + (day * 7 % 5) * 0.1, 2)


BARS = st.builds(
    lambda day, times, volume, source, at: bar(
        DAYS[day], round(_level(day) * times, 2), source=source, at=at, volume=volume
    ),
    st.integers(0, len(DAYS) - 1),
    st.sampled_from((1, 1, 1, 1, 1.001, 1.02, 1.5, 0.5, 100, 0.01)),
    st.sampled_from((1000.0, 1000.0, 5e7, 0.0, -5.0, None)),
    SOURCES,
    st.integers(0, 3),
)
ACTIONS = st.one_of(
    st.builds(
        lambda day, ratio, source, at: split(DAYS[day], *ratio, source=source, at=at),
        st.integers(0, len(DAYS) - 1),
        st.sampled_from(((2, 1), (3, 2), (1, 10), (1114, 1111))),
        SOURCES,
        st.integers(0, 3),
    ),
    st.builds(
        lambda day, amount, kind, source, at: cash(DAYS[day], amount, kind=kind, source=source, at=at),
        st.integers(0, len(DAYS) - 1),
        st.sampled_from((0.25, 0.251, 1.0, 25.0, 400.0)),
        st.sampled_from(("dividend", "special_dividend", "capital_gain")),
        SOURCES,
        st.integers(0, 3),
    ),
)
# Which of two that one payload tells of the same action comes last is not known, so they are told at several times.
ACTION_LISTS = st.lists(
    ACTIONS, unique_by=lambda row: (row["ex_date"], row["kind"], row["source"], row["fetched_at"]), max_size=5
)
SERIES = st.booleans().map(lambda told: [bar(day, _level(at), source="a") for at, day in enumerate(DAYS)] * told)
TOLD = st.tuples(SERIES, st.lists(BARS, max_size=25)).map(lambda both: both[0] + both[1])


def gold(rows: list[Row], told: list[Row]) -> Gold:
    """What these rows come to."""
    return promote(bars(*rows), actions(*told), POLICY, checks)


@given(TOLD, ACTION_LISTS)
@OFTEN
def test_factors_times_as_traded_is_adjusted(rows: list[Row], told: list[Row]) -> None:
    """
    adj_close = close x split_factor x dividend_factor, and each factor is the product of the later actions' own.
    """
    made = gold(rows, told)
    applied = made.actions.filter(pl.col("adjustment_factor").is_not_null())
    steps = applied.select("ex_date", "kind", "adjustment_factor").rows()
    columns = ("date", "close", "split_factor", "dividend_factor", "adj_close")
    for day, close, splits, cash_factor, adjusted in made.bars.select(columns).rows():
        later = [(kind, factor) for ex_date, kind, factor in steps if ex_date > day]
        assert splits == pytest.approx(prod(factor for kind, factor in later if kind == "split"), rel=1e-12)
        assert cash_factor == pytest.approx(prod(factor for kind, factor in later if kind != "split"), rel=1e-12)
        assert adjusted == close * splits * cash_factor
        assert adjusted > 0
    if made.bars.height:
        assert made.bars["adj_close"][-1] == made.bars["close"][-1]


@given(TOLD, ACTION_LISTS)
@OFTEN
def test_choosing_again_chooses_the_same(rows: list[Row], told: list[Row]) -> None:
    """
    Resolve is idempotent: among the chosen alone the same are chosen; and among all again, the same again.
    """
    made = sift(bars(*rows), actions(*told), POLICY, checks)
    alone = made.checked.join(made.bars.select(CANDIDATE), on=CANDIDATE, how="semi", maintain_order="left")
    again = resolve(alone, POLICY)
    assert again.select(VALUES).equals(made.bars.select(VALUES))
    assert set(again["status"]) <= {"single"}
    assert resolve(made.checked, POLICY).equals(made.bars)


@given(TOLD, ACTION_LISTS, st.randoms(use_true_random=False))
@OFTEN
def test_order_does_not_matter(rows: list[Row], told: list[Row], chance: random.Random) -> None:
    """
    The same rows in another order come to the same bars, scores, verdicts and marks.
    """
    first = gold(rows, told)
    mixed, other = list(rows), list(told)
    chance.shuffle(mixed)
    chance.shuffle(other)
    again = gold(mixed, other)
    assert again.bars.equals(first.bars)
    assert again.actions.equals(first.actions)
    # Two that one payload tells of a session have no order.
    columns = first.checked.columns
    assert again.checked.sort(columns).equals(first.checked.sort(columns))


@given(TOLD, ACTION_LISTS, st.lists(st.integers(0, len(DAYS) - 1), min_size=1, max_size=5), SOURCES)
@OFTEN
def test_what_is_refused_leaves_no_trace(rows: list[Row], told: list[Row], days: list[int], source: str) -> None:
    """
    Rows that can be no bars, of whatever source, change neither what is chosen nor the verdicts on actions.
    """
    first = gold(rows, told)
    refused = [bar(DAYS[day], _level(day) * 3, source=source, at=4, volume=-1.0) for day in days]
    again = gold(rows + refused, told)
    assert again.bars.select(*VALUES, "status", "adj_close").equals(first.bars.select(*VALUES, "status", "adj_close"))
    assert again.actions.equals(first.actions)


@given(TOLD, ACTION_LISTS)
@OFTEN
def test_every_bar_was_told(rows: list[Row], told: list[Row]) -> None:
    """
    One bar a session at most, and each has the values of one row that its source told: nothing is mixed or made up.
    """
    made = gold(rows, told).bars
    assert made.select("symbol", "date").is_unique().all()
    known = {(row["date"], row["close"], row["volume"], row["source"]) for row in rows}
    assert set(made.select("date", "close", "volume", "source").rows()) <= known

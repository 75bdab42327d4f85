"""The total-return index: what one holding became, moving exactly as the adjusted close does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.derive.total_return import total_return
from marketkeep.errors import BadInput
from marketkeep.gold import adjust, with_factors
from marketkeep.model import ACTIONS, Policy
from raw_rows import Row, actions, cash, resolve_actions, split

DAYS = [date(2024, 3, 4) + timedelta(days) for days in range(5)]
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = DAYS


def closes(*values: float, symbol: str = "AAPL") -> pl.DataFrame:
    """Bars with these closes, as traded, one a day from Monday on."""
    return pl.DataFrame(
        {"symbol": symbol, "date": DAYS[: len(values)], "close": values}, schema_overrides={"close": pl.Float64}
    )


def judged(bars: pl.DataFrame, *told: Row) -> pl.DataFrame:
    """What is told, with the factors that it has by these bars."""
    return with_factors(resolve_actions(actions(*told), Policy()), bars)


def index(bars: pl.DataFrame, *told: Row, **options: Any) -> list[float]:
    """The index of one symbol."""
    return total_return(bars, judged(bars, *told), **options)["total_return"].to_list()


def test_without_actions_it_follows_the_price() -> None:
    """With nothing paid the index is the close, brought to its base."""
    assert index(closes(50, 55, 40)) == pytest.approx([100.0, 110.0, 80.0])
    assert index(closes(50, 55, 40), base=1.0) == pytest.approx([1.0, 1.1, 0.8])


def test_split_leaves_it_where_it_was() -> None:
    """Trap 33: four shares for one at a quarter of the price are worth the same."""
    bars = closes(400, 400, 100, 100)
    made = total_return(bars, judged(bars, split(WEDNESDAY, 4)))
    assert made["total_return"].to_list() == pytest.approx([100.0] * 4)
    assert made["shares"].to_list() == [1.0, 1.0, 4.0, 4.0]


def test_payment_buys_shares() -> None:
    """A payment of D buys D / (C - D) shares for each held: where the price falls by D, nothing is gained or lost."""
    bars = closes(50, 40, 38, 38)
    made = total_return(bars, judged(bars, cash(WEDNESDAY, 2.0)))
    assert made["shares"].to_list() == pytest.approx([1.0, 1.0, 40 / 38, 40 / 38])
    assert made["total_return"].to_list() == pytest.approx([100.0, 80.0, 80.0, 80.0])


@given(
    st.lists(st.floats(0.5, 1e6), min_size=5, max_size=5),
    st.lists(
        st.one_of(
            st.builds(split, st.sampled_from(DAYS), st.integers(1, 50), st.integers(1, 50)),
            st.builds(cash, st.sampled_from(DAYS), st.floats(1e-4, 5)),
        ),
        max_size=5,
    ),
)
def test_it_moves_as_the_adjusted_close(values: list[float], told: list[Row]) -> None:
    """Between any two sessions the index moves by the ratio of the adjusted closes."""
    bars = closes(*values)
    events = judged(bars, *told)
    made = total_return(bars, events)["total_return"]
    adjusted = adjust(bars, events)["adj_close"]
    assert (made / made[0]).to_list() == pytest.approx((adjusted / adjusted[0]).to_list(), rel=1e-9)


def test_phantoms_and_actions_to_come_are_not_reinvested() -> None:
    """What has no factor, and what lies behind `upto`, changes nothing."""
    bars = closes(50, 40, 38, 38)
    events = judged(bars, cash(WEDNESDAY, 2.0), cash(FRIDAY, 9.0))
    assert total_return(bars, events)["shares"][-1] == pytest.approx(40 / 38)
    assert total_return(bars, events, upto=TUESDAY)["shares"].to_list() == [1.0] * 4
    assert total_return(bars, ACTIONS.empty())["shares"].to_list() == [1.0] * 4


def test_ex_date_without_a_session_takes_effect_on_the_next() -> None:
    """An ex-date on which nothing was held applies from the next session; one before the first has passed."""
    bars = closes(50, 40, 38, 38).filter(pl.col("date") != WEDNESDAY)
    assert total_return(bars, judged(bars, cash(WEDNESDAY, 2.0)))["shares"].to_list() == pytest.approx(
        [1.0, 1.0, 40 / 38]
    )
    later = bars.filter(pl.col("date") >= THURSDAY)
    events = judged(bars, cash(WEDNESDAY, 2.0))
    assert total_return(later, events)["shares"].to_list() == [1.0]


def test_trap_40_it_ends_with_the_last_bar() -> None:
    """Trap 40: after a delisting there is no row, and so no return."""
    assert total_return(closes(50, 40), ACTIONS.empty())["date"].to_list() == [MONDAY, TUESDAY]


def test_symbols_are_apart_and_a_day_told_twice_is_refused() -> None:
    """Each symbol has an index of its own; two bars of one day are refused."""
    both = pl.concat([closes(10, 20, symbol="B"), closes(50, 40, symbol="A")])
    made = total_return(both, ACTIONS.empty())
    assert made["symbol"].to_list() == ["A", "A", "B", "B"]
    assert made["total_return"].to_list() == pytest.approx([100.0, 80.0, 100.0, 200.0])
    with pytest.raises(BadInput, match="two bars"):
        total_return(pl.concat([both, both]), ACTIONS.empty())

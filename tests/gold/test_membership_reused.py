"""Members whose ticker another company took later are told by the name under which their bars are published."""

from __future__ import annotations

from datetime import date

import polars as pl

from gold.tenancy_frames import FACEBOOK, REUSED, tickers_frame
from marketkeep.gold.member_differences import membership_differences
from marketkeep.gold.membership import members_on, resolve_members
from marketkeep.model import TICKER_HISTORY
from member_rows import Row, intervals, listed, rows, told

RENAMED = pl.DataFrame(
    [
        ("META", "METV", "META", "METV", date(2022, 1, 31), "lean"),
        ("FB", "META", "FB", "META", date(2022, 6, 9), "lean"),
    ],
    schema=TICKER_HISTORY.schema,
    orient="row",
)
GONE = pl.DataFrame(
    [("REUS", "REUS~2015", "REUS", None, date(2015, 3, 31), "nasdaq_trader")],
    schema=TICKER_HISTORY.schema,
    orient="row",
)


def bounds(*given: Row | list[Row], reused: bool = True) -> list[tuple[str, str | None, str | None]]:
    """The intervals that follow, where REUS was taken again, or where META and FB were."""
    history, tenancies = (GONE, REUSED) if reused else (RENAMED, FACEBOOK)
    return intervals(resolve_members(rows(*given), history, tickers_frame(tenancies)))


def test_trap_30_a_former_holder_is_told_as_it_is_published() -> None:
    """
    Of a ticker that two companies had, what is said of it in the time of the first is of `REUS~2015`, a removal some
    weeks after its end included; what is said from shortly before the second one's first day on is of REUS.
    """
    first = told("added", "REUS", "2010-01-04"), told("removed", "REUS", "2015-04-20")
    assert bounds(*first) == [("REUS~2015", "2010-01-04", "2015-04-20")]
    second = told("added", "REUS", "2018-05-21")
    both = [("REUS", "2018-05-21", None), ("REUS~2015", "2010-01-04", "2015-04-20")]
    assert bounds(*first, second) == both
    table = resolve_members(rows(*first, second), GONE, tickers_frame(REUSED))
    assert members_on(table, "sp500", date(2012, 1, 3)) == ["REUS~2015"]
    assert members_on(table, "sp500", date(2020, 1, 2)) == ["REUS"]


def test_lists_are_of_the_holder_of_their_day() -> None:
    """
    Lists alone, with years between them, do not make one member of two companies.
    """
    lists = [*listed("2014-01-02", "A", "REUS"), *listed("2016-01-04", "A"), *listed("2019-01-02", "A", "REUS")]
    assert bounds(lists) == [("A", None, None), ("REUS", "2019-01-02", None), ("REUS~2015", None, "2016-01-04")]
    without = [*listed("2014-01-02", "A", "REUS"), *listed("2019-01-02", "A", "REUS")]
    assert [one[0] for one in bounds(without)] == ["A", "REUS", "REUS~2015"]


def test_addition_beside_a_list_is_of_who_is_listed() -> None:
    """
    A page of today's members with the day on which each was added tells that day of today's holder, whoever had the
    ticker then: what it had been called before is not for the page to say.
    """
    page = [*listed("2026-01-05", "META"), told("added", "META", "2013-12-23")]
    assert bounds(page, reused=False) == [("META", "2013-12-23", None)]
    # Told by itself, or replaced by a later one in the same payload, it is of who had the ticker on its day.
    assert bounds(told("added", "META", "2021-12-20"), reused=False) == [("METV", "2021-12-20", None)]
    page = [
        *listed("2026-01-05", "REUS"),
        told("added", "REUS", "2010-01-04"),
        told("removed", "REUS", "2015-03-31"),
        told("added", "REUS", "2019-01-02"),
    ]
    assert bounds(page) == [("REUS", "2019-01-02", None), ("REUS~2015", "2010-01-04", "2015-03-31")]


def test_nothing_changes_where_no_ticker_was_reused() -> None:
    """
    Members of other tickers are as they are without knowing who had which.
    """
    page = rows(
        listed("2026-01-05", "AAPL", "META"), told("added", "FB", "2013-12-23"), told("added", "AAPL", "1982-11-30")
    )
    assert resolve_members(page, RENAMED, tickers_frame(FACEBOOK)).equals(resolve_members(page, RENAMED))


def test_differences_name_the_former_holder() -> None:
    """
    Where one source has the first company and the other has not, the finding is of it.
    """
    page = [*listed("2014-01-02", "A"), *listed("2019-01-02", "A", "REUS")]
    fund = [*listed("2014-01-02", "A", "REUS", source="ishares"), *listed("2019-01-02", "A", "REUS", source="ishares")]
    found = membership_differences(rows(page, fund), GONE, tickers_frame(REUSED))
    assert found["symbol"].to_list() == ["REUS~2015"]

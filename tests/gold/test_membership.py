"""Membership: intervals from lists and changes in any order; lists give way to changes, sources to better ones."""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise, permutations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.gold.member_differences import membership_differences
from marketkeep.gold.membership import members_on, resolve_members
from marketkeep.model import FINDINGS, INDEX_MEMBERS, TICKER_HISTORY
from member_rows import Row, intervals, listed, rows, told


def bounds(*given: Row | list[Row], renames: pl.DataFrame | None = None) -> list[tuple[str, str | None, str | None]]:
    """Symbol, from and to that follow from these statements."""
    return intervals(resolve_members(rows(*given), renames))


def rename(old: str, new: str, day: str) -> pl.DataFrame:
    """One rename."""
    row = (old, new, old, new, date.fromisoformat(day), "sec")
    return pl.DataFrame([row], schema=TICKER_HISTORY.schema, orient="row")


# --- one source ------------------------------------------------------------------------------------------------------


def test_nothing_told_no_members() -> None:
    """
    Without statements the table is empty, and in its columns.
    """
    assert resolve_members(rows()).equals(INDEX_MEMBERS.empty())


def test_list_alone() -> None:
    """
    Who is on the only list was a member before all that is known, and is one still.
    """
    assert bounds(listed("2025-01-02", "A", "B")) == [("A", None, None), ("B", None, None)]


def test_list_walked_back_through_changes() -> None:
    """
    An addition begins an interval, a removal ends one that began before all that is known.
    """
    changes = [told("added", "B", "2020-03-02"), told("removed", "C", "2020-03-02"), told("added", "C", "2011-01-03")]
    assert bounds(listed("2025-01-02", "A", "B"), changes, told("removed", "D", "2015-06-01")) == [
        ("A", None, None),
        ("B", "2020-03-02", None),
        ("C", "2011-01-03", "2020-03-02"),
        ("D", None, "2015-06-01"),
    ]


def test_source_of_each_end() -> None:
    """
    Each known end names the source that told it.
    """
    table = resolve_members(rows(listed("2025-01-02", "A"), told("added", "A", "2020-03-02", name="Alpha")))
    assert table.row(0) == ("sp500", "A", date(2020, 3, 2), None, "Alpha", "wikipedia", None)


def test_one_day_members_exist() -> None:
    """
    Trap 55: added on one session and removed on the next is a member for a day.
    """
    table = resolve_members(rows(told("added", "A", "2024-10-01"), told("removed", "A", "2024-10-02")))
    assert intervals(table) == [("A", "2024-10-01", "2024-10-02")]
    days = [date(2024, 9, 30), date(2024, 10, 1), date(2024, 10, 2)]
    assert [members_on(table, "sp500", day) for day in days] == [[], ["A"], []]


def test_back_again() -> None:
    """
    Who leaves and comes back has two intervals; out and in on one day is no interruption.
    """
    change = [told("added", "A", "2001-01-02"), told("removed", "A", "2005-01-03"), told("added", "A", "2010-01-04")]
    assert bounds(change) == [("A", "2001-01-02", "2005-01-03"), ("A", "2010-01-04", None)]
    assert bounds(change, told("removed", "A", "2012-01-03"), told("added", "A", "2012-01-03")) == [
        ("A", "2001-01-02", "2005-01-03"),
        ("A", "2010-01-04", None),
    ]


def test_announced_change_takes_effect_on_its_day() -> None:
    """
    Trap 55: a list that has an announced change already does not make it effective.
    """
    early = listed("2024-12-16", "A", "NEW")
    change = [told("added", "NEW", "2024-12-23"), told("removed", "OLD", "2024-12-23")]
    before = listed("2024-12-10", "A", "OLD")
    assert bounds(before, early, change) == [
        ("A", None, None),
        ("NEW", "2024-12-23", None),
        ("OLD", None, "2024-12-23"),
    ]
    table = resolve_members(rows(before, early, change))
    assert members_on(table, "sp500", date(2024, 12, 20)) == ["A", "OLD"]


def test_late_list_does_not_interrupt() -> None:
    """
    A list that lags a day or two behind a change moves no bound.
    """
    change = [told("added", "NEW", "2024-12-23"), told("removed", "OLD", "2024-12-23")]
    late, good = listed("2024-12-24", "A", "OLD"), listed("2024-12-30", "A", "NEW")
    assert bounds(change, late, good) == [("A", None, None), ("NEW", "2024-12-23", None), ("OLD", None, "2024-12-23")]


def test_lists_bound_what_no_change_tells() -> None:
    """
    Without changes the days of lists are the bounds: first list with the symbol, first without.
    """
    assert bounds(
        listed("2020-01-02", "A", "B"), listed("2021-01-04", "A"), listed("2022-01-03", "A", "C"), listed("2023-01-03")
    ) == [("A", None, None), ("B", None, "2021-01-04"), ("C", "2022-01-03", None)]


def test_many_members_are_no_error() -> None:
    """
    Trap 55: an index may have 505 names, or any number.
    """
    names = [f"A{number}" for number in range(505)]
    assert len(members_on(resolve_members(rows(listed("2024-01-02", *names))), "sp500", date(2024, 1, 2))) == 505


def test_added_but_never_listed_has_another_ticker() -> None:
    """
    An addition that no list confirms and no removal ends was of a ticker that changed: it makes no member.
    """
    assert bounds(
        told("added", "FB", "2013-12-23"), listed("2026-05-12", "META"), told("added", "META", "2013-12-23")
    ) == [("META", "2013-12-23", None)]


def test_ticker_handed_on() -> None:
    """
    Removed long ago and listed now, with nothing between: the ticker went to another member on that day.
    """
    assert bounds(told("removed", "T", "2005-11-18"), listed("2026-05-12", "T")) == [("T", None, None)]
    unlisted = listed("2010-01-04", "A")
    assert bounds(told("removed", "T", "2005-11-18"), unlisted, listed("2026-05-12", "A", "T")) == [
        ("A", None, None),
        ("T", None, "2005-11-18"),
        ("T", "2026-05-12", None),
    ]


def test_ticker_reused_between_additions() -> None:
    """
    Two additions in a row: the first holder of the ticker went on under another one.
    """
    assert bounds(told("added", "Q", "2017-08-29"), told("added", "Q", "2025-11-03"), listed("2026-05-12", "Q")) == [
        ("Q", "2025-11-03", None)
    ]


# --- renames ---------------------------------------------------------------------------------------------------------


def test_member_is_told_under_its_last_ticker() -> None:
    """
    Statements about an old ticker, from before its rename, count for the new one; later ones do not.
    """
    renamed = rename("FB", "META", "2022-06-09")
    old = told("added", "FB", "2013-12-23")
    assert bounds(old, listed("2022-01-03", "FB"), listed("2022-07-01", "META"), renames=renamed) == [
        ("META", "2013-12-23", None)
    ]
    assert bounds(old, told("added", "FB", "2024-01-02"), listed("2025-01-02", "FB", "META"), renames=renamed) == [
        ("FB", "2024-01-02", None),
        ("META", "2013-12-23", None),
    ]


def test_removal_on_the_day_of_a_rename() -> None:
    """
    A removal with effect from the day of the rename is told of the old ticker, and ends the new one's interval.
    """
    renamed = rename("A", "B", "2020-05-01")
    assert bounds(told("added", "A", "2010-01-04"), told("removed", "A", "2020-05-01"), renames=renamed) == [
        ("B", "2010-01-04", "2020-05-01")
    ]


def test_renames_in_a_chain() -> None:
    """
    A ticker that changed twice is followed to its last form.
    """
    chain = pl.concat([rename("A", "B", "2015-01-02"), rename("B", "C", "2018-01-02")])
    assert bounds(told("added", "A", "2010-01-04"), listed("2020-01-02", "C"), renames=chain) == [
        ("C", "2010-01-04", None)
    ]


def test_list_with_an_old_ticker_is_late() -> None:
    """
    A list that has the old ticker some days after the rename does not interrupt the member.
    """
    renamed = rename("FB", "META", "2022-06-09")
    lists = [*listed("2022-06-01", "FB"), *listed("2022-06-13", "FB"), *listed("2022-06-20", "META")]
    assert bounds(lists, renames=renamed) == [("META", None, None)]


def test_renamed_there_and_back() -> None:
    """
    A ticker that was changed and changed back is followed through both, once.
    """
    back = pl.concat([rename("A", "B", "2015-01-02"), rename("B", "A", "2018-01-02")])
    assert bounds(told("added", "A", "2010-01-04"), listed("2020-01-02", "A"), renames=back) == [
        ("A", "2010-01-04", None)
    ]
    assert bounds(listed("2016-01-04", "B"), listed("2020-01-02", "A"), renames=back) == [("A", None, None)]


# --- corrections and order -------------------------------------------------------------------------------------------


def test_corrected_date_replaces_the_wrong_one() -> None:
    """
    Where a page tells list and changes, its newest version counts for each symbol it has changes of.
    """
    wrong = [*listed("2025-01-02", "A"), told("added", "A", "2024-12-20")]
    right = [*listed("2025-01-03", "A", at=1), told("added", "A", "2024-12-23", at=1)]
    assert bounds(wrong, right) == bounds(right, wrong) == [("A", "2024-12-23", None)]


def test_newest_list_of_a_day_counts() -> None:
    """
    Of two lists as of one day the one received last is the list.
    """
    assert bounds(listed("2025-01-02", "A", "B", at=0), listed("2025-01-02", "A", at=1)) == [("A", None, None)]


PIECES: list[list[Row]] = [
    listed("2024-01-02", "A", "B"),
    listed("2024-06-03", "A", "C", at=150),
    [told("added", "C", "2024-03-01", at=150), told("removed", "B", "2024-03-01", at=150)],
    listed("2024-06-03", "A", "D", source="ishares", at=151),
    [told("added", "D", "2023-05-01", source="csv", at=2), told("removed", "E", "2023-05-01", source="csv", at=2)],
]


def test_order_of_batches_does_not_matter() -> None:
    """
    The same table and the same differences whatever order the rows come in: an update is a rebuild.
    """
    whole = resolve_members(rows(*PIECES))
    differences = membership_differences(rows(*PIECES))
    for order in permutations(PIECES):
        assert resolve_members(rows(*order)).equals(whole)
        assert membership_differences(rows(*order)).equals(differences)


DAYS = st.dates(date(2020, 1, 1), date(2020, 12, 31)).map(str)
STATEMENTS = st.lists(
    st.builds(
        told,
        st.sampled_from(["member", "added", "removed"]),
        st.sampled_from("ABC"),
        DAYS,
        source=st.sampled_from(["wikipedia", "ishares", "csv"]),
        at=st.integers(0, 3),
    ),
    max_size=14,
)


@given(STATEMENTS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_any_statements_give_disjoint_intervals(given_rows: list[Row], shuffler: random.Random) -> None:
    """
    Whatever is told, intervals of a symbol are not empty, do not touch, and do not depend on the order.
    """
    table = resolve_members(rows(given_rows))
    for symbol in table["symbol"].unique():
        spans = table.filter(pl.col("symbol") == symbol).select(
            pl.col("from").fill_null(date.min), pl.col("to").fill_null(date.max)
        )
        flat = [day for span in spans.iter_rows() for day in span]
        assert all(one < other for one, other in pairwise(flat))
    shuffled = list(given_rows)
    shuffler.shuffle(shuffled)
    assert resolve_members(rows(shuffled)).equals(table)


# --- several sources -------------------------------------------------------------------------------------------------


def test_changes_before_lists() -> None:
    """
    For days that both know of, a source that tells changes speaks before one that only lists.
    """
    fund = [*listed("2024-01-02", "A", source="ishares"), *listed("2024-12-30", "A", "B", source="ishares")]
    page = [told("added", "B", "2024-06-03"), *listed("2024-12-31", "A", "B")]
    assert bounds(fund, page) == [("A", None, None), ("B", "2024-06-03", None)]


def test_fresher_source_goes_on() -> None:
    """
    After the last that the best source knows, the next one speaks: an old file of a user's does not stop time.
    """
    mine = [told("added", "A", "2000-01-03", source="csv"), told("removed", "B", "2010-01-04", source="csv")]
    page = [*listed("2025-01-02", "C"), told("added", "C", "2015-01-02"), told("removed", "A", "2015-01-02")]
    table = resolve_members(rows(mine, page))
    assert table.select("symbol", "from", "to", "from_source", "to_source").rows() == [
        ("A", date(2000, 1, 3), date(2015, 1, 2), "csv", "wikipedia"),
        ("B", None, date(2010, 1, 4), None, "csv"),
        ("C", date(2015, 1, 2), None, "wikipedia", None),
    ]


def test_next_source_denies() -> None:
    """
    Where the next source has no such member, the interval ends where it begins to speak, by its word.
    """
    mine = [told("added", "A", "2000-01-03", source="csv"), told("added", "B", "2010-01-04", source="csv")]
    page = [*listed("2025-01-02", "B"), told("added", "B", "2001-01-02"), told("added", "B", "2001-01-02")]
    table = resolve_members(rows(mine, page))
    assert table.filter(pl.col("symbol") == "A").select("to", "to_source").row(0) == (date(2010, 1, 5), "wikipedia")


def test_indices_do_not_mix() -> None:
    """
    Each index is judged by itself.
    """
    table = resolve_members(rows(listed("2025-01-02", "A"), told("added", "A", "2020-01-02", index="dow_jones")))
    assert (intervals(table), intervals(table, "dow_jones")) == ([("A", None, None)], [("A", "2020-01-02", None)])


# --- differences -----------------------------------------------------------------------------------------------------


def test_differences_are_told_once_a_run() -> None:
    """
    What one source has and another has not is one row over the days concerned, as a sentence.
    """
    page = [
        *listed("2024-01-02", "A", "B"),
        *listed("2024-12-30", "A", "B", at=1),
        told("added", "A", "2020-01-02", at=1),
    ]
    days = ("2024-03-01", "2024-06-03", "2024-09-02")
    fund = [row for day in days for row in listed(day, "A", "X", source="ishares", at=2)]
    found = membership_differences(rows(page, fund))
    assert found.select("check", "severity", "symbol", "source", "first", "last", "count", "detail").rows() == [
        ("source_disagreement", "info", "B", "ishares", date(2024, 3, 1), date(2024, 9, 2), 3,
         "wikipedia has B in sp500, ishares has not"),
        ("source_disagreement", "info", "X", "ishares", date(2024, 3, 1), date(2024, 9, 2), 3,
         "ishares has X in sp500, wikipedia has not"),
    ]  # fmt: skip
    assert found.schema == FINDINGS.schema


def test_a_few_days_are_no_difference() -> None:
    """
    A fund that trades within days of a change agrees; days that only one source knows of are not compared.
    """
    page = [told("added", "B", "2024-06-03"), *listed("2024-12-30", "A", "B"), *listed("2024-01-02", "A")]
    fund = [*listed("2024-05-31", "A", "B", source="ishares"), *listed("2024-06-07", "A", "B", source="ishares")]
    assert membership_differences(rows(page, fund)).is_empty()
    assert membership_differences(rows(page, listed("2025-06-02", "Z", source="ishares"))).is_empty()
    assert membership_differences(rows(page)).equals(FINDINGS.empty())


@pytest.mark.parametrize("day", ["1900-01-01", "2100-01-01"])
def test_members_on_any_day(day: str) -> None:
    """
    Any day may be asked for; an index that nobody told of has no members.
    """
    table = resolve_members(rows(told("added", "A", "2000-01-03"), listed("2025-01-02", "A")))
    assert members_on(table, "sp500", date.fromisoformat(day)) == (["A"] if day > "2000" else [])
    assert members_on(table, "ftse100", date.fromisoformat(day)) == []

"""Folded statements about indices: no larger for what is told again, the same in any order, nothing lost."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.gold.member_differences import differences_between, membership_differences
from marketkeep.gold.member_evidence import witnesses
from marketkeep.gold.member_runs import MEMBER_RUNS, lists_in, member_runs, together
from marketkeep.gold.membership import members_by, resolve_members
from marketkeep.model import TICKER_HISTORY
from member_rows import Row, intervals, listed, rows, told

FIRST = date(2024, 1, 1)
RENAMES = pl.DataFrame(
    [("A", "B", "A", "B", date(2024, 1, 9), "sec"), ("A", "D", "B", "D", date(2024, 2, 1), "sec")],
    schema=TICKER_HISTORY.schema,
    orient="row",
)


def on(number: int) -> str:
    """A day by number."""
    return str(FIRST + timedelta(days=number))


def page(number: int) -> list[Row]:
    """A page as it is every day: a list and the same changes."""
    changes = [told("added", "B", "2020-03-02", at=number), told("removed", "C", "2020-03-02", at=number)]
    return [*listed(on(number), "A", "B", at=number), *changes]


def spelled_out(folded: pl.DataFrame) -> set[tuple[object, ...]]:
    """The lists of a fold as index, source, date and symbol, day by day."""
    lists = lists_in(folded).select("index", "source", "date").rows()
    runs = folded.filter(pl.col("event") == "member").select("index", "source", "symbol", "first", "last").rows()
    return {
        (index, source, day, symbol)
        for index, source, symbol, first, last in runs
        for on_index, by, day in lists
        if (index, source) == (on_index, by) and first <= day <= last
    }


def newest_lists(payloads: Sequence[list[Row]]) -> set[tuple[object, ...]]:
    """What `spelled_out` must give, found payload by payload."""
    lists: dict[tuple[object, ...], set[object]] = {}
    for payload in sorted(payloads, key=lambda one: one[0]["fetched_at"]):
        newest: dict[tuple[object, ...], set[object]] = {}
        for row in payload:
            if row["event"] == "member":
                newest.setdefault((row["index"], row["source"], row["date"]), set()).add(row["symbol"])
        lists |= newest
    return {(*key, symbol) for key, symbols in lists.items() for symbol in symbols}


@st.composite
def payloads(draw: st.DrawFn) -> list[list[Row]]:
    """Answers of three sources, each received at a time of its own: lists of some days, changes, or both."""
    found = []
    times = draw(st.lists(st.integers(0, 40), min_size=1, max_size=9, unique=True))
    for at in times:
        source = draw(st.sampled_from(["wikipedia", "ishares", "csv"]))
        lists = draw(st.dictionaries(st.integers(0, 40), st.sets(st.sampled_from("ABCD"), min_size=1), max_size=4))
        change = st.tuples(st.sampled_from(["added", "removed"]), st.sampled_from("ABCD"), st.integers(0, 40))
        changes = draw(st.sets(change, max_size=3))
        rows_ = [
            told("member", symbol, on(day), source=source, at=at, name=draw(st.sampled_from([None, "X", "Y"])))
            for day, symbols in lists.items()
            for symbol in sorted(symbols)
        ]
        rows_ += [told(event, symbol, on(day), source=source, at=at) for event, symbol, day in sorted(changes)]
        if rows_:
            found.append(rows_)
    return found


def parts(came: Sequence[list[Row]], size: int) -> Iterator[pl.DataFrame]:
    """Payloads folded so many at a time."""
    for at in range(0, len(came), size):
        yield member_runs(rows(*came[at : at + size]))


def test_nothing_told() -> None:
    """
    A fold of nothing is empty, in its columns.
    """
    assert member_runs(rows()).equals(pl.DataFrame(schema=MEMBER_RUNS))
    assert together([]).equals(pl.DataFrame(schema=MEMBER_RUNS))


def test_days_alike_do_not_add_up() -> None:
    """
    A hundred lists and pages that say the same are folded into as many rows as ten, and read the same.
    """
    few, many = ([page(number) for number in range(count)] for count in (10, 100))
    assert member_runs(rows(*few)).height == member_runs(rows(*many)).height == 5
    assert together(list(parts(many, 7))).equals(member_runs(rows(*many)))
    assert resolve_members(rows(*many)).equals(resolve_members(rows(*few)))


def test_one_change_adds_a_run() -> None:
    """
    Who goes and comes back has two runs; those who stay have one.
    """
    lists = [listed(on(number), "A", *("B" if number != 4 else "")) for number in range(9)]
    folded = member_runs(rows(*lists)).filter(pl.col("event") == "member")
    assert folded.select("symbol", pl.col("first", "last").cast(pl.String)).rows() == [
        ("A", on(0), on(8)),
        ("B", on(0), on(3)),
        ("B", on(5), on(8)),
    ]


@pytest.mark.parametrize(("at", "expected"), [(9, [("B", on(0), on(2)), ("B", on(4), on(5))]), (-9, None)])
def test_other_list_of_a_day_inside(at: int, expected: list[tuple[str, str, str]] | None) -> None:
    """
    Another list of a day within a run takes its place when it was received later, and else changes nothing.
    """
    known = member_runs(rows(*(listed(on(number), "A", "B") for number in range(6))))
    other = member_runs(rows(listed(on(3), "A", at=at)))
    runs = together([known, other]).filter(pl.col("symbol") == "B")
    whole = [("B", on(0), on(5))]
    assert runs.select("symbol", pl.col("first", "last").cast(pl.String)).rows() == (expected or whole)


def test_rename_within_a_run() -> None:
    """
    A ticker that is renamed and goes on being listed is another's from the days on which no list lags any more.
    """
    lists = [listed(on(number), "A") for number in range(30)]
    table = resolve_members(rows(*lists), RENAMES.head(1))
    assert intervals(table) == [("A", on(18), None), ("B", None, on(18))]


def test_name_told_last() -> None:
    """
    The name is that of the payload received last that has one, whatever day its list is of.
    """
    lists = [[told("member", "A", on(day), at=at, name=name)] for day, at, name in ((1, 5, "New"), (2, 3, "Old"))]
    assert resolve_members(rows(*lists, [told("member", "A", on(3), at=9)]))["name"].to_list() == ["New"]


@given(payloads(), st.randoms(use_true_random=False), st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_parts_in_any_order_are_as_one(came: list[list[Row]], shuffler: random.Random, size: int) -> None:
    """
    A rebuild folds all payloads at once, an update one after another as they came: the rows are the same.
    """
    whole = member_runs(rows(*came))
    shuffler.shuffle(came)
    known = together([])
    for part in parts(came, size):
        known = together([known, part])
    assert known.equals(whole)
    assert together(list(parts(came, size))).equals(whole)
    assert together([whole, whole]).equals(whole)


@given(payloads())
@settings(max_examples=80, deadline=None)
def test_runs_are_the_newest_lists(came: list[list[Row]]) -> None:
    """
    Spelled out day by day, runs are the newest list of each day, and no run could be longer.
    """
    folded = member_runs(rows(*came))
    assert spelled_out(folded) == newest_lists(came)
    for one in witnesses(folded):
        for of in one.symbols.values():
            assert all(low <= high for low, high in of.runs)
            assert all(end + 1 < start for (_, end), (start, _) in zip(of.runs, of.runs[1:], strict=False))


@given(payloads(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_judged_as_the_rows_are(came: list[list[Row]], shuffler: random.Random) -> None:
    """
    Members and differences from parts put together are those from all rows, renames followed.
    """
    every = rows(*came)
    shuffler.shuffle(came)
    found = witnesses(together(list(parts(came, 1))), RENAMES)
    assert members_by(found).equals(resolve_members(every, RENAMES))
    assert differences_between(found).equals(membership_differences(every, RENAMES))

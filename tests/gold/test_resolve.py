"""Choosing among sources, revisions of one, and that the order of arrival never matters."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep import checks
from marketkeep.gold import Gold, candidates, promote, revisions
from marketkeep.model import Policy
from raw_rows import RECEIVED, Row, actions, bar, bars, cash, split

MONDAY, TUESDAY, WEDNESDAY = date(2024, 3, 4), date(2024, 3, 5), date(2024, 3, 6)
POLICY = Policy(priority=("a", "b", "c"), tolerance=0.005)


def gold(*rows: Row, told: list[Row] | None = None, policy: Policy = POLICY) -> Gold:
    """What raw rows come to."""
    return promote(bars(*rows), actions(*(told or [])), policy, checks)


def chosen(*rows: Row, policy: Policy = POLICY) -> list[tuple[Any, ...]]:
    """Source, close and status of each bar chosen."""
    return gold(*rows, policy=policy).bars.select("source", "close", "status").rows()


@pytest.mark.parametrize(
    ("told", "winner"),
    [
        ({"b": 10.0}, ("b", 10.0, "single")),
        ({"a": 10.0, "b": 10.0}, ("a", 10.0, "confirmed")),
        ({"a": 10.04, "b": 10.0}, ("a", 10.04, "confirmed")),
        ({"a": 10.06, "b": 10.0}, ("a", 10.06, "disputed")),
        ({"a": 11.0, "b": 10.0, "c": 10.0}, ("b", 10.0, "confirmed")),
        ({"a": 10.0, "b": 11.0, "c": 10.0}, ("a", 10.0, "confirmed")),
        ({"a": 10.0, "b": 11.0, "c": 12.0}, ("a", 10.0, "disputed")),
        ({"z": 10.0, "c": 11.0}, ("c", 11.0, "disputed")),
        ({"z": 10.0, "y": 11.0}, ("y", 11.0, "disputed")),
    ],
)
def test_winner_and_status(told: dict[str, float], winner: tuple[str, float, str]) -> None:
    """
    Of those that agree the best ranked wins and is confirmed; if none do, the best ranked wins in dispute.
    """
    assert chosen(*(bar(MONDAY, close, source=source) for source, close in told.items())) == [winner]


def test_tolerance_is_met_at_its_edge() -> None:
    """
    Closes agree when they differ by the tolerance of the larger, and not by more.
    """
    policy = Policy(priority=("a", "b"), tolerance=0.25)
    rows = [bar(MONDAY, 3.0, source="a"), bar(MONDAY, 4.0, source="b")]
    assert chosen(*rows, policy=policy) == [("a", 3.0, "confirmed")]
    assert chosen(bar(MONDAY, 2.99, source="a"), rows[1], policy=policy) == [("a", 2.99, "disputed")]


def test_score_decides_among_equals_in_rank() -> None:
    """
    Of two sources that rank alike, the higher score wins; of two that score alike too, the name.
    """
    flawed = bar(MONDAY, 10.0, source="y", volume=None)
    assert chosen(flawed, bar(MONDAY, 10.0, source="z"))[0][0] == "z"
    assert chosen(bar(MONDAY, 10.0, source="z"), bar(MONDAY, 10.0, source="y"))[0][0] == "y"
    assert chosen({**flawed, "source": "a"}, bar(MONDAY, 10.0, source="z"))[0][0] == "a"


def test_hard_failures_never_win() -> None:
    """
    The best ranked source with a row that fails a hard check gives way; if all fail, there is no bar.
    """
    bad = bar(MONDAY, 10.0, source="a", volume=-1.0)
    assert chosen(bad, bar(MONDAY, 11.0, source="c")) == [("c", 11.0, "single")]
    assert chosen(bad) == []
    assert chosen() == []


def test_newest_version_of_a_source_stands() -> None:
    """
    Trap 6: the last thing a source said counts, whatever its place in the frame.
    """
    rows = [bar(MONDAY, 12.0, at=7), bar(MONDAY, 10.0), bar(MONDAY, 11.0, at=3)]
    assert chosen(*rows) == [("csv", 12.0, "single")]


def test_newest_is_told_by_time_received() -> None:
    """
    A batch's name and a payload's place break ties only: the row received last is the newest.
    """
    early, late = bar(MONDAY, 10.0, batch_id="z", payload=9), bar(MONDAY, 11.0, at=1, batch_id="a", payload=0)
    assert chosen(early, late) == chosen(late, early) == [("csv", 11.0, "single")]
    told = [split(TUESDAY, 2, batch_id="z", payload=9), split(TUESDAY, 3, at=1, batch_id="a")]
    assert gold(early, told=told).actions["numerator"].to_list() == [3]


def test_older_good_version_stands_when_the_newest_is_refused() -> None:
    """
    A newer version that fails a hard check does not take the good one away.
    """
    made = gold(bar(MONDAY, 10.0), bar(MONDAY, 0.0, at=5))
    assert made.bars.select("close", "batch_id").rows() == [(10.0, "batch-csv-0000")]
    assert candidates(made.checked)["close"].to_list() == [10.0]
    assert made.checked.height == 2


def test_sources_are_compared_as_traded() -> None:
    """
    Different bases are brought to as traded before they are compared.
    """
    told = [split("2020-08-31", 4, source="a")]
    made = gold(
        bar("2020-08-28", 124.8075, source="a", basis="split_adjusted"),
        bar("2020-08-28", 499.23, source="b"),
        told=told,
    )
    assert made.bars.select("source", "close", "status").rows() == [("a", 499.23, "confirmed")]


def test_each_session_is_resolved_alone() -> None:
    """
    One source may win one session and lose the next; symbols do not mix.
    """
    rows = [
        bar(MONDAY, 10.0, source="b"),
        bar(TUESDAY, 10.0, source="a"),
        bar(TUESDAY, 10.0, source="b"),
        bar(TUESDAY, 99.0, source="a", symbol="MSFT"),
        bar(WEDNESDAY, 10.0, source="b"),
        bar(WEDNESDAY, 20.0, source="c"),
    ]
    made = gold(*rows).bars
    assert made.select("symbol", "date", "source", "status").rows() == [
        ("AAPL", MONDAY, "b", "single"),
        ("AAPL", TUESDAY, "a", "confirmed"),
        ("AAPL", WEDNESDAY, "b", "disputed"),
        ("MSFT", TUESDAY, "a", "single"),
    ]


def test_revisions_tell_what_changed() -> None:
    """
    A source that changed a price or volume is told with both values; one that said the same again is not.
    """
    made = gold(
        bar(MONDAY, 10.0),
        bar(MONDAY, 10.0, at=1),
        bar(MONDAY, 11.0, at=2),
        bar(TUESDAY, 10.0),
        bar(TUESDAY, 10.0, at=1, volume=1001.0),
        bar(WEDNESDAY, 10.0),
        bar(WEDNESDAY, 12.0, at=1, source="other"),
    )
    found = revisions(made.checked)
    assert found.select("date", "batch_id", "detail").rows() == [
        (MONDAY, "batch-csv-0002", "2024-03-04 close 11.0 volume 1000.0 was close 10.0 volume 1000.0"),
        (TUESDAY, "batch-csv-0001", "2024-03-05 close 10.0 volume 1001.0 was close 10.0 volume 1000.0"),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [bar(MONDAY, 10.0), bar(MONDAY, 10.0 * (1 + 0.9e-6), at=1)],
        [bar(MONDAY, 10.0, fetched_at=RECEIVED.replace(year=2024, month=3, day=4, hour=18)), bar(MONDAY, 11.0, at=1)],
        [bar(MONDAY, 10.0), bar(MONDAY, -10.0, at=1)],
        [bar(MONDAY, 10.0, symbol="A"), bar(MONDAY, 11.0, at=1, symbol="B")],
        [bar(MONDAY, 10.0), bar(TUESDAY, 11.0, at=1)],
        [bar("2020-08-28", 499.23, at=0), bar("2020-08-28", 124.8075, at=1, basis="split_adjusted", volume=4000.0)],
    ],
)
def test_what_is_no_revision(rows: list[Row]) -> None:
    """
    Float noise, a live bar becoming final, a version refused, other symbols and days, and another basis of the same
    price are no revisions.
    """
    assert revisions(gold(*rows, told=[split("2020-08-31", 4)]).checked).is_empty()


RAW_BARS = st.lists(
    st.builds(
        lambda day, cents, source, at, payload: bar(day, cents / 100, source=source, at=at, payload=payload),
        st.sampled_from([MONDAY, TUESDAY, WEDNESDAY, date(2024, 3, 3)]),
        st.integers(-1, 2000),
        st.sampled_from(["a", "b", "c", "z"]),
        st.integers(0, 2),
        st.integers(0, 1),
    ),
    max_size=25,
)
RAW_ACTIONS = st.lists(
    st.one_of(
        st.builds(
            lambda day, new, source, at: split(day, new, source=source, at=at),
            st.sampled_from([TUESDAY, WEDNESDAY]),
            st.integers(1, 5),
            st.sampled_from(["a", "b"]),
            st.integers(0, 2),
        ),
        st.builds(
            lambda day, cents, source, at: cash(day, cents / 100, source=source, at=at, basis="split_adjusted"),
            st.sampled_from([TUESDAY, WEDNESDAY]),
            st.integers(1, 500),
            st.sampled_from(["a", "b", "c"]),
            st.integers(0, 2),
        ),
    ),
    unique_by=lambda row: (row["ex_date"], row["kind"], row["source"], row["fetched_at"]),
    max_size=10,
)


@given(RAW_BARS, RAW_ACTIONS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_of_arrival_does_not_matter(raw: list[Row], told: list[Row], chance: random.Random) -> None:
    """
    The same rows in any order promote to the same gold, verdicts and checks.
    """
    first = promote(bars(*raw), actions(*told), POLICY, checks)
    mixed, other = list(raw), list(told)
    chance.shuffle(mixed)
    chance.shuffle(other)
    again = promote(bars(*mixed), actions(*other), POLICY, checks)
    assert first.actions.equals(again.actions)
    assert first.bars.equals(again.bars)
    order = ["symbol", "date", "fetched_at", "batch_id", "payload", "close"]
    assert first.checked.sort(order).equals(again.checked.sort(order))


@given(RAW_BARS)
@settings(max_examples=60, deadline=None)
def test_gold_has_one_good_bar_a_session(raw: list[Row]) -> None:
    """
    Whatever is told: one bar a session at most, sorted, none that failed a hard check, and every one was told.
    """
    made = promote(bars(*raw), actions(), POLICY, checks).bars
    assert made.select("symbol", "date").is_unique().all()
    assert made["date"].is_sorted()
    assert not made["hard"].any()
    told = {(row["date"], row["source"], row["close"]) for row in raw}
    assert {tuple(row) for row in made.select("date", "source", "close").rows()} <= told


def test_no_rows_at_all() -> None:
    """
    Nothing told is nothing known.
    """
    made = gold()
    assert (made.bars.height, made.actions.height, made.checked.height) == (0, 0, 0)
    assert made.bars.schema["score"] == pl.Int16
    assert "status" in made.bars.columns
